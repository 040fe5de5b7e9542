// What a process's cgroups allow it, and what of that is used.
#pragma once

#include <string>

#include "explain/container.h"
#include "sys/unique_fd.h"

namespace tare::explain {

/// `cgroup` is the path that the container was given: where its processes are in cgroups of their own below
/// it, that one has the limits; where they were moved elsewhere, what holds there is told.
Limits read_limits(const std::string& process_name, const std::string& cgroup);

}  // namespace tare::explain
