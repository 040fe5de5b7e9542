// A cgroup with everything below it: finding, killing and removing, in one hierarchy.
#pragma once

#include <string>
#include <vector>

#include "sys/unique_fd.h"

namespace tare::cgroup {

/// The cgroups directly below.
std::vector<std::string> child_cgroups(sys::Fd directory);

/// Whether a process is in this cgroup or below it.
bool is_populated(sys::Fd directory, bool unified);

/// Sends SIGKILL to every process in this cgroup and below it. True when there was one.
bool kill_processes(sys::Fd directory, bool unified);

/// Removes the cgroup and those below it, as far as they are empty. True when it is gone.
bool try_remove_tree(sys::Fd parent, const std::string& name);

/// Marks a cgroup that exists only for cgroups below it, so that whoever empties it removes it; the mark is
/// kept by the kernel with the cgroup.
void mark_as_made(const std::string& path) noexcept;
bool is_marked_as_made(const std::string& path) noexcept;

}  // namespace tare::cgroup
