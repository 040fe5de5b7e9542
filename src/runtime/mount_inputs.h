// Mounts that the parent makes for a container, detached: what init could not reach, or has no right to.
#pragma once

#include "cgroup/cgroup.h"
#include "plan/program.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

/// A clone of what is at the input's path (open_tree(2)), with its propagation and its mapped ids. Invalid
/// where the kernel knows no mounts that are not attached: then init makes it.
sys::UniqueFd open_bind(const plan::Input& input);
/// Throws where init could not do that.
void check_older_bind(const plan::Input& input);
/// A tmpfs with a copy of what a directory of the root file system has in it: that is memory, and counts as
/// the container's.
sys::UniqueFd make_copied_tmpfs(const plan::Input& input, const cgroup::Cgroup& cgroup);
/// A user namespace's file, which keeps it alive.
sys::UniqueFd open_user_namespace(const plan::IdSource& source);

}  // namespace tare::runtime
