// Executes a program as on an older kernel, or below a caller's seccomp filter: the named system calls fail
// for it and all it starts. EPERM instead of ENOSYS is what a filter says that knows no better.
//
// usage: without [--eperm] CALL[,CALL]... PROGRAM [ARGUMENT]...
//        without --list
//
// The call `newer` stands for all that tare-runtime can do without, which --list prints.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sched.h>
#include <seccomp.h>
#include <string>
#include <unistd.h>

namespace {

constexpr const char* newer =
    "openat2,clone3,fsopen,fsconfig,fsmount,fspick,open_tree,move_mount,mount_setattr,close_range,pidfd_open,"
    "memfd_create,faccessat2,setns-of-pidfd";

}  // namespace

int main(int, char** words) {
  words++;
  unsigned error = ENOSYS;
  if (*words && std::strcmp(*words, "--list") == 0) return std::puts(newer) < 0;
  if (*words && std::strcmp(*words, "--eperm") == 0) error = EPERM, words++;
  if (!words[0] || !words[1]) {
    std::fprintf(stderr, "usage: without [--eperm] CALL[,CALL]... PROGRAM [ARGUMENT]...\n");
    return 2;
  }
  const scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
  // Who may load a filter without it loads it so: sudo and newuidmap still work below.
  if (::geteuid() == 0) ::seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
  std::string names = std::strcmp(words[0], "newer") == 0 ? newer : words[0];
  for (char* name = std::strtok(names.data(), ","); name; name = std::strtok(nullptr, ",")) {
    if (std::strcmp(name, "setns-of-pidfd") == 0) {
      // Of several namespaces at once: EINVAL, as before Linux 5.8.
      ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(setns), 1,
                         SCMP_A1(SCMP_CMP_GT, CLONE_NEWNET));
      continue;
    }
    const int number = ::seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(error), number, 0) != 0) {
      std::fprintf(stderr, "without: cannot take %s away\n", name);
      return 2;
    }
  }
  if (const int failed = ::seccomp_load(filter); failed != 0) {
    std::fprintf(stderr, "without: cannot load the filter: %s\n", std::strerror(-failed));
    return 2;
  }
  ::execvp(words[1], words + 1);
  std::fprintf(stderr, "without: cannot execute %s: %s\n", words[1], std::strerror(errno));
  return 127;
}
