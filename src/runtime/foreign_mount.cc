#include "runtime/foreign_mount.h"

#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "sys/file.h"
#include "sys/missing_call.h"
#include "sys/process.h"

namespace tare::runtime {
namespace {

// What the child needs and what it leaves: its memory and its descriptors are the caller's.
struct Errand {
  int mount_namespace;
  const char* path;
  unsigned flags;
  int tree, error_number;
};

[[noreturn]] void fetch(void* argument) {
  auto* errand = static_cast<Errand*>(argument);
  if (::syscall(SYS_setns, errand->mount_namespace, CLONE_NEWNS) == 0)
    errand->tree = static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, errand->path, errand->flags));
  errand->error_number = errno;
  for (;;) ::syscall(SYS_exit_group, 0);
}

}  // namespace

// open_tree(2) clones no mount of another namespace, so a child enters that one.
sys::UniqueFd clone_foreign_tree(const std::string& mount_namespace, const std::string& path,
                                 bool recursive) {
  const sys::UniqueFd file = sys::open_at(sys::here, mount_namespace, O_RDONLY);
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW |
                         (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0);
  Errand errand{file.number(), path.c_str(), flags, -1, 0};
  const sys::Child child = sys::clone_child(CLONE_FILES, sys::Fd(-1), fetch, &errand);
  sys::reap(child.pid);
  if (errand.tree < 0 && !sys::is_missing(errand.error_number))
    throw system_error(errand.error_number,
                       format("cannot take {} of {} for a mount", path, mount_namespace));
  errno = errand.error_number;
  return sys::UniqueFd(errand.tree);
}

}  // namespace tare::runtime
