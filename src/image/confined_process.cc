#include "image/confined_process.h"

#include <cerrno>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "sys/file.h"
#include "sys/socket.h"

namespace tare::image {
namespace {

constexpr int tick_every_ms = 100;
constexpr std::size_t words_limit = 16 << 10;

// The last words: "= RESULT", or "! KIND ERRNO TEXT" and a line with the hint. Without the breadcrumbs that
// stood at the fork: the parent, which has them too, adds them again.
std::string failure(const Error& error, std::size_t outer_steps) {
  std::string text;
  for (std::size_t i = outer_steps; i < error.trail().size(); i++) text += error.trail()[i] + ": ";
  text += error.text();
  for (char& c : text)
    if (c == '\n') c = '?';
  return format("! {} {} {}\n{}", static_cast<int>(error.kind()), error.error_number(), text, error.hint());
}

[[noreturn]] void rethrow(std::string_view words) {
  const auto next = [&](char end) {
    const std::string_view word = words.substr(0, words.find(end));
    words.remove_prefix(std::min(word.size() + 1, words.size()));
    return word;
  };
  const int kind = parse_integer<int>(next(' '), 0, static_cast<int>(ErrorKind::system));
  const int error_number = parse_integer<int>(next(' '), 0);
  const std::string text(next('\n'));
  throw Error(static_cast<ErrorKind>(kind), text, error_number, std::string(words));
}

std::string last_words(const ConfinedProcess& process, sys::Fd answer) {
  const std::size_t outer_steps = Error(ErrorKind::system, "").trail().size();
  try {
    return "= " + process.work(answer);
  } catch (const Error& error) {
    return failure(error, outer_steps);
  } catch (const std::exception& error) {
    return failure(Error(ErrorKind::system, error.what()), outer_steps);
  }
}

[[noreturn]] void work(const ConfinedProcess& process, sys::Fd answer, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  try {
    sys::write_all(answer, last_words(process, answer));
  } catch (const std::exception&) {
    ::_exit(1);
  }
  ::_exit(0);
}

}  // namespace

HeldSignals::HeldSignals() {
  sigset_t held;
  ::sigemptyset(&held);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action;
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN)
      ::sigaddset(&held, signal);
  }
  ::sigprocmask(SIG_BLOCK, &held, &before_);
  arrival_ = sys::UniqueFd(::signalfd(-1, &held, SFD_CLOEXEC));
}

HeldSignals::~HeldSignals() { restore(); }

void HeldSignals::restore() const { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

RunningProcess::RunningProcess(ConfinedProcess process, const HeldSignals& held)
    : process_(std::move(process)) {
  // Whole messages, so that an open file and the text that goes with it are one.
  auto [ours, theirs] = sys::make_socket_pair();
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw system_error(format("cannot start {}", process_.name));
  if (pid_ == 0) {
    held.restore();
    work(process_, theirs, parent);
  }
  answer_ = std::move(ours);
}

RunningProcess::~RunningProcess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  wait();
}

int RunningProcess::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

bool RunningProcess::receive() {
  char buffer[words_limit];
  const auto message = sys::receive_with_descriptor(answer_, buffer, sizeof buffer, process_.name);
  if (message.size == 0) return true;
  if (!message.descriptor)
    words_.assign(buffer, message.size);
  else if (process_.take_file)
    process_.take_file(message.descriptor);
  return false;
}

std::string RunningProcess::result() {
  const int status = wait();
  if (WIFSIGNALED(status))
    throw Error(ErrorKind::system, format("{} was killed by signal {} ({})", process_.name, WTERMSIG(status),
                                          ::sigabbrev_np(WTERMSIG(status))));
  if (words_.starts_with("! ")) rethrow(std::string_view(words_).substr(2));
  if (!words_.starts_with("= "))
    throw Error(ErrorKind::system, format("{} ended without a result", process_.name));
  return words_.substr(2);
}

std::string run_confined(const ConfinedProcess& process, const HeldSignals& held) {
  RunningProcess running(process, held);
  for (;;) {
    pollfd waited[] = {{.fd = held.arrival().number(), .events = POLLIN, .revents = 0},
                       {.fd = running.answer().number(), .events = POLLIN, .revents = 0}};
    const int ready = ::poll(waited, 2, tick_every_ms);
    if (ready < 0 && errno != EINTR) throw system_error(format("cannot wait for {}", process.name));
    if (process.tick) process.tick();
    if (ready <= 0) continue;
    if (waited[0].revents != 0) throw system_error(EINTR, "stopped");
    if (running.receive()) return running.result();
  }
}

}  // namespace tare::image
