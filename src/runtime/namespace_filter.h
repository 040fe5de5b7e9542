// A system call filter that refuses new user namespaces to the container.
#pragma once

#include <cstdint>
#include <vector>

namespace tare::runtime {

/// A seccomp program, an instruction (struct sock_filter) in each number. In a user namespace of its own an
/// ordinary process has every capability: it could mount the cgroup file system, whose root is the
/// container's own cgroup, and lift the container's limits. unshare(2) and clone(2) with CLONE_NEWUSER get
/// EPERM; clone3(2), whose flags a filter cannot see, gets ENOSYS, on which C libraries fall back to
/// clone(2).
std::vector<std::uint64_t> make_namespace_filter();

}  // namespace tare::runtime
