// The walls around a process that fetches, tried from inside.
#include "archive/confine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/file.h"
#include "temporary_directory.h"

namespace tare::archive {
namespace {

bool has_landlock() {
  return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 2;
}

// What is tried in the confined process; true: it was possible.
struct Trial {
  const char* what;
  bool (*succeeds)(const std::string& store, const std::string& outside);
  bool is_allowed;
  bool needs_landlock = false;
};

bool can_open(const std::string& path, int flags) {
  return sys::UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, 0600)).valid();
}

constexpr Trial trials[] = {
    {"write in the store",
     [](const auto& s, const auto&) { return can_open(s + "/new", O_CREAT | O_WRONLY); }, true},
    {"rename in the store",
     [](const auto& s, const auto&) {
       return ::mkdir((s + "/a").c_str(), 0700) == 0 && ::mkdir((s + "/b").c_str(), 0700) == 0 &&
              ::rename((s + "/a").c_str(), (s + "/b/a").c_str()) == 0;
     },
     true},
    {"read what was named", [](const auto&, const auto& o) { return can_open(o + "/readable", O_RDONLY); },
     true},
    {"read certificates",
     [](const auto&, const auto&) { return can_open("/etc/ssl", O_RDONLY | O_DIRECTORY); }, true},
    {"look up names", [](const auto&, const auto&) { return can_open("/etc/hosts", O_RDONLY); }, true},
    {"connect",
     [](const auto&, const auto&) {
       const sys::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
       sockaddr_in nobody{};
       nobody.sin_family = AF_INET;
       nobody.sin_port = htons(1);
       nobody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
       (void)::connect(socket.number(), reinterpret_cast<const sockaddr*>(&nobody), sizeof nobody);
       return errno == ECONNREFUSED;
     },
     true},
    {"start a process",
     [](const auto&, const auto&) {
       const pid_t pid = ::fork();
       if (pid == 0) ::_exit(0);
       return pid > 0 && ::waitpid(pid, nullptr, 0) == pid;
     },
     true},
    {"write outside", [](const auto&, const auto& o) { return can_open(o + "/new", O_CREAT | O_WRONLY); },
     false, true},
    {"change what was named", [](const auto&, const auto& o) { return can_open(o + "/readable", O_WRONLY); },
     false, true},
    {"read what was not named", [](const auto&, const auto& o) { return can_open(o + "/secret", O_RDONLY); },
     false, true},
    {"write to /etc", [](const auto&, const auto&) { return can_open("/etc/tare-wall", O_CREAT | O_WRONLY); },
     false, true},
    {"link out of the store",
     [](const auto& s, const auto& o) {
       can_open(s + "/file", O_CREAT | O_WRONLY);
       return ::link((s + "/file").c_str(), (o + "/file").c_str()) == 0;
     },
     false, true},
    {"execute",
     [](const auto&, const auto&) {
       const pid_t pid = ::fork();
       if (pid == 0) {
         ::execl("/bin/true", "true", nullptr);
         ::_exit(1);
       }
       int status = -1;
       ::waitpid(pid, &status, 0);
       return status == 0;
     },
     false},
    {"mount", [](const auto& s, const auto&) { return ::mount("x", s.c_str(), "tmpfs", 0, nullptr) == 0; },
     false},
    {"make namespaces", [](const auto&, const auto&) { return ::unshare(CLONE_NEWNS) == 0; }, false},
    {"trace its parent",
     [](const auto&, const auto&) { return ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr) == 0; },
     false},
    {"kill others' processes by another user's right",
     [](const auto&, const auto&) { return ::setuid(1) == 0; }, false},
};

TEST(Confine, ToFetchingLeavesTheStoreAndTheNetworkAndNothingElse) {
  const TemporaryDirectory store, outside;
  outside.put("readable", "r");
  outside.put("secret", "s");
  for (const Trial& trial : trials) {
    if (trial.needs_landlock && !has_landlock()) continue;
    const pid_t pid = ::fork();
    if (pid == 0) {
      confine_to_fetching(store.fd(), {HostPath(outside.path() + "/readable"), HostPath("/missing")});
      ::_exit(trial.succeeds(store.path(), outside.path()) ? 10 : 11);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WEXITSTATUS(status), trial.is_allowed ? 10 : 11) << trial.what;
    for (const char* made : {"/new", "/file"}) ::unlink((store.path() + made).c_str());
  }
}

}  // namespace
}  // namespace tare::archive
