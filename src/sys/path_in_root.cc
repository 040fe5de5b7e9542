#include "sys/path_in_root.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <iterator>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "sys/file.h"
#include "sys/missing_call.h"
#include "sys/walk_in_root.h"

namespace tare::sys {
namespace {

UniqueFd try_walk(Fd root, const char* path, const open_how& how) noexcept {
  const auto call = [](long number, auto... arguments) {
    const long result = ::syscall(number, arguments...);
    return result < 0 ? -long{errno} : result;
  };
  const long fd = WalkInRoot(call, root.number(), how.flags, how.mode, how.resolve).open(path);
  if (fd < 0) errno = static_cast<int>(-fd);
  return UniqueFd(fd < 0 ? -1 : static_cast<int>(fd));
}

UniqueFd try_resolve(Fd root, const ContainerPath& path, int flags, unsigned mode,
                     std::uint64_t scope) noexcept {
  const open_how how{.flags = static_cast<unsigned>(flags) | O_CLOEXEC,
                     .mode = mode,
                     .resolve = scope | RESOLVE_NO_MAGICLINKS};
  // EAGAIN: a rename or mount elsewhere raced with `..` (openat2(2)); the kernel asks to try again.
  for (int attempt = 0;; attempt++) {
    const long fd = ::syscall(SYS_openat2, root.number(), path.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (is_missing(errno)) return try_walk(root, path.c_str(), how);
    if (errno != EINTR && (errno != EAGAIN || attempt > 100)) return UniqueFd();
  }
}

// Files that are no files but a way to ask the kernel: reading one may wait for ever, take away what it reads
// (/proc/kmsg), or show the host's root what the container may not see.
constexpr decltype(statfs::f_type) kernel_file_systems[] = {
    PROC_SUPER_MAGIC, SYSFS_MAGIC,        CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC,
    TRACEFS_MAGIC,    SECURITYFS_MAGIC,   BPF_FS_MAGIC,       BINFMTFS_MAGIC,      EFIVARFS_MAGIC,
    PSTOREFS_MAGIC,   DEVPTS_SUPER_MAGIC, SELINUX_MAGIC,      NSFS_MAGIC};

bool is_made_by_kernel(Fd file) {
  struct statfs status;
  if (::fstatfs(file.number(), &status) != 0) throw system_error("cannot find out what it lies on");
  return std::ranges::find(kernel_file_systems, status.f_type) != std::end(kernel_file_systems);
}

}  // namespace

UniqueFd try_open_in_root(Fd root, const ContainerPath& path, int flags, unsigned mode) noexcept {
  return try_resolve(root, path, flags, mode, RESOLVE_IN_ROOT);
}

UniqueFd try_open_beneath(Fd root, const ContainerPath& path, int flags, unsigned mode) noexcept {
  return try_resolve(root, path, flags, mode, RESOLVE_BENEATH);
}

UniqueFd open_in_root(Fd root, const ContainerPath& path, int flags, unsigned mode) {
  UniqueFd fd = try_open_in_root(root, path, flags, mode);
  if (!fd) throw system_error(format("cannot open {} in the container's root", path.value));
  return fd;
}

UniqueFd try_open_regular_in_root(Fd root, const ContainerPath& path) {
  const Step step("open in the container's root", path.value);
  const UniqueFd found = try_open_in_root(root, path, O_PATH);
  if (!found && is_breakdown(errno)) throw system_error("cannot open it");
  if (!found) return {};
  struct stat status;
  if (::fstat(found.number(), &status) != 0) throw system_error("cannot look at it");
  if (!S_ISREG(status.st_mode) || is_made_by_kernel(found)) {
    errno = EINVAL;
    return {};
  }
  // The same file, whatever the path means by now; without waiting for its owner to give up a lease
  // (fcntl(2), F_SETLEASE).
  constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  UniqueFd opened(::open(format("/proc/self/fd/{}", found.number()).c_str(), flags));
  if (!opened && (is_breakdown(errno) || errno == EPERM)) throw system_error("cannot open it");
  return opened;
}

}  // namespace tare::sys
