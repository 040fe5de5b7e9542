#include "engine/process_status.h"

#include <csignal>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/disk_usage.h"
#include "sys/user_names.h"
#include "temporary_directory.h"

namespace tare::engine {
namespace {

TEST(ProcessStatus, IsThatOfThisProcess) {
  const auto status = read_process_status(::getpid());
  ASSERT_TRUE(status);
  EXPECT_EQ(status->parent, ::getppid());
  EXPECT_EQ(status->user, ::geteuid());
  EXPECT_NE(status->command.find("unit_tests"), std::string::npos);
  EXPECT_FALSE(read_process_status(0x3fffffff));
}

TEST(ProcessStatus, ReadsNamesThatLookLikeTheEnd) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_NAME, ") S 1 (x");
    if (::seteuid(1234) != 0 || ::write(ready[1], "", 1) != 1) ::_exit(1);
    ::pause();
  }
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const auto status = read_process_status(pid);
  ::kill(pid, SIGKILL);
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  const auto ended = read_process_status(pid);
  ::waitpid(pid, nullptr, 0);
  ::close(ready[0]), ::close(ready[1]);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->parent, ::getpid());
  EXPECT_EQ(status->user, 1234U);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->command, "[) S 1 (x] <defunct>");
}

TEST(ProcessStatus, HasPsWords) {
  EXPECT_EQ(terminal_name(0), "?");
  EXPECT_EQ(terminal_name(makedev(136, 7)), "pts/7");
  EXPECT_EQ(terminal_name(makedev(137, 1)), "pts/257");
  EXPECT_EQ(terminal_name(makedev(4, 1)), "tty1");
  EXPECT_EQ(terminal_name(makedev(4, 64)), "ttyS0");
  EXPECT_EQ(cpu_time_words({.cpu_seconds = 3723.9}), "01:02:03");
  EXPECT_EQ(cpu_time_words({.cpu_seconds = 90'000}), "1-01:00:00");
  const sys::UserNames users;
  EXPECT_EQ(users.name_of(0), "root");
  EXPECT_EQ(users.name_of(3'000'000'000U), "3000000000");
}

TEST(DiskUsage, CountsEachFileOnceAndNoDirectory) {
  const TemporaryDirectory directory;
  directory.put("a/b/c/file", std::string(1000, 'x'));
  directory.put("other", std::string(10, 'x'));
  ASSERT_EQ(::link((directory / "other").c_str(), (directory / "a/same").c_str()), 0);
  ASSERT_EQ(::symlink("12345", (directory / "a/link").c_str()), 0);
  EXPECT_EQ(disk_usage(HostPath(directory.path())), 1015);
  EXPECT_EQ(disk_usage(HostPath(directory / "absent")), 0);
  EXPECT_EQ(disk_usage(HostPath(directory / "a/link")), 0) << "no link is followed";
}

}  // namespace
}  // namespace tare::engine
