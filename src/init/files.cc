// Operations that make directories, device nodes and symlinks in the container's root.
#include "init/constants.h"
#include "init/kernel.h"
#include "init/operations.h"
#include "init/paths.h"
#include "init/syscalls.h"
#include "init/text.h"

namespace tare::init {

using plan::Operation;

long keep(Context& context, int32_t slot, long fd) {
  if (fd < 0) return fd;
  if (slot < 0 || static_cast<uint32_t>(slot) >= context.list->slot_count) {
    close(static_cast<int>(fd));
    return 0;
  }
  context.list->slots[slot] = static_cast<int32_t>(fd);
  return 0;
}

long make_directory(Context& context, const Operation& operation) {
  return keep(context, operation.into,
              make_directory_in_root(descriptor(context, plan::root_slot), operation.path,
                                     static_cast<uint32_t>(operation.a), operation.flags));
}

long open_directory(Context& context, const Operation& operation) {
  return keep(context, operation.into,
              open_in_root(descriptor(context, plan::root_slot), operation.path, operation.flags));
}

namespace {

bool is_node(int directory, const char* name, uint32_t mode, uint32_t device) {
  Statx status{};
  if (call(__NR_statx, directory, address(name), at_symlink_nofollow, statx_basic, address(&status)) != 0)
    return false;
  const bool is_same = (status.mode & s_ifmt) == (mode & s_ifmt);
  const bool has_number = (mode & s_ifmt) == s_ifchr || (mode & s_ifmt) == s_ifblk;
  // The kernel's own way to write a device number in 32 bits (new_encode_dev).
  const uint32_t number =
      (status.rdev_minor & 0xff) | status.rdev_major << 8 | (status.rdev_minor & ~0xffU) << 12;
  return is_same && (!has_number || number == device);
}

}  // namespace

long make_node(Context& context, const Operation& operation) {
  const int directory = descriptor(context, operation.slot);
  const auto mode = static_cast<uint32_t>(operation.a), device = static_cast<uint32_t>(operation.b);
  const long uid = static_cast<long>(operation.a >> 32), gid = static_cast<long>(operation.b >> 32);
  long result = call(__NR_mknodat, directory, address(operation.text), mode, device);
  // Made there by the run before: outside of /dev it stays in the root file system.
  if (result == -e_exist && is_node(directory, operation.text, mode, device)) result = 0;
  if (result == 0 && (uid != 0 || gid != 0))
    result = call(__NR_fchownat, directory, address(operation.text), uid, gid, at_symlink_nofollow);
  if (result == 0 && operation.into >= 0)
    return keep(context, operation.into,
                call(__NR_openat, directory, address(operation.text), o_path | o_nofollow | o_cloexec, 0));
  return result;
}

long make_symlink(Context& context, const Operation& operation) {
  return call(__NR_symlinkat, address(operation.text), descriptor(context, operation.slot),
              address(operation.path));
}

// Through the descriptor of the container's own procfs, and neither by a link nor into another mount:
// whatever a root file system or a racing container puts in the way, the write does not go elsewhere
// (CVE-2025-52881).
long set_parameter(Context& context, const Operation& operation) {
  const OpenHow how{
      .flags = static_cast<uint64_t>(o_wronly | o_cloexec),
      .mode = 0,
      .resolve = resolve_beneath | resolve_no_xdev | resolve_no_magiclinks | resolve_no_symlinks};
  const long file = open_how(descriptor(context, operation.slot), operation.path, how);
  if (file < 0) return file;
  const long size = static_cast<long>(length(operation.text));
  const long written = call(__NR_write, file, address(operation.text), size);
  close(static_cast<int>(file));
  return written < 0 ? written : written == size ? 0 : -e_inval;
}

}  // namespace tare::init
