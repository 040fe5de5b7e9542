// Which images there are, and by what names.
//
//   images/names.json     what tare knows: a list of names and manifests
//   images/index.json     the same for other programs (image-layout.md); what they add there counts as well
//   images/lock           flocked while either is replaced
//   images/in-use         flocked, shared, by whoever relies on blobs or layers that no name holds yet
//   images/garbage        there may be something that nothing holds any more: to be removed by the next
//   containers/ID/image   the image that a container was made of, and its layers
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/image.h"
#include "oci/reference.h"
#include "state/containers.h"
#include "sys/unique_fd.h"

namespace tare::store {

/// An entry of the list: a manifest (or an index of several), and its name if it has one.
struct NamedManifest {
  std::string name;  ///< "docker.io/library/busybox:latest"; empty: none
  oci::Descriptor manifest;
  /// By what digest the registry knows it, where that is an index of several platforms' manifests.
  std::optional<oci::Digest> pulled = std::nullopt;
};

/// In the order in which they came. Empty where there is no store yet.
std::vector<NamedManifest> list_manifests(const HostPath& root);

/// Whether an entry leads to it, itself or through an index.
bool has_manifest(const HostPath& root, const oci::Digest& manifest);

/// Adds an entry; one of the same name loses its name, and stays without one unless another name has its
/// manifest. Without a name it is added only if the manifest is not there.
void add_manifest(const HostPath& root, const NamedManifest& manifest);
/// False: there is no such name, or it means another manifest by now. `keep_manifest`: it stays as an entry
/// without a name.
bool remove_name(const HostPath& root, const std::string& name, const oci::Digest& manifest,
                 bool keep_manifest);
/// All entries of the manifest.
void remove_manifest(const HostPath& root, const oci::Digest& manifest);

/// An image with all that its files say.
struct Image {
  oci::Descriptor manifest_descriptor;
  oci::Manifest manifest;
  oci::ImageConfig config;
  std::vector<NamedManifest> entries;  ///< all of its names

  /// What users call its id: the digest of its config.
  const oci::Digest& id() const { return manifest.config.digest; }
  /// "busybox:1.36", as short as it goes.
  std::vector<std::string> tags() const;
  /// "busybox@sha256:…": what a registry knows it by.
  std::vector<std::string> repository_digests() const;
};

/// Of a manifest, or of the one in an index that fits this machine. Throws Error{invalid} for what is
/// damaged.
Image read_image(const HostPath& root, const NamedManifest& entry);
/// Each image once with all of its entries; newest first. What cannot be read is told through `problems`.
std::vector<Image> list_images(const HostPath& root, std::vector<std::string>& problems);
/// By name, or by the beginning of its id. nullopt: there is none. Throws Error{invalid} where several ids
/// begin so, or for what is no name.
std::optional<Image> find_image(const HostPath& root, const std::string& name_or_id);
/// The whole name of the image by which `name_or_id` means it; empty where that is by its id.
std::string name_in(const Image& image, const std::string& name_or_id);
/// The entry that a name means, without reading the image.
std::optional<NamedManifest> find_name(const HostPath& root, const oci::Reference& reference);

/// Keeps what nobody has named yet from being removed, while it lives.
class ImagesInUse {
 public:
  /// `may_make_store`: makes it where there is none; else nothing is kept then, for nothing is there.
  explicit ImagesInUse(const HostPath& root, bool may_make_store = true);
  bool is_held() const { return lock_.valid(); }

 private:
  sys::UniqueFd lock_;
};

/// The layers of an image are its unpacked trees (store/layers.h), the lowest first.
HostPath image_layer_tree(const HostPath& root, const oci::Digest& layer);
bool has_image_layer(const HostPath& root, const oci::Digest& layer);
/// Of an image without layers; made where it is missing.
HostPath empty_layer_tree(const HostPath& root);

/// What a container says of the image it was made of.
struct ImageUse {
  oci::Digest image;  ///< its id
  oci::Digest manifest;
  std::vector<oci::Digest> layers;
};
HostPath image_use_path(const state::Place& place, const ContainerId& container);
std::string image_use_text(const Image& image);
void note_image(const state::Place& place, const ContainerId& container, const Image& image);
std::optional<ImageUse> image_of(const state::Place& place, const ContainerId& container);
std::vector<ContainerId> users_of_image(const state::Place& place, const oci::Digest& image);

struct Garbage {
  std::vector<oci::Digest> blobs, layers;
  Bytes bytes = 0;
};
/// To be said before the last need of something ends, as by remove_name(): who is killed then has left
/// something to do.
void note_garbage(const HostPath& root);
/// All that a manifest leads to, itself included, as far as it is here.
std::vector<oci::Digest> blobs_of(const HostPath& root, const oci::Descriptor& manifest);
/// Removes the blobs and layers that no entry and no container holds. A blob that another program has put
/// there within an hour may be part of what it is about to name: it is spared, unless it is one of `let_go`.
/// Where somebody relies on what is not named yet it waits a second, and then leaves it to the next; nullopt.
std::optional<Garbage> remove_garbage(const state::Place& place, const std::vector<oci::Digest>& let_go = {});
/// Does what one before had to leave.
void remove_left_garbage(const state::Place& place);

}  // namespace tare::store
