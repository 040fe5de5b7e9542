// Who holds images, and the removal of what nobody holds.
#include <algorithm>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <set>
#include <sys/file.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "store/blobs.h"
#include "store/images.h"
#include "store/layers.h"
#include "sys/file.h"

namespace tare::store {
namespace {

constexpr int layout_version = 1;  // docs/storage-layout.md
constexpr int patience_ms = 1000, pause_ms = 10;

using Held = std::set<std::string>;  // digests

HostPath garbage_mark(const HostPath& root) { return root / "images/garbage"; }

sys::UniqueFd open_use_lock(const HostPath& root) {
  return sys::open_at(sys::here, (root / "images/in-use").value, O_RDWR | O_CREAT, 0600);
}

bool try_lock_patiently(sys::Fd lock) {
  for (int waited = 0; !sys::try_lock(lock); waited += pause_ms) {
    if (waited >= patience_ms) return false;
    const timespec pause{.tv_sec = 0, .tv_nsec = pause_ms * 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
  return true;
}

// A manifest that is damaged holds itself and nothing else: what it named cannot be known.
void hold_manifest(const HostPath& root, const oci::Descriptor& descriptor, Held& blobs, Held& layers,
                   int depth = 0) {
  constexpr int deepest = 8;  // of indexes within indexes
  if (depth > deepest || !has_blob(root, descriptor.digest) || !blobs.insert(descriptor.digest.value).second)
    return;
  try {
    const std::string text = read_blob(root, descriptor.digest, oci::largest_manifest);
    if (oci::is_index(descriptor.media_type)) {
      for (const auto& manifest : oci::parse_index(text).manifests)
        hold_manifest(root, manifest, blobs, layers, depth + 1);
      return;
    }
    const oci::Manifest manifest = oci::parse_manifest(text);
    blobs.insert(manifest.config.digest.value);
    for (const auto& layer : manifest.layers) blobs.insert(layer.digest.value);
    const std::string config = read_blob(root, manifest.config.digest, oci::largest_config);
    for (const auto& layer : oci::parse_image_config(config).layers) layers.insert(layer.value);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::invalid && error.kind() != ErrorKind::not_found) throw;
  }
}

// What containers say that they need. False: one of them cannot be understood, so that nobody knows.
bool hold_layers_of_containers(const state::Place& place, Held& layers) {
  bool is_known = true;
  for (const auto& container : state::list(place)) try {
      if (const auto use = image_of(place, container))
        for (const auto& layer : use->layers) layers.insert(layer.value);
    } catch (const Error&) {
      is_known = false;
    }
  return is_known;
}

// Other programs put blobs there first and name the image last, and know nothing of our lock. Ours are known
// by their time.
bool may_be_anothers_work(const HostPath& blob) {
  constexpr time_t patience = 3600;
  const auto status = sys::try_status(sys::here, blob.value);
  return status && status->st_mtim.tv_sec != blob_time && ::time(nullptr) - status->st_ctim.tv_sec < patience;
}

template <typename Remove>
void remove_unheld(const HostPath& directory, const Held& held, std::vector<oci::Digest>& removed,
                   Remove remove) {
  for (const auto& name : sys::list_directory(sys::here, directory.value)) {
    const auto digest = oci::parse_digest("sha256:" + name);
    if (!digest || held.contains(digest->value)) continue;
    if (remove(directory / name, *digest)) removed.push_back(*digest);
  }
}

}  // namespace

ImagesInUse::ImagesInUse(const HostPath& root, bool may_make_store) {
  if (!may_make_store && !sys::exists(sys::here, (root / "images/oci-layout").value)) return;
  make_image_layout(root);
  lock_ = open_use_lock(root);
  while (::flock(lock_.number(), LOCK_SH) != 0)
    if (errno != EINTR) throw system_error("cannot lock the images");
}

HostPath image_use_path(const state::Place& place, const ContainerId& container) {
  return place.directory_of(container) / "image";
}

std::string image_use_text(const Image& image) {
  json::array layers;
  for (const auto& layer : image.config.layers) layers.emplace_back(layer.value);
  return json::compact(json::object{{"version", layout_version},
                                    {"image", image.id().value},
                                    {"manifest", image.manifest_descriptor.digest.value},
                                    {"layers", std::move(layers)}}) +
         "\n";
}

void note_image(const state::Place& place, const ContainerId& container, const Image& image) {
  sys::replace_file(sys::here, image_use_path(place, container).value, image_use_text(image), 0600);
}

std::optional<ImageUse> image_of(const state::Place& place, const ContainerId& container) {
  const auto text = sys::try_read_file(sys::here, image_use_path(place, container).value);
  if (!text) return std::nullopt;
  const std::string path = image_use_path(place, container).value;
  Step step("read", path);
  const json::value document = json::parse(*text);
  const json::object& object = json::as_object(document);
  const auto digest = [](const std::string& word) {
    const auto parsed = oci::parse_digest(word);
    if (!parsed) throw Error(ErrorKind::invalid, format("\"{}\" is no digest", word));
    return *parsed;
  };
  ImageUse use{.image = digest(json::text_field(object, "image")),
               .manifest = digest(json::text_field(object, "manifest")),
               .layers = {}};
  for (const auto& layer : json::texts_field(object, "layers")) use.layers.push_back(digest(layer));
  return use;
}

std::vector<ContainerId> users_of_image(const state::Place& place, const oci::Digest& image) {
  std::vector<ContainerId> users;
  for (const auto& container : state::list(place)) try {
      if (const auto use = image_of(place, container); use && use->image == image) users.push_back(container);
    } catch (const Error&) {
      // Damaged: what it was made of cannot be known, and its layers stay (remove_garbage).
    }
  return users;
}

bool has_manifest(const HostPath& root, const oci::Digest& manifest) {
  Held blobs, layers;
  for (const auto& entry : list_manifests(root)) {
    if (entry.manifest.digest == manifest) return true;
    if (oci::is_index(entry.manifest.media_type)) hold_manifest(root, entry.manifest, blobs, layers);
  }
  return blobs.contains(manifest.value);
}

void note_garbage(const HostPath& root) {
  if (sys::exists(sys::here, (root / "images").value))
    sys::open_at(sys::here, garbage_mark(root).value, O_WRONLY | O_CREAT, 0600);
}

std::vector<oci::Digest> blobs_of(const HostPath& root, const oci::Descriptor& manifest) {
  Held blobs, layers;
  hold_manifest(root, manifest, blobs, layers);
  std::vector<oci::Digest> digests;
  for (const auto& blob : blobs) digests.emplace_back(blob);
  return digests;
}

std::optional<Garbage> remove_garbage(const state::Place& place, const std::vector<oci::Digest>& let_go) {
  Garbage garbage;
  const HostPath& root = place.root;
  if (!sys::exists(sys::here, (root / "images").value)) return garbage;
  const sys::UniqueFd lock = open_use_lock(root);
  if (!try_lock_patiently(lock)) {
    note_garbage(root);
    return std::nullopt;
  }
  Held blobs, layers;
  for (const auto& entry : list_manifests(root)) hold_manifest(root, entry.manifest, blobs, layers);
  remove_unheld(root / "images/blobs/sha256", blobs, garbage.blobs,
                [&](const HostPath& path, const auto& digest) {
                  const bool is_let_go = std::ranges::find(let_go, digest) != let_go.end();
                  if (!is_let_go && may_be_anothers_work(path)) return false;
                  if (const auto status = sys::try_status(sys::here, path.value))
                    garbage.bytes += status->st_size;
                  sys::remove_file(sys::here, path.value);
                  return true;
                });
  if (hold_layers_of_containers(place, layers))
    remove_unheld(root / "image-layers/sha256", layers, garbage.layers,
                  [&](const HostPath& path, const auto&) {
                    remove_at_once(root, path);
                    return true;
                  });
  sys::remove_file(sys::here, garbage_mark(root).value);
  return garbage;
}

void remove_left_garbage(const state::Place& place) {
  if (sys::exists(sys::here, garbage_mark(place.root).value)) remove_garbage(place);
}

}  // namespace tare::store
