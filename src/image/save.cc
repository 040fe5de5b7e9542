#include "image/save.h"

#include <algorithm>
#include <set>

#include "archive/file_archive.h"
#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "oci/reference.h"
#include "store/blobs.h"

namespace tare::image {
namespace {

std::string blob_name(const oci::Digest& digest) { return format("blobs/sha256/{}", digest.hex()); }

// What one image of the archive is, by whatever names it was asked for.
struct Saved {
  const store::Image* image;
  std::vector<std::string> names;
};

std::vector<Saved> by_image(const std::vector<SavedImage>& images) {
  std::vector<Saved> saved;
  for (const auto& [image, name] : images) {
    const auto is_it = [&](const Saved& other) {
      return other.image->manifest_descriptor.digest == image.manifest_descriptor.digest;
    };
    auto same = std::ranges::find_if(saved, is_it);
    if (same == saved.end()) same = saved.insert(saved.end(), {.image = &image, .names = {}});
    if (!name.empty() && std::ranges::find(same->names, name) == same->names.end())
      same->names.push_back(name);
  }
  return saved;
}

// docker wants the whole name in one annotation and the tag in the other.
oci::Index make_index(const std::vector<Saved>& images) {
  oci::Index index;
  for (const auto& [image, names] : images) {
    oci::Descriptor descriptor = image->manifest_descriptor;
    descriptor.annotations.clear();
    if (names.empty()) index.manifests.push_back(descriptor);
    for (const auto& name : names) {
      descriptor.annotations["io.containerd.image.name"] = name;
      descriptor.annotations[oci::name_annotation] = oci::parse_reference(name).tag;
      index.manifests.push_back(descriptor);
    }
  }
  return index;
}

std::string make_docker_list(const std::vector<Saved>& images) {
  json::array list;
  for (const auto& [image, names] : images) {
    json::array tags, layers;
    // Whole: podman takes a short one for one of its own.
    for (const auto& name : names)
      if (!oci::parse_reference(name).tag.empty()) tags.emplace_back(name);
    for (const auto& layer : image->manifest.layers) layers.emplace_back(blob_name(layer.digest));
    list.push_back(json::object{{"Config", blob_name(image->manifest.config.digest)},
                                {"RepoTags", std::move(tags)},
                                {"Layers", std::move(layers)}});
  }
  return json::compact(list) + "\n";
}

}  // namespace

void save(const HostPath& root, const std::vector<SavedImage>& images, sys::Fd output,
          const ProgressReport& report) {
  const std::vector<Saved> saved = by_image(images);
  std::set<std::string> seen;
  std::vector<oci::Descriptor> blobs;
  Bytes total = 0, done = 0;
  const auto add = [&](const oci::Descriptor& descriptor) {
    if (!seen.insert(descriptor.digest.value).second) return;
    blobs.push_back(descriptor);
    total += descriptor.size;
  };
  for (const auto& each : saved) {
    add(each.image->manifest_descriptor);
    add(each.image->manifest.config);
    for (const auto& layer : each.image->manifest.layers) add(layer);
  }
  archive::FileArchive archive(output);
  archive.add("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  archive.add("index.json", oci::to_text(make_index(saved)) + "\n");
  archive.add("manifest.json", make_docker_list(saved));
  archive.add_directory("blobs");
  archive.add_directory("blobs/sha256");
  for (const auto& blob : blobs) {
    if (report) report(done, total);
    archive.add(blob_name(blob.digest), store::open_blob(root, blob.digest), blob.size);
    done += blob.size;
  }
  archive.finish();
}

}  // namespace tare::image
