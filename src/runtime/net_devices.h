// Network devices of the host's that become a container's own (config-linux.md, "Network Devices").
#pragma once

#include <sys/types.h>
#include <vector>

#include "oci/runtime_config.h"
#include "plan/document.h"

namespace tare::runtime {

/// Moves each into the network namespace of the process, under the name that it has there, with its permanent
/// global addresses, and sets it up. Those that are not the kernel's own inventions (veth, dummy) come back
/// to the host when that namespace ends. Throws Error naming the device.
void move_net_devices(const std::vector<oci::NetDevice>& devices, pid_t pid);

/// What that will be, for `--plan`.
std::vector<plan::HostStep> net_device_steps(const std::vector<oci::NetDevice>& devices);

}  // namespace tare::runtime
