// Devices that a container is given by name: `--device`, `--device-cgroup-rule`.
#pragma once

#include <string>
#include <vector>

#include "engine/run_options.h"
#include "oci/runtime_config.h"

namespace tare::engine {

/// `HOST[:CONTAINER[:ACCESS]]` (pure). Throws Error{invalid} in docker's words.
Device parse_device(const std::string& text);
/// `c 1:3 rwm`, the kernel's notation with * for any (pure).
oci::DeviceRule parse_device_rule(const std::string& text);

/// The nodes that are behind the names on the host, and what may be done with them.
struct FoundDevices {
  std::vector<oci::DeviceNode> nodes;
  std::vector<oci::DeviceRule> rules;
};

/// A symlink is what it leads to, a directory all nodes in it. Throws Error{not_found} or Error{invalid} for
/// a name behind which there is none.
FoundDevices find_devices(const std::vector<Device>& wanted);

}  // namespace tare::engine
