#include "cli/progress.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <thread>

namespace tare::cli {
namespace {

struct Terminal {
  sys::UniqueFd ours, theirs;

  explicit Terminal(unsigned short columns) {
    int master = -1, slave = -1;
    winsize size = {.ws_row = 24, .ws_col = columns};
    EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
    ours = sys::UniqueFd(master);
    theirs = sys::UniqueFd(slave);
    EXPECT_EQ(::fcntl(master, F_SETFL, O_NONBLOCK), 0);
  }

  std::string shown() const {
    std::string text(4096, '\0');
    const auto size = ::read(ours.number(), text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }
};

void wait_until_due() { std::this_thread::sleep_for(std::chrono::milliseconds(110)); }

TEST(Progress, ShowsNothingForShortWork) {
  Terminal terminal(80);
  {
    Progress progress("copying", terminal.theirs);
    progress.update(1, 2);
  }
  EXPECT_EQ(terminal.shown(), "");
}

TEST(Progress, ShowsALineForLongWorkAndErasesIt) {
  Terminal terminal(80);
  {
    Progress progress("copying", terminal.theirs);
    wait_until_due();
    progress.update(512 << 10, 2 << 20);
    EXPECT_EQ(terminal.shown(), "\r\x1b[Kcopying: 512KiB / 2MiB (25%)");
    progress.update(1 << 20, 2 << 20);
    EXPECT_EQ(terminal.shown(), "") << "not more often than every 100 ms";
  }
  EXPECT_EQ(terminal.shown(), "\r\x1b[K");
}

TEST(Progress, NeedsNoTotalAndDoubtsAWrongOne) {
  Terminal terminal(80);
  Progress progress("pulling \x1b[31m", terminal.theirs);
  wait_until_due();
  progress.update(1 << 20);
  EXPECT_EQ(terminal.shown(), "\r\x1b[Kpulling ?[31m: 1MiB");
  wait_until_due();
  progress.update(3 << 20, 2 << 20);
  EXPECT_EQ(terminal.shown(), "\r\x1b[Kpulling ?[31m: 3MiB / 2MiB (100%)");
  wait_until_due();
  progress.update(0, 0);
  EXPECT_EQ(terminal.shown(), "\r\x1b[Kpulling ?[31m: 0B");
}

TEST(Progress, StaysOnOneLineOfANarrowTerminal) {
  Terminal terminal(10);
  Progress progress("kopiere Größeres", terminal.theirs);
  wait_until_due();
  progress.update(1, 2);
  EXPECT_EQ(terminal.shown(), "\r\x1b[Kkopiere G");
}

TEST(Progress, IsSilentWithoutATerminal) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const sys::UniqueFd out(ends[0]), in(ends[1]);
  {
    Progress progress("copying", in);
    wait_until_due();
    progress.update(1, 2);
  }
  char byte;
  EXPECT_EQ(::read(out.number(), &byte, 1), -1);
}

}  // namespace
}  // namespace tare::cli
