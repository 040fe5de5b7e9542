// Tare-init's operations about the process itself: names, limits, signals, the conversation with the parent.
#include <csignal>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "init_fixture.h"

namespace tare::init {
namespace {

using plan::Kind;
using plan::Message;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

/// A list whose sync socket is a pair's one end.
class Conversation : public Operations {
 public:
  Conversation() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_), 0);
    list().sync_socket = ends_[1];
  }
  int parent() const { return ends_[0]; }
  void say(Message::Type type) const {
    const Message message{.type = type, .value = 0};
    EXPECT_EQ(::send(parent(), &message, sizeof message, 0), static_cast<ssize_t>(sizeof message));
  }
  Message hear() const {
    Message message{};
    EXPECT_EQ(::recv(parent(), &message, sizeof message, 0), static_cast<ssize_t>(sizeof message));
    return message;
  }

 private:
  int ends_[2]{};
};

TEST(InitProcess, ReportsAnOperationThatItDoesNotKnow) {
  Operations operations;
  EXPECT_EQ(operations.perform({.kind = static_cast<Kind>(1000)}), -EINVAL);
}

TEST(InitProcess, RefusesSlotsThatAreNotThere) {
  in_child(CLONE_NEWNS, [] {
    RootedOperations operations;
    EXPECT_EQ(::mkdir(in_root("/there").c_str(), 0755), 0);
    EXPECT_EQ(::chdir(RootedOperations::root), 0);
    for (const std::int32_t slot : {-1, 8, 1000000, -2147483647}) {
      using enum Kind;
      for (const Kind kind : {join_cgroup, set_attributes, attach_root, attach, make_node, make_symlink,
                              open_console, set_terminal})
        EXPECT_EQ(operations.perform(
                      {.kind = kind, .slot = slot, .into = slot, .a = 1, .path = "there", .text = "name"}),
                  -EBADF)
            << static_cast<int>(kind) << " " << slot;
      EXPECT_EQ(operations.perform({.kind = new_filesystem, .into = slot, .text = "tmpfs"}), 0)
          << "what is kept nowhere is closed";
      EXPECT_EQ(operations.perform({.kind = open_directory, .into = slot, .path = "/"}), 0);
    }
    EXPECT_EQ(operations.perform({.kind = Kind::set_streams, .a = 0x7fff7fff7fff}), -EBADF);
    EXPECT_EQ(operations.perform({.kind = Kind::set_streams, .a = 0xffffffffffff}), -EBADF);
    operations.slot(0) = -1;
    EXPECT_EQ(operations.perform({.kind = Kind::pivot}), -EBADF);
    EXPECT_EQ(operations.perform({.kind = Kind::mask, .path = "/x"}), -EBADF);
    EXPECT_EQ(operations.perform({.kind = Kind::protect, .path = "/x"}), -EBADF);
    EXPECT_EQ(operations.perform({.kind = Kind::make_directory, .path = "/x"}), -EBADF);
  });
}

TEST(InitProcess, TakesItsName) {
  in_child(0, [] {
    Operations operations;
    EXPECT_EQ(operations.perform({.kind = Kind::set_name, .text = "a-name-that-is-too-long"}), 0);
    char name[17] = {};
    EXPECT_EQ(::prctl(PR_GET_NAME, name), 0);
    EXPECT_STREQ(name, "a-name-that-is-");
  });
}

TEST(InitProcess, DiesWithItsParentAndAtOnceIfThatIsDead) {
  in_child(0, [] {
    Conversation talk;
    EXPECT_EQ(talk.perform({.kind = Kind::die_with_parent, .a = SIGKILL}), 0);
    int signal = 0;
    EXPECT_EQ(::prctl(PR_GET_PDEATHSIG, &signal), 0);
    EXPECT_EQ(signal, SIGKILL);
    EXPECT_EQ(talk.perform({.kind = Kind::die_with_parent, .a = 1000}), -EINVAL);
    talk.say(Message::Type::proceed);
    EXPECT_EQ(talk.perform({.kind = Kind::die_with_parent, .a = SIGKILL}), 0)
        << "and a waiting message stays";
    EXPECT_EQ(talk.perform({.kind = Kind::synchronise, .a = 1}), 0);
    ::close(talk.parent());
    EXPECT_EQ(talk.perform({.kind = Kind::die_with_parent, .a = SIGKILL}), -EPIPE);
  });
}

