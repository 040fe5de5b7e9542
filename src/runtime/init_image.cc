#include "runtime/init_image.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "sys/file.h"

#ifndef MFD_EXEC  // Linux 6.3; Debian 12's headers are older
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

extern "C" {
extern const char tare_init_begin[], tare_init_end[];
}

namespace tare::runtime {
namespace {

std::string_view init_bytes() { return {tare_init_begin, tare_init_end}; }

bool is_executable(sys::Fd fd) {
  // The answer of the kernel's own check, without executing anything (AT_EXECVE_CHECK is 6.14): the mode and
  // the mount.
  return ::faccessat(fd.number(), "", X_OK, AT_EMPTY_PATH | AT_EACCESS) == 0;
}

}  // namespace

sys::UniqueFd try_sealed_memory_file() noexcept {
  constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  sys::UniqueFd file(::memfd_create("tare-init", flags | MFD_EXEC));
  if (!file && errno == EINVAL) file = sys::UniqueFd(::memfd_create("tare-init", flags));  // before 6.3
  if (!file) return file;
  const auto bytes = init_bytes();
  if (::write(file.number(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) return {};
  constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(file.number(), F_ADD_SEALS, seals | F_SEAL_EXEC) != 0 &&
      ::fcntl(file.number(), F_ADD_SEALS, seals) != 0)
    return {};
  return is_executable(file) ? std::move(file) : sys::UniqueFd();
}

sys::UniqueFd make_hidden_file() {
  Step step("hide tare-init in a file system of its own");
  const sys::UniqueFd filesystem(static_cast<int>(::syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  if (!filesystem) throw system_error("cannot open tmpfs");
  if (::syscall(SYS_fsconfig, filesystem.number(), FSCONFIG_SET_STRING, "mode", "700", 0) != 0 ||
      ::syscall(SYS_fsconfig, filesystem.number(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    throw system_error("cannot make a tmpfs");
  const sys::UniqueFd mount(
      static_cast<int>(::syscall(SYS_fsmount, filesystem.number(), FSMOUNT_CLOEXEC, 0)));
  if (!mount) throw system_error("cannot mount a tmpfs");
  {
    const sys::UniqueFd file = sys::open_at(mount, "tare-init", O_WRONLY | O_CREAT | O_EXCL, 0555);
    sys::write_all(file, init_bytes());
    if (::fchmod(file.number(), 0555) != 0) throw system_error("cannot make tare-init executable");
  }
  const mount_attr read_only{.attr_set = MOUNT_ATTR_RDONLY};
  if (::syscall(SYS_mount_setattr, mount.number(), "", AT_EMPTY_PATH, &read_only, sizeof read_only) != 0)
    throw system_error("cannot make the tmpfs read-only");
  // The mount ends with its descriptor; the file stays executable, and its read-only mount can no longer be
  // changed.
  return sys::open_at(mount, "tare-init", O_PATH | O_NOFOLLOW);
}

sys::UniqueFd make_init_image() {
  sys::UniqueFd file = try_sealed_memory_file();
  return file ? std::move(file) : make_hidden_file();
}

}  // namespace tare::runtime
