// Tare-init as a first process that stays: it passes signals on, reaps, and ends as its child does.
#include <csignal>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "init_fixture.h"

namespace tare::init {
namespace {

using plan::Kind;

/// The first process of a pid namespace, which supervises a child that does `act`.
class Supervised {
 public:
  explicit Supervised(const std::function<int()>& act) {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync_), 0);
    EXPECT_EQ(::pipe2(pids_, O_CLOEXEC), 0);
    std::fflush(nullptr);
    between_ = ::fork();
    if (between_ == 0) enter_namespace(act);
    ::close(sync_[1]);
    ::close(pids_[1]);
  }
  ~Supervised() {
    ::close(sync_[0]);
    ::close(pids_[0]);
  }
  Supervised(const Supervised&) = delete;
  Supervised& operator=(const Supervised&) = delete;

  pid_t first() const {
    pid_t pid = 0;
    EXPECT_EQ(::read(pids_[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
    return pid;
  }
  bool socket_is_closed() const {
    char byte;
    return ::recv(sync_[0], &byte, 1, 0) == 0;
  }
  int end() const {
    int status = 0;
    EXPECT_EQ(::waitpid(between_, &status, 0), between_);
    return WEXITSTATUS(status);
  }

 private:
  // It is entered by children only.
  [[noreturn]] void enter_namespace(const std::function<int()>& act) const {
    ::close(sync_[0]);
    if (::unshare(CLONE_NEWPID) != 0) ::_exit(99);
    const pid_t first = ::fork();
    if (first == 0) {
      Operations operations;
      operations.list().sync_socket = sync_[1];
      if (operations.perform({.kind = Kind::supervise}) != 0) ::_exit(98);
      ::_exit(act());
    }
    ::close(sync_[1]);
    int status = 0;
    if (::write(pids_[1], &first, sizeof first) < 0) ::_exit(97);
    ::waitpid(first, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
  }

  int sync_[2]{}, pids_[2]{};
  pid_t between_ = 0;
};

TEST(InitSupervise, EndsAsItsChildDoes) {
  EXPECT_EQ(Supervised([] { return 0; }).end(), 0);
  EXPECT_EQ(Supervised([] { return 42; }).end(), 42);
  EXPECT_EQ(Supervised([] { return ::raise(SIGKILL); }).end(), 128 + SIGKILL);
  EXPECT_EQ(Supervised([] { return ::raise(SIGTERM); }).end(), 128 + SIGTERM);
}

TEST(InitSupervise, LeavesTheSocketToItsChild) {
  Supervised supervised([] {
    ::usleep(50000);
    ::close_range(3, ~0U, 0);
    ::pause();
    return 0;
  });
  EXPECT_TRUE(supervised.socket_is_closed());
  ::kill(supervised.first(), SIGTERM);
  EXPECT_EQ(supervised.end(), 128 + SIGTERM);
}

TEST(InitSupervise, GivesItsChildAProcessGroupOfItsOwnAndNoBlockedSignals) {
  EXPECT_EQ(Supervised([] {
              sigset_t blocked;
              ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
              int death = 0;
              ::prctl(PR_GET_PDEATHSIG, &death);
              const bool leads = ::getpgid(0) == ::getpid();
              return ::getppid() == 1 && leads && ::sigisemptyset(&blocked) && death == SIGKILL ? 7 : 8;
            }).end(),
            7);
}

TEST(InitSupervise, PassesSignalsOn) {
  for (const int signal :
       {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGWINCH, SIGRTMIN, SIGRTMAX}) {
    int ready[2];
    ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    Supervised supervised([&] {
      sigset_t wanted;
      ::sigemptyset(&wanted);
      ::sigaddset(&wanted, signal);
      ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
      if (::write(ready[1], "x", 1) != 1) return 97;
      int number = 0;
      ::sigwait(&wanted, &number);
      return number;
    });
    char byte;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::kill(supervised.first(), signal);
    EXPECT_EQ(supervised.end(), signal);
    ::close(ready[0]);
    ::close(ready[1]);
  }
}

TEST(InitSupervise, ReapsWhatOthersLeft) {
  EXPECT_EQ(Supervised([] {
              int ids[2];
              if (::pipe(ids) != 0) return 97;
              const pid_t between = ::fork();
              if (between == 0) {
                const pid_t orphan = ::fork();
                if (orphan == 0) {
                  ::usleep(20000);
                  ::_exit(0);
                }
                ::_exit(::write(ids[1], &orphan, sizeof orphan) == sizeof orphan ? 0 : 1);
              }
              ::waitpid(between, nullptr, 0);
              pid_t orphan = 0;
              if (::read(ids[0], &orphan, sizeof orphan) != sizeof orphan) return 96;
              for (int i = 0; i < 500 && ::kill(orphan, 0) == 0; i++) ::usleep(10000);
              return ::kill(orphan, 0) == 0 ? 1 : 0;
            }).end(),
            0);
}

}  // namespace
}  // namespace tare::init
