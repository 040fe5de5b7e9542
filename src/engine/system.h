// All that lies on the disk at once: what it takes, and the removal of what nobody needs.
#pragma once

#include <string>
#include <vector>

#include "engine/images.h"
#include "state/containers.h"

namespace tare::engine {

/// A row of `tare system df`.
struct DiskUse {
  std::string_view kind;  ///< "Images"
  std::size_t count = 0;
  std::size_t in_use = 0;  ///< by containers; of containers: those that run
  Bytes bytes = 0;
  Bytes reclaimable = 0;  ///< what the removal of those that are not in use would free
};
/// Images (blobs and unpacked layers, shared ones once), containers, volumes.
std::vector<DiskUse> disk_uses(const state::Place& place);

struct PrunedSystem {
  std::vector<std::string> containers;
  std::vector<std::string> volumes;
  PrunedImages images;
  Bytes bytes = 0;  ///< all in all
  std::vector<std::string> problems;
};
struct SystemPruneWish {
  bool all_images = false;  ///< also those that have a name
  bool volumes = false;     ///< the anonymous ones
};
/// Removes the containers that do not run, then the images, and the volumes if wished, that nobody uses.
PrunedSystem prune_system(const state::Place& place, const SystemPruneWish& wish);

}  // namespace tare::engine
