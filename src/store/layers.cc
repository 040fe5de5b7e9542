#include "store/layers.h"

#include <cerrno>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "sys/file.h"
#include "sys/random.h"

namespace tare::store {
namespace {

// Nobody but root gets near the setuid programs in a tree.
constexpr mode_t private_mode = 0700;

// The coarsest time stamps around are FAT's; those of other file systems tick with the kernel (1 to 10 ms).
constexpr time_t settled_after = 2;

std::string hex_of(const std::string& digest) { return digest.substr(digest.find(':') + 1); }

HostPath layer_path(const HostPath& root, const LayerId& layer, LayerKind kind) {
  return root / (kind == LayerKind::flat ? "layers/sha256" : "image-layers/sha256") / hex_of(layer.value);
}

HostPath path_of(const HostPath& root, const TarballId& tarball) {
  return root / "tarballs/sha256" / hex_of(tarball.value);
}

HostPath path_of(const HostPath& root, const struct stat& file) {
  return root / "tarballs/by-file" /
         format("{:x}-{}-{}-{}.{:09}-{}.{:09}", file.st_dev, file.st_ino, file.st_size, file.st_mtim.tv_sec,
                file.st_mtim.tv_nsec, file.st_ctim.tv_sec, file.st_ctim.tv_nsec);
}

std::optional<LayerId> find(const HostPath& root, const HostPath& index_entry) {
  const auto target = sys::try_read_link(sys::here, index_entry.value);
  if (!target) return std::nullopt;
  const auto digest = oci::parse_digest("sha256:" + target->substr(target->find_last_of('/') + 1));
  if (!digest) return std::nullopt;
  LayerId layer(digest->value);
  if (!has_layer(root, layer)) return std::nullopt;
  return layer;
}

// A symlink is made by one call, whole or not at all, and two makers cannot mix their halves.
void remember(const HostPath& index_entry, const LayerId& layer) {
  const std::string target = "../../layers/sha256/" + hex_of(layer.value);
  while (::symlink(target.c_str(), index_entry.c_str()) != 0) {
    if (errno != EEXIST) throw system_error(format("cannot make {}", index_entry.value));
    if (sys::try_read_link(sys::here, index_entry.value) == target) return;
    sys::remove_file(sys::here, index_entry.value);
  }
}

void make_store(const HostPath& root) {
  sys::make_directories(sys::here, root.value, 0711);
  for (const char* name : {"staging", "layers", "tarballs"})
    sys::try_make_directory(sys::here, (root / name).value, private_mode);
  for (const char* name : {"layers/sha256", "tarballs/sha256", "tarballs/by-file"})
    sys::try_make_directory(sys::here, (root / name).value, private_mode);
}

}  // namespace

HostPath tree_of(const HostPath& root, const LayerId& layer, LayerKind kind) {
  return layer_path(root, layer, kind) / "tree";
}

bool has_layer(const HostPath& root, const LayerId& layer, LayerKind kind) {
  return sys::exists(sys::here, tree_of(root, layer, kind).value);
}

std::optional<Bytes> layer_size(const HostPath& root, const LayerId& layer) {
  const HostPath path = layer_path(root, layer, LayerKind::overlay) / "size";
  const auto text = sys::try_read_at_once(sys::here, path.value);
  if (!text) return std::nullopt;
  Step step("read", path.value);
  return parse_integer<Bytes>(std::string_view(*text).substr(0, text->find('\n')), 0);
}

std::optional<LayerId> find_by_file(const HostPath& root, const struct stat& file) {
  return find(root, path_of(root, file));
}

std::optional<LayerId> find_by_tarball(const HostPath& root, const TarballId& tarball) {
  return find(root, path_of(root, tarball));
}

void remember_tarball(const HostPath& root, const TarballId& tarball, const LayerId& layer) {
  remember(path_of(root, tarball), layer);
}

// As in git's "racy" index: a write in the same tick as the last one changes no time stamp. The ctime
// decides, for it cannot be set; utimensat(2) may have put the mtime anywhere.
void remember_file(const HostPath& root, const struct stat& file, const timespec& read_at,
                   const LayerId& layer) {
  if (read_at.tv_sec - file.st_ctim.tv_sec <= settled_after) return;
  remember(path_of(root, file), layer);
}

Staging::Staging(const HostPath& root) {
  make_store(root);
  parent_ = sys::open_at(sys::here, (root / "staging").value, O_RDONLY | O_DIRECTORY);
  // Between mkdir and flock someone may take it for a left-over: then it is gone, and another one is made.
  for (;;) {
    name_ = sys::random_hex(8);
    sys::make_directory(parent_, name_, private_mode);
    lock_ = sys::try_open_at(parent_, name_, O_RDONLY | O_DIRECTORY);
    if (!lock_ && errno == ENOENT) continue;
    if (!lock_) throw system_error(format("cannot open {}/staging/{}", root.value, name_));
    if (sys::try_lock(lock_) && sys::exists(parent_, name_)) break;
  }
  sys::make_directory(lock_, "tree", 0755);
  tree_ = sys::open_at(lock_, "tree", O_RDONLY | O_DIRECTORY);
  // Shared with a confined worker, which has this descriptor only and dies a little later than its parent.
  sys::try_lock(tree_);
  if (::fchmod(tree_.number(), 0755) != 0) throw system_error("cannot set the mode of a tree");
}

void Staging::note_size(Bytes size) const { sys::create_file(lock_, "size", std::to_string(size) + "\n"); }

Staging::Staging(Staging&& other) noexcept
    : parent_(std::move(other.parent_)),
      lock_(std::move(other.lock_)),
      tree_(std::move(other.tree_)),
      name_(std::move(other.name_)) {}

Staging::~Staging() {
  if (!parent_) return;
  try {
    sys::remove_tree(parent_, name_);
  } catch (const Error&) {
    // The lock ends here, so the next command tries again.
  }
}

void publish(const HostPath& root, Staging staging, const LayerId& layer, LayerKind kind) {
  Step step("publish layer", layer.value);
  if (has_layer(root, layer, kind)) return;
  // The contents must not come to the disk after the name that vouches for them.
  if (::syncfs(staging.tree_.number()) != 0) throw system_error("cannot write the layer to the disk");
  const HostPath path = layer_path(root, layer, kind);
  if (kind == LayerKind::overlay)
    for (const char* name : {"image-layers", "image-layers/sha256"})
      sys::try_make_directory(sys::here, (root / name).value, private_mode);
  if (::renameat2(staging.parent_.number(), staging.name_.c_str(), AT_FDCWD, path.c_str(),
                  RENAME_NOREPLACE) == 0) {
    staging.parent_.reset();
    return;
  }
  if (errno != EEXIST) throw system_error(format("cannot move the layer to {}", path.value));
}

void remove_at_once(const HostPath& root, const HostPath& path) {
  sys::try_make_directory(sys::here, (root / "staging").value, private_mode);
  const std::string grave = (root / "staging" / sys::random_hex(8)).value;
  if (::rename(path.c_str(), grave.c_str()) != 0) throw system_error(format("cannot remove {}", path.value));
  sys::remove_tree(sys::here, grave);
}

int collect_staging(const HostPath& root) {
  int collected = 0;
  const HostPath staging = root / "staging";
  for (const std::string& name : sys::list_directory(sys::here, staging.value)) {
    const sys::UniqueFd lock = sys::try_open_at(sys::here, (staging / name).value, O_RDONLY | O_DIRECTORY);
    // By its name, which is never used again: if it was published in this moment, nothing is removed.
    if (!lock || !sys::try_lock(lock)) continue;
    if (const auto tree = sys::try_open_at(lock, "tree", O_RDONLY | O_DIRECTORY)) sys::lock(tree);
    sys::remove_tree(sys::here, (staging / name).value);
    collected++;
  }
  return collected;
}

}  // namespace tare::store
