#include "engine/system.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/format.h"
#include "engine/containers.h"
#include "engine/description.h"
#include "engine/disk_usage.h"
#include "engine/volumes.h"
#include "store/blobs.h"
#include "store/volumes.h"
#include "sys/file.h"

namespace tare::engine {
namespace {

bool runs(const Container& container) {
  return container.status == Status::running || container.status == Status::paused;
}

// Files of the store that images are made of, each with what it takes.
class ImageFiles {
 public:
  explicit ImageFiles(const state::Place& place) : place_(place) {}

  // What is counted for the first time.
  Bytes add(const store::Image& image) {
    Bytes added = blob(image.manifest_descriptor.digest) + blob(image.manifest.config.digest);
    for (const auto& layer : image.manifest.layers) added += blob(layer.digest);
    for (const auto& layer : image.config.layers)
      if (seen_.insert("layer " + layer.value).second)
        added += disk_usage(store::image_layer_tree(place_.root, layer));
    return added;
  }

 private:
  Bytes blob(const oci::Digest& digest) {
    if (!seen_.insert(digest.value).second) return 0;
    const auto status = sys::try_status(sys::here, store::blob_path(place_.root, digest).value);
    return status ? status->st_size : 0;
  }

  const state::Place& place_;
  std::set<std::string> seen_;
};

DiskUse of_images(const state::Place& place) {
  DiskUse use{.kind = "Images"};
  std::vector<std::string> problems;
  std::vector<store::Image> images = store::list_images(place.root, problems);
  // Those in use first: what they share with others stays.
  const auto unused = std::ranges::stable_partition(
      images, [&](const store::Image& image) { return !store::users_of_image(place, image.id()).empty(); });
  use.count = images.size();
  use.in_use = images.size() - unused.size();
  ImageFiles files(place);
  for (std::size_t i = 0; i < images.size(); i++) {
    const Bytes added = files.add(images[i]);
    use.bytes += added;
    if (i >= use.in_use) use.reclaimable += added;
  }
  return use;
}

DiskUse of_containers(const state::Place& place) {
  DiskUse use{.kind = "Containers"};
  for (const auto& container : list_containers(place).containers) {
    const Bytes bytes = measure(place, container.record.id).changes;
    use.count++;
    use.bytes += bytes;
    if (runs(container))
      use.in_use++;
    else
      use.reclaimable += bytes;
  }
  return use;
}

DiskUse of_volumes(const state::Place& place) {
  DiskUse use{.kind = "Local Volumes"};
  for (const auto& name : store::list_volumes(place.root)) {
    const Bytes bytes = disk_usage(store::volume_data(place.root, name));
    use.count++;
    use.bytes += bytes;
    if (!store::users_of(place, name).empty())
      use.in_use++;
    else
      use.reclaimable += bytes;
  }
  return use;
}

}  // namespace

std::vector<DiskUse> disk_uses(const state::Place& place) {
  return {of_images(place), of_containers(place), of_volumes(place)};
}

PrunedSystem prune_system(const state::Place& place, const SystemPruneWish& wish) {
  PrunedSystem pruned;
  for (const auto& container : list_containers(place).containers) {
    if (runs(container)) continue;
    const std::string& id = container.record.id.value;
    try {
      const Bytes bytes = measure(place, container.record.id).changes;
      remove_container(place, id, Removal::only_stopped);
      pruned.containers.push_back(id);
      pruned.bytes += bytes;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found) pruned.problems.emplace_back(error.what());
    }
  }
  if (wish.volumes) {
    Pruned volumes = prune_volumes(place, VolumeFilter({}, {}), false);
    pruned.volumes = std::move(volumes.names);
    pruned.bytes += volumes.bytes;
    std::ranges::move(volumes.problems, std::back_inserter(pruned.problems));
  }
  pruned.images = prune_images(place, ImageFilter(place, {}, {}), wish.all_images);
  pruned.bytes += pruned.images.bytes;
  return pruned;
}

}  // namespace tare::engine
