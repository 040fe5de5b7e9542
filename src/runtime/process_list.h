// Which processes are a container's.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "cgroup/layout.h"

namespace tare::runtime {

/// Those in its cgroup and below it, sorted. Where it has none (empty): those in the pid namespace of its
/// first process, or, in the host's, that process and its descendants.
std::vector<pid_t> list_processes(const cgroup::Layout& layout, const std::string& cgroup, pid_t first);

}  // namespace tare::runtime
