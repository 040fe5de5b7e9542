// What a container's config.json says of it, for lists and filters.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "state/containers.h"

namespace tare::engine {

struct Description {
  /// A volume's name or a path of the host's, and where it is in the container.
  struct Mount {
    std::string source, destination;
    bool is_volume = false;
  };
  std::vector<std::pair<std::string, std::string>> labels;  ///< sorted by name
  std::vector<Mount> mounts;                                ///< but for those in memory
  std::vector<std::string> networks;
};

/// Of a container without a readable one: nothing.
Description describe(const state::Place& place, const ContainerId& id);

/// The label's value, nullptr when it has no such label.
const std::string* find_label(const Description& description, std::string_view name);

/// What a container's files take.
struct Size {
  Bytes changes = 0;  ///< its own layer
  Bytes root = 0;     ///< all of its root file system
};
Size measure(const state::Place& place, const ContainerId& id);

}  // namespace tare::engine
