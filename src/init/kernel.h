// Newer calls of the kernel's, each made the older way where it is missing (sys/missing_call.h): what an
// operation asks for does not change. All return a negative errno where they fail.
#pragma once

#include "init/constants.h"

namespace tare::init {

// kernel.cc

/// openat2(2).
long open_how(int directory, const char* path, const OpenHow& how);

/// close_range(2) on everything from `first` on: closed when another program is executed. The older way needs
/// the host's procfs, and must have come before close_range().
long close_on_exec_from(int first);
/// close_range(2).
long close_range(int first, int last);

/// A child of this process's parent, born in the cgroup v2 directory, or where this process is (-1); says
/// what fork(2) does. Where clone3(2) is missing, only the second is to be had.
long clone_sibling(int cgroup);
/// The calling process goes into a cgroup v2 directory.
long move_into(int cgroup);

/// faccessat2(2): whether this process may execute the file. The older way asks for the real ids, which are
/// the effective ones in init.
long may_execute(const char* path);

/// setns(2) of a pidfd or of a process's directory in procfs (CLONE_NEW… flags), or of a namespace's file.
long join(int fd, uint64_t namespaces);

// mount_calls.cc: mounts that are not attached anywhere yet. On older kernels, which have none, they hang in
// a tmpfs of this mount namespace alone, and go with the host's tree.

/// fsopen(2) to fsmount(2). `options` are those of plan::Kind::new_filesystem.
long make_filesystem(const char* type, const char* const* options, uint64_t attributes);

/// open_tree(2) with OPEN_TREE_CLONE, of a descriptor and "" or of a host path.
long clone_mount(int fd, const char* path, bool is_recursive);

/// mount_setattr(2): MOUNT_ATTR_… to set and to clear. The older way changes what is below only for mounts
/// that are not attached yet.
long set_mount_attributes(int mount, bool is_recursive, uint64_t set, uint64_t clear);

/// The propagation of a mount: a flag of mount(2), with MS_REC also of those below.
long set_mount_propagation(int mount, uint64_t flags);

/// move_mount(2) onto a descriptor, or over a host path.
long move_mount(int mount, int target);
/// Onto an entry of a directory, whose name is no symlink. Only the newer way.
long move_mount(int mount, int directory, const char* name);
long move_mount(int mount, const char* host_path);

}  // namespace tare::init
