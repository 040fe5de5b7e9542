// Operations that make directories, device nodes and symlinks in the container's root.
#include "init/constants.h"
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

long make_node(Context& context, const Operation& operation) {
  const int directory = descriptor(context, operation.slot);
  const long result = call(__NR_mknodat, directory, address(operation.text), static_cast<long>(operation.a),
                           static_cast<long>(operation.b));
  if (result == 0 && operation.into >= 0)
    return keep(context, operation.into,
                call(__NR_openat, directory, address(operation.text), o_path | o_nofollow | o_cloexec, 0));
  return result;
}

long make_symlink(Context& context, const Operation& operation) {
  return call(__NR_symlinkat, address(operation.text), descriptor(context, operation.slot),
              address(operation.path));
}

}  // namespace tare::init
