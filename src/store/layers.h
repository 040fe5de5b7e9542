// Layers on disk: a tarball's tree unpacked once, found again by what the tarball is or by the file it is in.
//
// Below the store's root:
//   staging/<random>/tree/       a tree in the making; its maker holds a lock on staging/<random>
//   layers/sha256/<hex>/tree/    an unpacked tree, named by the digest of its uncompressed tar
//   image-layers/sha256/<hex>/size   how large its tar is, in bytes
//   image-layers/sha256/<hex>/tree/  the same of an image's layer, with overlayfs' marks for what it hides
//   tarballs/sha256/<hex>        a symlink to the layer of the tarball with this digest, as it came
//   tarballs/by-file/<key>       a symlink to the layer of a file: device, inode, size, mtime and ctime
// A layer appears by one rename and is whole. A symlink whose layer is gone means nothing.
#pragma once

#include <ctime>
#include <optional>
#include <sys/stat.h>

#include "base/types.h"
#include "oci/digest.h"
#include "sys/unique_fd.h"

namespace tare::store {

/// The digest of a layer's uncompressed tar, "sha256:…" (image-spec: DiffID).
struct LayerId : Named<LayerId> {
  using Named::Named;
};

/// The digest of a tarball as it came, "sha256:…".
struct TarballId : Named<TarballId> {
  using Named::Named;
};

/// The same tar is one tree or another.
enum class LayerKind {
  flat,    ///< all there is: a tarball's files, also those that have a whiteout's name
  overlay  ///< one of an image's layers, for an overlay: see archive::Whiteouts. No index leads to it: an
           ///< image's configuration has its name.
};

/// Where the layer's root directory is; whether or not there is one.
HostPath tree_of(const HostPath& root, const LayerId& layer, LayerKind kind = LayerKind::flat);
bool has_layer(const HostPath& root, const LayerId& layer, LayerKind kind = LayerKind::flat);

/// How large its tar is, of an image's layer; nullopt: it is not here.
std::optional<Bytes> layer_size(const HostPath& root, const LayerId& layer);

/// The layer of an unchanged file, from its status alone: reads nothing of it.
std::optional<LayerId> find_by_file(const HostPath& root, const struct stat& file);
std::optional<LayerId> find_by_tarball(const HostPath& root, const TarballId& tarball);

void remember_tarball(const HostPath& root, const TarballId& tarball, const LayerId& layer);
/// `file` is the status both before and after reading, which began at `read_at` (CLOCK_REALTIME). A file
/// changed so shortly before that a later change could leave the same times is not remembered.
void remember_file(const HostPath& root, const struct stat& file, const timespec& read_at,
                   const LayerId& layer);

/// A directory to make a layer's tree in; removed with its contents unless published.
class Staging {
 public:
  /// Makes the store's directories where they are missing.
  explicit Staging(const HostPath& root);
  ~Staging();
  Staging(Staging&& other) noexcept;
  Staging& operator=(Staging&&) = delete;

  sys::Fd tree() const { return tree_; }
  /// How large its tar is.
  void note_size(Bytes size) const;

 private:
  friend void publish(const HostPath& root, Staging staging, const LayerId& layer, LayerKind kind);
  sys::UniqueFd parent_, lock_, tree_;
  std::string name_;
};

/// Writes the tree to the disk and gives it its name. Where the layer is there already (someone else was
/// quicker, or it came compressed otherwise), that one stays and this one is removed.
void publish(const HostPath& root, Staging staging, const LayerId& layer, LayerKind kind = LayerKind::flat);

/// Moved away by one rename, then removed: `path` is whole or gone, and what is left of it when this process
/// is killed is collected as any other staging directory.
void remove_at_once(const HostPath& root, const HostPath& path);

/// Removes what makers that were killed left behind; how many there were.
int collect_staging(const HostPath& root);

}  // namespace tare::store
