// The device nodes of the host, for a privileged container and for --device DIRECTORY.
#pragma once

#include <string>
#include <vector>

#include "oci/runtime_config.h"
#include "sys/unique_fd.h"

namespace tare::engine {

/// Every character and block device below the directory `dev`, with the host's modes and owners, as
/// PATH/NAME. Symlinks are not followed; what a container has of its own (terminals, console, shared memory)
/// is left out.
std::vector<oci::DeviceNode> list_host_devices(sys::Fd dev, const std::string& path = "/dev");

}  // namespace tare::engine
