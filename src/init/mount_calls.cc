// Mounts by the newer calls; what they do without is in older_mounts.cc.
#include "init/kernel.h"
#include "init/older_mounts.h"
#include "init/syscalls.h"
#include "init/text.h"
#include "sys/missing_call.h"

namespace tare::init {

using sys::is_missing;

namespace {

long make_with_fsopen(const char* type, const char* const* options, uint64_t attributes) {
  const long filesystem = call(__NR_fsopen, address(type), fsopen_cloexec);
  if (filesystem < 0) return filesystem;
  long result = 0;
  for (; result == 0 && options && *options; options++) {
    const char* key = *options + 1;
    result = (*options)[0] == '=' ? call(__NR_fsconfig, filesystem, fsconfig_set_string, address(key),
                                         address(after_terminator(key)), 0)
                                  : call(__NR_fsconfig, filesystem, fsconfig_set_flag, address(key), 0, 0);
  }
  if (result == 0) result = call(__NR_fsconfig, filesystem, fsconfig_cmd_create, 0, 0, 0);
  if (result == 0) result = call(__NR_fsmount, filesystem, fsmount_cloexec, static_cast<long>(attributes));
  close(static_cast<int>(filesystem));
  return result;
}

}  // namespace

long make_filesystem(const char* type, const char* const* options, uint64_t attributes) {
  const long result = make_with_fsopen(type, options, attributes);
  return result < 0 && is_missing(-result) ? older::make_filesystem(type, options, attributes) : result;
}

long clone_mount(int fd, const char* path, bool is_recursive) {
  const unsigned flags = open_tree_clone | open_tree_cloexec |
                         (path[0] == '\0' ? static_cast<unsigned>(at_empty_path) : 0) |
                         (is_recursive ? static_cast<unsigned>(at_recursive) : 0);
  const long result = call(__NR_open_tree, fd, address(path), flags);
  return result < 0 && is_missing(-result) ? older::clone_mount(fd, path, is_recursive) : result;
}

long set_mount_attributes(int mount, bool is_recursive, uint64_t set, uint64_t clear) {
  const MountAttributes attributes{.set = set, .clear = clear, .propagation = 0, .userns_fd = 0};
  const long result =
      call(__NR_mount_setattr, mount, address(""), at_empty_path | (is_recursive ? at_recursive : 0),
           address(&attributes), sizeof attributes);
  return result < 0 && is_missing(-result) ? older::set_mount_attributes(mount, is_recursive, set, clear)
                                           : result;
}

long set_mount_propagation(int mount, uint64_t flags) {
  const uint64_t recursive = static_cast<uint64_t>(ms_recursive);
  const MountAttributes attributes{.set = 0, .clear = 0, .propagation = flags & ~recursive, .userns_fd = 0};
  const long result =
      call(__NR_mount_setattr, mount, address(""), at_empty_path | (flags & recursive ? at_recursive : 0),
           address(&attributes), sizeof attributes);
  return result < 0 && is_missing(-result) ? older::set_mount_propagation(mount, flags) : result;
}

long move_mount(int mount, int target) {
  const long result = call(__NR_move_mount, mount, address(""), target, address(""),
                           move_mount_f_empty_path | move_mount_t_empty_path);
  return result < 0 && is_missing(-result) ? older::move_mount(mount, target) : result;
}

long move_mount(int mount, int directory, const char* name) {
  return call(__NR_move_mount, mount, address(""), directory, address(name), move_mount_f_empty_path);
}

long move_mount(int mount, const char* host_path) {
  const long result =
      call(__NR_move_mount, mount, address(""), at_fdcwd, address(host_path), move_mount_f_empty_path);
  return result < 0 && is_missing(-result) ? older::move_mount(mount, host_path) : result;
}

}  // namespace tare::init
