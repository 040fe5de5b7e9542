#include "runtime/init_image.h"

#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/process.h"

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

// What the child needs and what it leaves: its memory and its descriptors are the caller's.
struct Hiding {
  std::string_view bytes;
  int file = -1, error_number = 0;
};

bool hide_file(Hiding& hiding) {
  constexpr const char *place = "/proc", *name = "/proc/tare-init";  // a directory that every host has
  if (::syscall(SYS_mount, nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::syscall(SYS_mount, "tmpfs", place, "tmpfs", 0, "mode=700") != 0)
    return false;
  const auto file =
      static_cast<int>(::syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0555));
  if (file < 0) return false;
  const auto written = ::syscall(SYS_write, file, hiding.bytes.data(), hiding.bytes.size());
  const bool is_whole =
      written == static_cast<long>(hiding.bytes.size()) && ::syscall(SYS_fchmod, file, 0555) == 0;
  ::syscall(SYS_close, file);
  if (!is_whole ||
      ::syscall(SYS_mount, nullptr, place, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0)
    return false;
  hiding.file = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0));
  return hiding.file >= 0;
}

[[noreturn]] void hide(void* argument) {
  auto* hiding = static_cast<Hiding*>(argument);
  if (!hide_file(*hiding)) hiding->error_number = errno;
  for (;;) ::syscall(SYS_exit_group, 0);
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

// A mount namespace that ends with the child which made it leaves a mount that nobody can change any more;
// the file in it stays executable.
sys::UniqueFd make_hidden_file() {
  Step step("hide tare-init in a file system of its own");
  Hiding hiding{.bytes = init_bytes()};
  const sys::Child child = sys::clone_child(CLONE_FILES | CLONE_NEWNS, sys::Fd(-1), hide, &hiding);
  sys::reap(child.pid);
  if (hiding.file < 0) throw system_error(hiding.error_number, "cannot make a tmpfs");
  return sys::UniqueFd(hiding.file);
}

sys::UniqueFd make_init_image() {
  sys::UniqueFd file = try_sealed_memory_file();
  return file ? std::move(file) : make_hidden_file();
}

}  // namespace tare::runtime
