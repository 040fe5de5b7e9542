#include "runtime/namespace_filter.h"

#include <cerrno>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tare::runtime {
namespace {

// Runs `call` in a child under the filter; the result is its errno, or 0.
template <typename Call>
int error_under_filter(Call call) {
  const pid_t child = ::fork();
  if (child == 0) {
    const std::vector<std::uint64_t> instructions = make_namespace_filter();
    sock_fprog program{static_cast<unsigned short>(instructions.size()),
                       reinterpret_cast<sock_filter*>(const_cast<std::uint64_t*>(instructions.data()))};
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) ::_exit(255);
    const long result = call();
    const int error = result < 0 ? errno : 0;
    ::_exit(error);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(NamespaceFilter, RefusesANewUserNamespaceByUnshareAndByClone) {
  EXPECT_EQ(error_under_filter([] { return ::syscall(SYS_unshare, CLONE_NEWUSER); }), EPERM);
  EXPECT_EQ(error_under_filter([] { return ::syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS); }), EPERM);
  EXPECT_EQ(error_under_filter([] { return ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); }),
            EPERM);
}

TEST(NamespaceFilter, SaysThatClone3IsNotThereSoThatLibrariesUseClone) {
  EXPECT_EQ(error_under_filter([] {
              clone_args args{};
              args.exit_signal = SIGCHLD;
              return ::syscall(SYS_clone3, &args, sizeof args);
            }),
            ENOSYS);
}

TEST(NamespaceFilter, LeavesOtherNamespacesAndOrdinaryProcessesAlone) {
  EXPECT_EQ(error_under_filter([] { return ::syscall(SYS_unshare, CLONE_NEWUTS); }), 0);
  EXPECT_EQ(error_under_filter([] {
              const pid_t child = ::fork();
              if (child == 0) ::_exit(0);
              return child < 0 ? -1L : static_cast<long>(::waitpid(child, nullptr, 0));
            }),
            0);
}

#if defined(__x86_64__)
// The 32-bit entry of the kernel: other numbers for the same calls.
long call_32(long number, long first) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first) : "memory", "r8", "r9", "r10", "r11");
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

TEST(NamespaceFilter, HoldsForThe32BitCallsToo) {
  if (call_32(20, 0) < 0) GTEST_SKIP() << "this kernel has no 32-bit system calls";  // getpid
  EXPECT_EQ(error_under_filter([] { return call_32(310, CLONE_NEWUSER); }), EPERM);
  EXPECT_EQ(error_under_filter([] { return call_32(435, 0); }), ENOSYS);
  EXPECT_EQ(error_under_filter([] { return call_32(310, CLONE_NEWUTS); }), 0);
}

TEST(NamespaceFilter, HoldsForX32CallsToo) {
  EXPECT_NE(error_under_filter([] { return ::syscall(SYS_unshare | 0x40000000, CLONE_NEWUSER); }), 0);
}
#endif

}  // namespace
}  // namespace tare::runtime
