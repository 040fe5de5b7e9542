// What is done to cgroups before a container's process is in them, as the first part of a plan tells it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cgroup/layout.h"
#include "cgroup/limits.h"
#include "cgroup/unit.h"
#include "cgroup/unit_properties.h"
#include "oci/runtime_config.h"
#include "plan/document.h"

namespace tare::runtime {

/// `needed`: controllers, as Cgroup::create takes them. `devices`: v2's, which are a program; v1's are among
/// the limits.
std::vector<plan::HostStep> cgroup_steps(const cgroup::Layout& layout, const std::string& path,
                                         const std::vector<std::string>& needed,
                                         const std::vector<cgroup::Write>& limits,
                                         std::span<const oci::DeviceRule> devices);

/// The same where systemd makes the cgroup, as a unit with these properties.
std::vector<plan::HostStep> unit_steps(const cgroup::Layout& layout, const cgroup::Unit& unit,
                                       std::span<const cgroup::Property> properties,
                                       const std::vector<cgroup::Write>& limits,
                                       std::span<const oci::DeviceRule> devices);

}  // namespace tare::runtime