TEST(InitProcess, TakesNoIgnoredOrBlockedSignalsAlong) {
  in_child(0, [] {
    ::signal(SIGINT, SIG_IGN);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGRTMAX, SIG_IGN);
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    Operations operations;
    const auto bit = [](int signal) { return std::uint64_t{1} << (signal - 1); };
    EXPECT_EQ(operations.perform({.kind = Kind::reset_signals, .a = bit(SIGINT) | bit(SIGRTMAX)}), 0);
    struct sigaction now{};
    for (const int signal : {SIGINT, SIGRTMAX}) {
      EXPECT_EQ(::sigaction(signal, nullptr, &now), 0);
      EXPECT_EQ(now.sa_handler, SIG_DFL) << signal;
    }
    EXPECT_EQ(::sigaction(SIGPIPE, nullptr, &now), 0);
    EXPECT_EQ(now.sa_handler, SIG_IGN) << "only those named";
    EXPECT_EQ(::sigprocmask(SIG_SETMASK, nullptr, &all), 0);
    EXPECT_TRUE(::sigisemptyset(&all));
  });
}

TEST(InitProcess, LeadsASessionOnce) {
  in_child(0, [] {
    Operations operations;
    EXPECT_EQ(operations.perform({.kind = Kind::start_session}), 0);
    EXPECT_EQ(::getsid(0), ::getpid());
    EXPECT_EQ(operations.perform({.kind = Kind::start_session}), -EPERM);
  });
}

