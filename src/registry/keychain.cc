#include "registry/keychain.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "registry/printable.h"
#include "sys/file.h"
#include "sys/memory_file.h"
#include "sys/process.h"

extern char** environ;

namespace tare::registry {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t longest_answer = 1 << 20;

struct Answer {
  bool has_succeeded = false;
  std::string text;
};

/// Kills and reaps the program unless it was waited for.
class Program {
 public:
  explicit Program(pid_t pid) : pid_(pid) {}
  ~Program() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    sys::reap(pid_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  int wait() { return sys::reap(std::exchange(pid_, -1)); }

 private:
  pid_t pid_;
};

// Standard input is a file, which no program can fail to read in time; it may have a window to ask the user,
// so that only what it says is taken from it.
pid_t start(const std::string& program, const char* verb, sys::Fd input, sys::Fd output) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, input.number(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, output.number(), STDOUT_FILENO);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string name = program, word = verb;
  char* const arguments[] = {name.data(), word.data(), nullptr};
  pid_t pid = -1;
  const int failure = ::posix_spawnp(&pid, program.c_str(), &files, &attributes, arguments, environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  if (failure != 0)
    throw system_error(failure, format("cannot run {}", program),
                       "the configuration of the credentials names it");
  return pid;
}

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
}

// A program's descendants (gpg-agent) may hold its output open: it has ended when it has ended.
std::string listen(const std::string& program, sys::Fd output, sys::Fd process, Clock::time_point deadline) {
  std::string text;
  sys::EndOfProcess end(process);
  bool has_ended = false;
  for (;;) {
    char buffer[4096];
    const ssize_t count = ::read(output.number(), buffer, sizeof buffer);
    if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > longest_answer) throw Error(ErrorKind::system, format("{} says too much", program));
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return text;
    if (count > 0) continue;
    if (has_ended) return text;
    pollfd waited[] = {{.fd = output.number(), .events = POLLIN, .revents = 0}, end.wish()};
    const int left = milliseconds_until(deadline);
    if (left == 0) throw Error(ErrorKind::system, format("{} does not answer", program));
    if (::poll(waited, 2, end.patience(left)) < 0 && errno != EINTR)
      throw system_error(format("cannot wait for {}", program));
    has_ended = end.is_there(waited[1].revents);
  }
}

Answer run(const std::string& program, const char* verb, std::string_view input,
           std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  const sys::UniqueFd file = sys::make_memory_file("tare-credentials", MFD_CLOEXEC);
  sys::write_all(file, input);
  ::lseek(file.number(), 0, SEEK_SET);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("cannot make a pipe");
  const sys::UniqueFd reading(ends[0]);
  sys::UniqueFd writing(ends[1]);
  ::fcntl(reading.number(), F_SETFL, O_NONBLOCK);
  const pid_t pid = start(program, verb, file, writing);
  Program child(pid);
  writing.reset();
  const sys::UniqueFd process = sys::hold_child(pid);
  Answer answer;
  answer.text = listen(program, reading, process, deadline);
  if (!sys::wait_for_end(process, milliseconds_until(deadline)))
    throw Error(ErrorKind::system, format("{} does not end", program));
  const int status = child.wait();
  answer.has_succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return answer;
}

// docker's credential-helpers, credentials/error.go: told on standard output, with status 1.
bool says_not_found(const Answer& answer) {
  return !answer.has_succeeded && answer.text.starts_with("credentials not found");
}

[[noreturn]] void refuse(const std::string& program, const char* verb, const Answer& answer) {
  const std::string words = printable(answer.text);
  throw Error(ErrorKind::system, format("{} {} failed{}{}", program, verb, words.empty() ? "" : ": ", words));
}

}  // namespace

Keychain::Keychain(const std::string& name, std::chrono::milliseconds patience)
    : program_("docker-credential-" + name), patience_(patience) {
  if (name.empty() || name.find_first_of(std::string_view("/\0", 2)) != name.npos)
    throw Error(ErrorKind::invalid,
                format("\"{}\" is no name of a program that keeps credentials", printable(name)));
}

std::optional<KeptLogin> Keychain::get(const std::string& server) const {
  const Answer answer = run(program_, "get", server, patience_);
  if (says_not_found(answer)) return std::nullopt;
  if (!answer.has_succeeded) refuse(program_, "get", answer);
  KeptLogin login;
  try {
    const json::value said = json::parse(answer.text);
    login = {.user = json::text_field(json::as_object(said), "Username"),
             .secret = json::text_field(json::as_object(said), "Secret")};
  } catch (const Error&) {
    // Not a word of what it said: there may be a password in it.
    throw Error(ErrorKind::system, format("{} get answers with something else than credentials", program_));
  }
  if (login.user.empty() && login.secret.empty()) return std::nullopt;
  return login;
}

void Keychain::store(const std::string& server, const KeptLogin& login) const {
  const json::object said = {{"ServerURL", server}, {"Username", login.user}, {"Secret", login.secret}};
  const Answer answer = run(program_, "store", json::compact(said), patience_);
  if (!answer.has_succeeded) refuse(program_, "store", answer);
}

void Keychain::erase(const std::string& server) const {
  const Answer answer = run(program_, "erase", server, patience_);
  if (!answer.has_succeeded && !says_not_found(answer)) refuse(program_, "erase", answer);
}

}  // namespace tare::registry
