// A cgroup with everything below it: finding, killing and removing, in one hierarchy.
#pragma once

#include <string>
#include <sys/stat.h>
#include <vector>

#include "sys/unique_fd.h"

namespace tare::cgroup {

/// Whether a process is in this cgroup or below it.
bool is_populated(sys::Fd directory, bool unified);

/// Every process in this cgroup and below it that our pid namespace sees.
std::vector<pid_t> processes_below(sys::Fd directory);

/// Sends SIGKILL to every process in this cgroup and below it. True when there was one.
bool kill_processes(sys::Fd directory, bool unified);

/// Lets what v1's freezer holds in this cgroup and below it run again: no signal reaches it before.
void thaw(sys::Fd directory);

/// Removes the cgroup and those below it, as far as they are empty. True when it is gone.
bool try_remove_tree(sys::Fd parent, const std::string& name);

/// Marks a cgroup that exists only for cgroups below it, so that whoever empties it removes it. The sticky
/// bit, which means nothing here, because mkdir(2) sets it in the moment the cgroup appears: there is no
/// instant in which to be killed between.
inline constexpr mode_t mark_of_made = S_ISVTX;
bool is_marked_as_made(const std::string& path);

}  // namespace tare::cgroup