TEST(InitProcess, JoinsACgroupByWritingNothingButZero) {
  Operations operations;
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  operations.slot(1) = ends[1];
  EXPECT_EQ(operations.perform({.kind = Kind::join_cgroup, .slot = 1}), 0);
  char text[8];
  EXPECT_EQ(::read(ends[0], text, sizeof text), 1);
  EXPECT_EQ(text[0], '0');
  operations.slot(1) = ends[0];
  EXPECT_EQ(operations.perform({.kind = Kind::join_cgroup, .slot = 1}), -EBADF) << "not open for writing";
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(InitProcess, EntersNewNamespaces) {
  in_child(CLONE_NEWUTS, [] {
    Operations operations;
    char before[64] = {}, after[64] = {};
    EXPECT_GT(::readlink("/proc/self/ns/cgroup", before, sizeof before - 1), 0);
    EXPECT_EQ(operations.perform({.kind = Kind::unshare, .a = CLONE_NEWCGROUP}), 0);
    EXPECT_GT(::readlink("/proc/self/ns/cgroup", after, sizeof after - 1), 0);
    EXPECT_STRNE(before, after);
    EXPECT_EQ(operations.perform({.kind = Kind::unshare, .a = 1}), -EINVAL);
  });
}

TEST(InitProcess, SetsAHostnameOfAtMost64Bytes) {
  in_child(CLONE_NEWUTS, [] {
    Operations operations;
    utsname names{};
    EXPECT_EQ(operations.perform({.kind = Kind::set_hostname, .text = "harbour"}), 0);
    EXPECT_EQ(::uname(&names), 0);
    EXPECT_STREQ(names.nodename, "harbour");
    const std::string longest(64, 'h');
    EXPECT_EQ(operations.perform({.kind = Kind::set_hostname, .text = longest.c_str()}), 0);
    EXPECT_EQ(operations.perform({.kind = Kind::set_hostname, .text = (longest + "h").c_str()}), -EINVAL);
    EXPECT_EQ(operations.perform({.kind = Kind::set_hostname, .text = ""}), 0);
  });
}

TEST(InitProcess, BringsTheLoopbackUp) {
  in_child(CLONE_NEWNET, [] {
    const auto is_up = [] {
      const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      ifreq request{};
      request.ifr_name[0] = 'l', request.ifr_name[1] = 'o';
      EXPECT_EQ(::ioctl(socket, SIOCGIFFLAGS, &request), 0);
      ::close(socket);
      return (request.ifr_flags & IFF_UP) != 0;
    };
    EXPECT_FALSE(is_up());
    Operations operations;
    EXPECT_EQ(operations.perform({.kind = Kind::raise_loopback}), 0);
    EXPECT_TRUE(is_up());
    EXPECT_EQ(operations.perform({.kind = Kind::raise_loopback}), 0);
  });
}

TEST(InitProcess, SetsLimitsAndUmask) {
  in_child(0, [] {
    Operations operations;
    EXPECT_EQ(operations.perform({.kind = Kind::set_rlimit, .slot = RLIMIT_CORE, .a = 0, .b = 0}), 0);
    EXPECT_EQ(operations.perform({.kind = Kind::set_rlimit, .slot = RLIMIT_NOFILE, .a = 100, .b = 200}), 0);
    rlimit limit{};
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(limit.rlim_cur, 100U);
    EXPECT_EQ(limit.rlim_max, 200U);
    EXPECT_EQ(operations.perform({.kind = Kind::set_rlimit, .slot = RLIMIT_NOFILE, .a = 2, .b = 1}), -EINVAL);
    EXPECT_EQ(operations.perform({.kind = Kind::set_rlimit, .slot = 99, .a = 1, .b = 1}), -EINVAL);
    EXPECT_EQ(operations.perform({.kind = Kind::set_umask, .a = 027}), 0);
    EXPECT_EQ(::umask(0), 027U);
  });
}

TEST(InitProcess, JoinsAKeyringOrGoesOnWithoutWhereAFilterForbids) {
  in_child(0, [] {
    Operations operations;
    EXPECT_EQ(operations.perform({.kind = Kind::join_keyring, .text = "_ses.test"}), 0);
  });
}

TEST(InitProcess, GoesOnAtTheParentsWordOnly) {
  Conversation talk;
  talk.say(Message::Type::proceed);
  EXPECT_EQ(talk.perform({.kind = Kind::synchronise, .a = 1}), 0);
  const Message heard = talk.hear();
  EXPECT_EQ(heard.type, Message::Type::sync);
  EXPECT_EQ(heard.value, 1U);
  talk.say(Message::Type::console);
  EXPECT_EQ(talk.perform({.kind = Kind::synchronise, .a = 1}), -EPROTO);
  EXPECT_EQ(talk.hear().type, Message::Type::sync);
  EXPECT_EQ(::shutdown(talk.parent(), SHUT_WR), 0);
  EXPECT_EQ(talk.perform({.kind = Kind::synchronise, .a = 1}), -EPIPE) << "the end of the conversation";
  EXPECT_EQ(talk.hear().type, Message::Type::sync);
  ::close(talk.parent());
  EXPECT_EQ(talk.perform({.kind = Kind::synchronise, .a = 1}), -EPIPE);
  ::close(talk.list().sync_socket);
  talk.list().sync_socket = -1;
  EXPECT_EQ(talk.perform({.kind = Kind::synchronise, .a = 1}), -EBADF);
}

TEST(InitProcess, WaitsAfterAFailureUntilTheParentHasLooked) {
  Conversation talk;
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(talk.parent());
    talk.list().report = {.operation = 17, .error = ENOENT, .detail = 0};
    report_failure(talk.list());
    ::_exit(42);
  }
  ::close(talk.list().sync_socket);
  const Message heard = talk.hear();
  EXPECT_EQ(heard.type, Message::Type::failed);
  EXPECT_EQ(heard.value, 17U);
  int status = 0;
  ::usleep(20000);
  EXPECT_EQ(::waitpid(pid, &status, WNOHANG), 0) << "it is still there to be looked at";
  ::close(talk.parent());
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST(InitProcess, StopsAtTheFirstFailureAndSaysWhich) {
  Operations operations;
  const plan::Operation list[] = {{.kind = Kind::set_umask, .a = 022},
                                  {.kind = Kind::join_cgroup, .slot = 5},
                                  {.kind = static_cast<Kind>(1000)}};
  operations.list().operations = list;
  operations.list().operation_count = 3;
  run(operations.context());
  EXPECT_EQ(operations.list().report.operation, 1U);
  EXPECT_EQ(operations.list().report.error, EBADF);
  operations.list().operation_count = 1;
  run(operations.context());
  EXPECT_EQ(operations.list().report.error, EINVAL) << "a list must end in execute";
}

TEST(InitProcess, ClosesAllButTheStandardThreeAndTheSocket) {
  in_child(0, [] {
    Conversation talk;
    const int low = ::fcntl(0, F_DUPFD, 3), socket = ::fcntl(talk.list().sync_socket, F_DUPFD, 50);
    const int high = ::fcntl(0, F_DUPFD, 900);
    talk.list().sync_socket = socket;
    EXPECT_EQ(talk.perform({.kind = Kind::close_descriptors}), 0);
    for (const int fd : {0, 1, 2, socket}) EXPECT_TRUE(is_open(fd)) << fd;
    for (const int fd : {low, high, talk.parent(), socket - 1, socket + 1}) EXPECT_FALSE(is_open(fd)) << fd;
    EXPECT_EQ(::dup3(socket, 3, O_CLOEXEC), 3);
    talk.list().sync_socket = 3;
    EXPECT_EQ(talk.perform({.kind = Kind::close_descriptors}), 0);
    EXPECT_TRUE(is_open(3));
    EXPECT_FALSE(is_open(socket));
  });
}

class Execution : public Operations {
 public:
  /// Comes back only with an error.
  long execute(const std::vector<std::string>& candidates,
               const std::vector<std::string>& arguments = {"program"}) {
    const auto pointers = [](const std::vector<std::string>& texts) {
      std::vector<const char*> list;
      list.reserve(texts.size() + 1);
      for (const auto& text : texts) list.push_back(text.c_str());
      list.push_back(nullptr);
      return list;
    };
    const auto list = pointers(candidates), words = pointers(arguments), variables = pointers({"A=1"});
    return perform({.kind = Kind::execute,
                    .a = reinterpret_cast<std::uint64_t>(words.data()),
                    .b = reinterpret_cast<std::uint64_t>(variables.data()),
                    .list = list.data()});
  }
};

TEST(InitExecute, PassesOverWhatIsMissingAndRemembersWhatIsForbidden) {
  in_child(CLONE_NEWNS, [] {
    RootedOperations tmp;
    write_text("/tmp/plain", "text", 0644);
    write_text("/tmp/text", "neither a program nor a script", 0755);
    write_text("/tmp/script", "#!/no/interpreter\n", 0755);
    Execution execution;
    EXPECT_EQ(execution.execute({}), -ENOENT);
    EXPECT_EQ(execution.execute({"/tmp/missing", "/tmp/plain/below", "/tmp/script"}), -ENOENT);
    EXPECT_EQ(execution.execute({"/tmp/missing", "/tmp/plain", "/tmp/missing"}), -EACCES);
    EXPECT_EQ(execution.list().report.detail, 1U);
    EXPECT_EQ(execution.execute({"/tmp"}), -EACCES) << "a directory";
    EXPECT_EQ(execution.execute({"/tmp/plain", "/tmp/text", "/bin/true"}), -ENOEXEC) << "what is wrong stops";
    EXPECT_EQ(execution.list().report.detail, 1U);
  });
}

TEST(InitExecute, RunsTheFirstCandidateThatCanBe) {
  in_child(CLONE_NEWNS, [] {
    RootedOperations tmp;
    write_text("/tmp/plain", "text", 0644);
    const pid_t pid = ::fork();
    if (pid == 0) {
      Execution execution;
      (void)execution.execute({"/tmp/missing", "/tmp/plain", "/bin/sh"},
                              {"sh", "-c", "test \"$A$HOME\" = 1 && exit 7"});
      ::_exit(99);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WEXITSTATUS(status), 7);
  });
}

}  // namespace
}  // namespace tare::init
