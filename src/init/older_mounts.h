// Mounts by mount(2) alone, with the promises of kernel.h.
//
// A mount that is "not attached yet" hangs in a tmpfs of this mount namespace, over a directory of the host's
// procfs that nothing needs; it goes with the host's tree. mount(2) knows no descriptors, so it gets their
// paths in /proc/self/fd, after a look whether that is the kernel's procfs.
#pragma once

#include <stdint.h>

namespace tare::init::older {

long make_filesystem(const char* type, const char* const* options, uint64_t attributes);
long clone_mount(int fd, const char* path, bool is_recursive);
/// ENOSYS for what mount(2) cannot do: the mounts below one that is attached already.
long set_mount_attributes(int mount, bool is_recursive, uint64_t set, uint64_t clear);
long set_mount_propagation(int mount, uint64_t flags);
long move_mount(int mount, int target);
long move_mount(int mount, const char* host_path);

}  // namespace tare::init::older
