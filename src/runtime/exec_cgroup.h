// Where a process that joins a container is put: in the container's cgroup, or in one below it.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "cgroup/layout.h"
#include "plan/program.h"

namespace tare::runtime {

struct ExecCgroup {
  std::string path;                  ///< in every hierarchy
  std::vector<std::string> further;  ///< v1 files to be joined after that, each by writing 0 to it
};

/// `wanted` as `exec --cgroup` has it, below `own`. Throws Error{invalid} for a path with `..`, for
/// controllers on v2, and for a controller or a cgroup that is not there.
ExecCgroup choose_cgroup(const cgroup::Layout& layout, const std::string& own,
                         const std::vector<std::string>& wanted);

/// The v2 cgroup's directory in which a process is at present; empty when that is `expected`, or unknown.
HostPath present_cgroup(const cgroup::Layout& layout, pid_t pid, const std::string& expected);

/// Changes a plan so that these are joined last.
void join_further(plan::Program& program, const std::vector<std::string>& files);

}  // namespace tare::runtime
