// Operations on mounts. Every mount is first made detached, then hung onto a descriptor of its target: no
// path is walked twice (CVE-2021-30465).
#include "init/constants.h"
#include "init/kernel.h"
#include "init/operations.h"
#include "init/paths.h"
#include "init/syscalls.h"
#include "init/text.h"

namespace tare::init {

using plan::Operation;

namespace {

long status_of(int fd, Statx& status) {
  return call(__NR_statx, fd, address(""), at_empty_path, statx_basic, address(&status));
}

// Hangs a clone of what `fd` shows over `target`.
long cover(int fd, int target) {
  const long clone = clone_mount(fd, "", false);
  if (clone < 0) return clone;
  const long result = move_mount(static_cast<int>(clone), target);
  close(static_cast<int>(clone));
  return result;
}

// The node must be what it says: a clone of anything else would be shown in the masked file's place
// (CVE-2025-31133).
long check_null_device(int fd) {
  Statx status{};
  const long result = status_of(fd, status);
  if (result < 0) return result;
  const bool is_null = (status.mode & s_ifmt) == s_ifchr && status.rdev_major == 1 && status.rdev_minor == 3;
  return is_null ? 0 : -e_inval;
}

// A symlink or `..` in what may be a hostile root must lead a mount neither into procfs, where it could fake
// what is checked there (CVE-2019-16884), nor onto the root itself, where nobody would see it.
long check_target(int root, int target) {
  Statfs filesystem{};
  Statx wanted{}, top{};
  long result = call(__NR_fstatfs, target, address(&filesystem));
  if (result == 0)
    result =
        call(__NR_statx, target, address(""), at_empty_path, statx_basic | statx_mount, address(&wanted));
  if (result == 0)
    result = call(__NR_statx, root, address(""), at_empty_path, statx_basic | statx_mount, address(&top));
  if (result < 0) return result;
  if (filesystem.type == proc_super_magic) return -e_xdev;
  // Before 5.8 the kernel does not tell mounts apart: then the device has to do.
  return wanted.mount == top.mount && wanted.ino == top.ino && wanted.dev_major == top.dev_major &&
                 wanted.dev_minor == top.dev_minor
             ? -e_busy
             : 0;
}

// move_mount(2) says EINVAL for a file on a directory and for much else.
bool kinds_differ(int a, int b) {
  Statx one{}, other{};
  return status_of(a, one) == 0 && status_of(b, other) == 0 &&
         ((one.mode & s_ifmt) == s_ifdir) != ((other.mode & s_ifmt) == s_ifdir);
}

}  // namespace

long set_propagation(Context& context, const Operation& operation) {
  if (operation.slot >= 0) return set_mount_propagation(descriptor(context, operation.slot), operation.a);
  return call(__NR_mount, 0, address(operation.path), 0, static_cast<long>(operation.a), 0);
}

long map_ids(Context& context, const Operation& operation) {
  const MountAttributes attributes{.set = mount_attr_idmap,
                                   .clear = 0,
                                   .propagation = 0,
                                   .userns_fd = static_cast<uint64_t>(descriptor(context, operation.into))};
  return call(__NR_mount_setattr, descriptor(context, operation.slot), address(""), at_empty_path,
              address(&attributes), sizeof attributes);
}

// overlayfs takes no layer from another mount namespace than its own (EINVAL), not even by a descriptor. The
// number stays: options name it.
long reopen_directory(Context& context, const Operation& operation) {
  const long opened =
      call(__NR_openat, at_fdcwd, address(operation.path), o_path | o_directory | o_cloexec, 0);
  if (opened < 0) return opened;
  const long result =
      call(__NR_dup3, static_cast<int>(opened), descriptor(context, operation.slot), o_cloexec);
  close(static_cast<int>(opened));
  return result < 0 ? result : 0;
}

long new_filesystem(Context& context, const Operation& operation) {
  if (operation.path) {
    const long result = call(__NR_chdir, address(operation.path));
    if (result < 0) return result;
  }
  const long made = make_filesystem(operation.text, operation.list, operation.a);
  if (operation.path) call(__NR_chdir, address("/"));
  context.new_tmpfs = made >= 0 && is_same(operation.text, "tmpfs") ? static_cast<int>(made) : -1;
  return keep(context, operation.into, made);
}

long clone_tree(Context& context, const Operation& operation) {
  return keep(context, operation.into, clone_mount(at_fdcwd, operation.path, operation.a != 0));
}

long set_attributes(Context& context, const Operation& operation) {
  return set_mount_attributes(descriptor(context, operation.slot), operation.flags & plan::recursive,
                              operation.a, operation.b);
}

long adopt(Context& context, const Operation& operation) {
  return move_mount(descriptor(context, operation.slot), operation.path);
}

long attach_root(Context& context, const Operation& operation) {
  const int mount = descriptor(context, operation.slot);
  // An overlay that could not make its work directory is there all the same, but nothing can be written.
  Statfs filesystem{};
  if (call(__NR_fstatfs, mount, address(&filesystem)) == 0 && filesystem.type == overlay_super_magic &&
      (filesystem.flags & st_rdonly))
    return -e_rofs;
  const long result = move_mount(mount, operation.path);
  if (result < 0) return result;
  context.list->slots[plan::root_slot] = mount;
  return 0;
}

long take_root(Context& context) {
  return keep(context, plan::root_slot,
              call(__NR_openat, at_fdcwd, address("/"), o_path | o_directory | o_cloexec, 0));
}

long change_root(Context& context, const Operation& operation) {
  const long result = call(__NR_fchdir, descriptor(context, operation.slot));
  return result < 0 ? result : call(__NR_chroot, address("."));
}

namespace {

// "pts" of /dev/pts below a /dev that is this run's own.
const char* name_in_top(const Context& context, const char* path) {
  const char* rest = context.top_path ? after_prefix(path, context.top_path) : nullptr;
  return rest && rest[0] == '/' && rest[1] && !contains(rest + 1, '/') ? rest + 1 : nullptr;
}

// Onto a new directory in the tmpfs that was mounted last, by its name: the path need not be walked. Nobody
// else sees that tmpfs, but where the root's mounts are shared with others; and if one of those put a symlink
// in the directory's place, move_mount(2) without MOVE_MOUNT_T_SYMLINKS would not follow it.
bool attach_in_top(const Context& context, const Operation& operation, int mount) {
  const char* name = name_in_top(context, operation.path);
  return name && (operation.flags & plan::create_directory) &&
         call(__NR_mkdirat, context.top, address(name), 0755) == 0 &&
         move_mount(mount, context.top, name) == 0;
}

long make_target(int root, int mount, const Operation& operation) {
  bool is_directory = operation.flags & plan::create_directory;
  if (!is_directory) {
    Statx status{};
    const long known = status_of(mount, status);
    if (known < 0) return known;
    is_directory = (status.mode & s_ifmt) == s_ifdir;
  }
  return is_directory ? make_directory_in_root(root, operation.path, 0755, operation.flags)
                      : make_file_in_root(root, operation.path, operation.flags);
}

}  // namespace

long attach(Context& context, const Operation& operation) {
  const int root = descriptor(context, plan::root_slot), mount = descriptor(context, operation.slot);
  if (attach_in_top(context, operation, mount)) return 0;
  context.top_path = mount == context.new_tmpfs ? operation.path : nullptr;
  context.top = mount;
  long target = open_in_root(root, operation.path, operation.flags);
  if (target == -e_noent && (operation.flags & (plan::create_target | plan::create_directory)))
    target = make_target(root, mount, operation);
  if (target < 0) return target;
  // What may be mounted in /proc was chosen by its name, which holds where no symlink is followed.
  long result = operation.flags & plan::no_symlinks ? 0 : check_target(root, static_cast<int>(target));
  if (result == 0) result = move_mount(mount, static_cast<int>(target));
  if (result == -e_inval && kinds_differ(mount, static_cast<int>(target))) result = -e_notdir;
  close(static_cast<int>(target));
  return result;
}

long mask(Context& context, const Operation& operation) {
  const long target = open_in_root(descriptor(context, plan::root_slot), operation.path, operation.flags);
  if (target == -e_noent || target == -e_notdir) return 0;  // nothing there to hide
  if (target < 0) return target;
  Statx status{};
  long result = status_of(static_cast<int>(target), status);
  if (result == 0 && (status.mode & s_ifmt) == s_ifdir) {
    // One empty file system for all: the first place gets it, the others a clone (an unattached one that is
    // closed would cost a grace period).
    const int empty = descriptor(context, operation.slot);
    result = context.mask_attached ? cover(empty, static_cast<int>(target))
                                   : move_mount(empty, static_cast<int>(target));
    context.mask_attached = true;
  } else if (result == 0) {
    const int null_device = descriptor(context, operation.into);
    if (!context.null_checked) result = check_null_device(null_device);
    context.null_checked = result == 0;
    if (result == 0) result = cover(null_device, static_cast<int>(target));
  }
  close(static_cast<int>(target));
  return result;
}

long protect(Context& context, const Operation& operation) {
  const long target = open_in_root(descriptor(context, plan::root_slot), operation.path, operation.flags);
  if (target == -e_noent || target == -e_notdir) return 0;
  if (target < 0) return target;
  long result = clone_mount(static_cast<int>(target), "", true);
  if (result >= 0) {
    const int clone = static_cast<int>(result);
    result = set_mount_attributes(clone, true, mount_attr_rdonly, 0);
    if (result == 0) result = move_mount(clone, static_cast<int>(target));
    close(clone);
  }
  close(static_cast<int>(target));
  return result;
}

namespace {

// The old tree stays below, where a process that gets out of a chroot finds it: what would give it the host's
// processes and devices is taken away first.
long move_root(const Operation& operation) {
  for (uint32_t i = 0; operation.list && operation.list[i]; i++) {
    const long gone = call(__NR_umount2, address(operation.list[i]), mnt_detach);
    if (gone < 0 && gone != -e_inval && gone != -e_noent) return gone;
  }
  long result = call(__NR_mount, address("."), address("/"), 0, ms_move, 0);
  if (result == 0) result = call(__NR_chroot, address("."));
  if (result == 0) result = call(__NR_chdir, address("/"));
  return result;
}

}  // namespace

// pivot_root(2) onto itself: the new root is put over the old one, which then lies under "." and is taken
// off. Not chroot: that could be left again.
long pivot(Context& context, const Operation& operation) {
  long result = call(__NR_fchdir, descriptor(context, plan::root_slot));
  if (result == 0 && operation.a == 1) return move_root(operation);
  if (result == 0) result = call(__NR_pivot_root, address("."), address("."));
  if (result == 0) result = call(__NR_umount2, address("."), mnt_detach);
  if (result == 0) result = call(__NR_chdir, address("/"));
  return result;
}

// A working directory that is not below the root would be a way out (CVE-2024-21626).
long enter_directory(const Operation& operation) {
  const long result = call(__NR_chdir, address(operation.path));
  if (result < 0) return result;
  char where[path_limit];
  where[0] = '\0';
  const long size = call(__NR_getcwd, address(where), sizeof where);
  if (size < 0) return size;
  return where[0] == '/' ? 0 : -e_noent;
}

}  // namespace tare::init
