#include "runtime/init_image.h"

#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
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
  return ::faccessat(fd.number(), "", X_OK, AT_EMPTY_PATH | AT_EACCESS) == 0 ||
         ::access(format("/proc/self/fd/{}", fd.number()).c_str(), X_OK) == 0;  // before 5.8
}

// What the child needs and what it leaves: its memory and its descriptors are the caller's.
struct Hiding {
  std::string_view bytes;
  std::string user = {}, group = {};  ///< of a user namespace of the child's own; empty: it has none
  int file = -1, error_number = 0;
};

bool write_file(const char* path, int flags, std::string_view bytes) {
  const auto file =
      static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC | flags, 0555));
  if (file < 0) return false;
  const bool is_whole =
      ::syscall(SYS_write, file, bytes.data(), bytes.size()) == static_cast<long>(bytes.size());
  ::syscall(SYS_close, file);
  return is_whole;
}

bool hide_file(Hiding& hiding) {
  constexpr const char *place = "/proc", *name = "/proc/tare-init";  // a directory that every host has
  if (!hiding.user.empty() &&
      !(write_file("/proc/self/uid_map", 0, hiding.user) && write_file("/proc/self/setgroups", 0, "deny") &&
        write_file("/proc/self/gid_map", 0, hiding.group)))
    return false;
  if (::syscall(SYS_mount, nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::syscall(SYS_mount, "tmpfs", place, "tmpfs", 0, "mode=700") != 0 ||
      !write_file(name, O_CREAT | O_EXCL, hiding.bytes) ||
      ::syscall(SYS_fchmodat, AT_FDCWD, name, 0555) != 0 ||
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

sys::UniqueFd hide_in_child(Hiding hiding, std::uint64_t namespaces) {
  const sys::Child child = sys::clone_child(CLONE_FILES | namespaces, sys::Fd(-1), hide, &hiding);
  sys::reap(child.pid);
  if (hiding.file < 0) throw system_error(hiding.error_number, "cannot make a tmpfs");
  return sys::UniqueFd(hiding.file);
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
  try {
    return hide_in_child({.bytes = init_bytes()}, CLONE_NEWNS);
  } catch (const Error& error) {
    if (error.error_number() != EPERM) throw;
  }
  // Who has no right to mount gets it in a user namespace.
  return hide_in_child(
      {.bytes = init_bytes(), .user = format("0 {} 1", ::geteuid()), .group = format("0 {} 1", ::getegid())},
      CLONE_NEWNS | CLONE_NEWUSER);
}

sys::UniqueFd make_init_image() {
  sys::UniqueFd file = try_sealed_memory_file();
  return file ? std::move(file) : make_hidden_file();
}

}  // namespace tare::runtime
