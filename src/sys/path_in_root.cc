#include "sys/path_in_root.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"

namespace tare::sys {
namespace {

UniqueFd try_resolve(Fd root, const ContainerPath& path, int flags, unsigned mode,
                     std::uint64_t scope) noexcept {
  const open_how how{.flags = static_cast<unsigned>(flags) | O_CLOEXEC,
                     .mode = mode,
                     .resolve = scope | RESOLVE_NO_MAGICLINKS};
  // EAGAIN: a rename or mount elsewhere raced with `..` (openat2(2)); the kernel asks to try again.
  for (int attempt = 0;; attempt++) {
    const long fd = ::syscall(SYS_openat2, root.number(), path.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EINTR && (errno != EAGAIN || attempt > 100)) return UniqueFd();
  }
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
  const UniqueFd found = try_open_in_root(root, path, O_PATH);
  if (!found) return {};
  struct stat status;
  if (::fstat(found.number(), &status) != 0) return {};
  if (!S_ISREG(status.st_mode)) {
    errno = EINVAL;
    return {};
  }
  // The same file, whatever the path means by now.
  return UniqueFd(::open(format("/proc/self/fd/{}", found.number()).c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace tare::sys
