#include "sys/process.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

namespace tare::sys {
namespace {

struct Told {
  long pid = 0;
  int code = 0;
};

[[noreturn]] void tell_and_exit(void* argument) {
  auto* told = static_cast<Told*>(argument);
  told->pid = ::syscall(SYS_getpid);
  for (;;) ::syscall(SYS_exit_group, told->code);
}

/// A child that runs until it is killed.
pid_t start_idle() {
  const pid_t pid = ::fork();
  if (pid == 0)
    for (;;) ::pause();
  return pid;
}

UniqueFd pidfd_of(pid_t pid) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

TEST(CloneChild, RunsInOurMemoryAndIsOurs) {
  Told told{.code = 42};
  const Child child = clone_child(0, Fd(-1), tell_and_exit, &told);
  EXPECT_EQ(told.pid, child.pid);
  EXPECT_TRUE(child.pidfd.valid());
  EXPECT_EQ(::fcntl(child.pidfd.number(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(WEXITSTATUS(reap(child.pid)), 42);
}

TEST(CloneChild, IsNumberOneInAPidNamespaceOfItsOwn) {
  Told told{.code = 0};
  const Child child = clone_child(CLONE_NEWPID, Fd(-1), tell_and_exit, &told);
  EXPECT_EQ(told.pid, 1);
  EXPECT_NE(child.pid, 1);
  EXPECT_EQ(reap(child.pid), 0);
}

TEST(CloneChild, LeavesTheSignalMaskAsItWas) {
  sigset_t wanted, before, after;
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, SIGUSR2);
  ASSERT_EQ(::sigprocmask(SIG_SETMASK, &wanted, &before), 0);
  Told told;
  const Child child = clone_child(0, Fd(-1), tell_and_exit, &told);
  EXPECT_THROW(clone_child(1, Fd(1 << 20), tell_and_exit, &told), Error);
  ASSERT_EQ(::sigprocmask(SIG_SETMASK, &before, &after), 0);
  EXPECT_TRUE(::sigismember(&after, SIGUSR2));
  EXPECT_FALSE(::sigismember(&after, SIGUSR1));
  (void)reap(child.pid);
}

TEST(CloneChild, ThrowsWhatTheKernelSays) {
  const UniqueFd no_cgroup(::open("/tmp", O_PATH | O_CLOEXEC));
  try {
    clone_child(0, no_cgroup, tell_and_exit, nullptr);
    FAIL() << "cloned into /tmp";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_number(), EBADF) << error.what();
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "and leaves no child";
}

TEST(CloseOthers, KeepsTheStandardThreeAndTheseAndNoOther) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int low = ::fcntl(0, F_DUPFD, 3), kept = ::fcntl(0, F_DUPFD, 40), high = ::fcntl(0, F_DUPFD, 700);
    const int also = ::fcntl(0, F_DUPFD, 41);
    close_others({Fd(also), Fd(kept), Fd(1), Fd(kept), Fd(-1)});
    const auto is_open = [](int fd) { return ::fcntl(fd, F_GETFD) >= 0; };
    const bool right = is_open(0) && is_open(1) && is_open(2) && is_open(kept) && is_open(also) &&
                       !is_open(low) && !is_open(high) && !is_open(39) && !is_open(42);
    ::_exit(right ? 0 : 1);
  }
  EXPECT_EQ(reap(pid), 0);
}

TEST(Processes, AreSeenToEndAndReapedOnce) {
  const pid_t pid = start_idle();
  const UniqueFd pidfd = pidfd_of(pid);
  EXPECT_FALSE(has_ended(pidfd));
  EXPECT_FALSE(wait_for_end(pidfd, 0));
  kill_process(pidfd);
  EXPECT_TRUE(wait_for_end(pidfd, 10000));
  EXPECT_TRUE(has_ended(pidfd));
  const int status = reap(pid);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_THROW((void)reap(pid), Error);
  kill_process(pidfd);  // no error
}

TEST(Processes, AreHeldOnlyIfTheyBeganThen) {
  const pid_t pid = start_idle();
  const auto ticks = start_ticks(pid);
  ASSERT_TRUE(ticks);
  EXPECT_TRUE(try_hold(pid, *ticks));
  EXPECT_FALSE(try_hold(pid, *ticks + 1));
  for (const pid_t none : {0, -1}) EXPECT_FALSE(try_hold(none, 0)) << none;
  kill_process(pidfd_of(pid));
  (void)reap(pid);
  EXPECT_FALSE(start_ticks(pid));
  EXPECT_FALSE(try_hold(pid, *ticks));
}

}  // namespace
}  // namespace tare::sys
