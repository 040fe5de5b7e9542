// Operations about identity and capabilities.
#include "init/constants.h"
#include "init/kernel.h"
#include "init/operations.h"
#include "init/paths.h"
#include "init/syscalls.h"
#include "init/text.h"

namespace tare::init {

using plan::Operation;

long set_groups(const Operation& operation) {
  return call(__NR_setgroups, static_cast<long>(operation.a),
              address(static_cast<const void*>(operation.list)));
}

long set_ids(const Operation& operation) {
  const long uid = static_cast<long>(operation.a), gid = static_cast<long>(operation.b);
  long result = call(__NR_prctl, pr_set_keepcaps, 1);
  if (result == 0) result = call(__NR_setresgid, gid, gid, gid);
  if (result == 0) result = call(__NR_setresuid, uid, uid, uid);
  if (result == 0) result = call(__NR_prctl, pr_set_keepcaps, 0);
  return result;
}

long drop_bounding(const Operation& operation) {
  for (int capability = 0; capability < 64; capability++) {
    if (operation.a & (uint64_t{1} << capability)) continue;
    const long result = call(__NR_prctl, pr_capbset_drop, capability);
    if (result == -e_inval) break;  // past the last one that this kernel knows
    if (result < 0) return result;
  }
  return 0;
}

long set_capabilities(const Operation& operation) {
  const auto* sets = reinterpret_cast<const uint64_t*>(operation.list);
  const uint64_t permitted = operation.a, inheritable = operation.b, effective = sets[0], ambient = sets[1];
  struct {
    uint32_t version;
    int pid;
  } header{0x20080522, 0};  // _LINUX_CAPABILITY_VERSION_3
  struct {
    uint32_t effective, permitted, inheritable;
  } data[2];
  for (int i = 0; i < 2; i++)
    data[i] = {static_cast<uint32_t>(effective >> (32 * i)), static_cast<uint32_t>(permitted >> (32 * i)),
               static_cast<uint32_t>(inheritable >> (32 * i))};
  long result = call(__NR_capset, address(&header), address(data));
  if (result == 0) result = call(__NR_prctl, pr_cap_ambient, pr_cap_ambient_clear_all, 0, 0, 0);
  for (int capability = 0; result == 0 && capability < 64; capability++)
    if (ambient & (uint64_t{1} << capability))
      result = call(__NR_prctl, pr_cap_ambient, pr_cap_ambient_raise, capability, 0, 0);
  return result;
}

// What is at /proc must be the top of a procfs, and what is opened must be in it: a container that could put
// something else there would be confined by nothing (CVE-2019-16884, CVE-2019-19921).
long set_label(Context& context, const Operation& operation) {
  const long proc = open_in_root(descriptor(context, plan::root_slot), "/proc", plan::no_symlinks);
  if (proc < 0) return proc;
  Statfs filesystem{};
  Statx status{};
  long result = call(__NR_fstatfs, proc, address(&filesystem));
  if (result == 0) result = call(__NR_statx, proc, address(""), at_empty_path, statx_basic, address(&status));
  if (result == 0 && (filesystem.type != proc_super_magic || status.ino != proc_root_inode)) result = -e_xdev;
  const OpenHow how{.flags = static_cast<uint64_t>(o_wronly | o_cloexec),
                    .mode = 0,
                    .resolve = resolve_beneath | resolve_no_xdev | resolve_no_magiclinks};
  if (result == 0) result = open_how(static_cast<int>(proc), operation.path, how);
  close(static_cast<int>(proc));
  if (result < 0) return result;
  const int file = static_cast<int>(result);
  result = call(__NR_write, file, address(operation.text), static_cast<long>(length(operation.text)));
  close(file);
  return result < 0 ? result : 0;
}

// Either while CAP_SYS_ADMIN is there, or after no_new_privileges (seccomp(2)).
long load_filter(Context& context, const Operation& operation) {
  const struct {
    uint16_t size;
    const void* instructions;
  } program{static_cast<uint16_t>(operation.a), static_cast<const void*>(operation.list)};
  const long result =
      call(__NR_seccomp, seccomp_set_mode_filter, static_cast<long>(operation.b), address(&program));
  // No call may follow that the filter could ask about: the parent looks at the slot, and fetches what is
  // there.
  if (result > 0 && operation.into >= 0 && static_cast<uint32_t>(operation.into) < context.list->slot_count) {
    context.list->slots[operation.into] = static_cast<int32_t>(result);
    return 0;
  }
  return result;
}

long no_new_privileges() { return call(__NR_prctl, pr_set_no_new_privs, 1, 0, 0, 0); }

}  // namespace tare::init
