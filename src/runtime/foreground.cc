#include "runtime/foreground.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/terminal.h"

namespace tare::runtime {
namespace {

constexpr sys::Fd input(STDIN_FILENO), output(STDOUT_FILENO);

// Those that say something about this process, not to the container: its children, its own terminal, its own
// faults.
constexpr int kept[] = {SIGCHLD, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGURG,
                        SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,  SIGTRAP, SIGSYS};

// The terminal of the container on one side, this process's standard streams on the other.
class TerminalRelay {
 public:
  explicit TerminalRelay(sys::UniqueFd console) : console_(std::move(console)) {
    if (!console_) return;
    ::fcntl(console_.number(), F_SETFL, ::fcntl(console_.number(), F_GETFL) | O_NONBLOCK);
    if (sys::is_terminal(input)) raw_.emplace(input, sys::RawMode::Output::finished);
    pass_size_on();
  }

  // The caller's window, where it has one, unless the config gave the terminal a size.
  void pass_size_on() const {
    const auto size = console_ ? sys::window_size(input) : std::nullopt;
    if (!size) return;
    const winsize wanted{size->rows, size->columns, 0, 0};
    ::ioctl(console_.number(), TIOCSWINSZ, &wanted);
  }

  pollfd console_wish() const {
    const short events = static_cast<short>(POLLIN | (unwritten_.empty() ? 0 : POLLOUT));
    return {console_ ? console_.number() : -1, events, 0};
  }
  pollfd input_wish() const {
    return {console_ && reads_input_ && unwritten_.empty() ? input.number() : -1, POLLIN, 0};
  }

  void read_input() {
    std::array<char, 4096> buffer;
    const ssize_t n = ::read(input.number(), buffer.data(), buffer.size());
    if (n > 0)
      unwritten_.assign(buffer.data(), static_cast<std::size_t>(n));
    else if (n == 0 || errno != EINTR)
      reads_input_ = false;
    if (!unwritten_.empty()) write_some();
  }

  void write_some() {
    const ssize_t n = ::write(console_.number(), unwritten_.data(), unwritten_.size());
    if (n > 0) unwritten_.erase(0, static_cast<std::size_t>(n));
    if (n < 0 && errno != EAGAIN && errno != EINTR) unwritten_.clear();
  }

  /// False when there is nothing more: for now, or for good (EIO: nobody has the terminal open).
  bool read_output() {
    std::array<char, 16384> buffer;
    const ssize_t n = ::read(console_.number(), buffer.data(), buffer.size());
    if (n > 0) sys::write_all(output, {buffer.data(), static_cast<std::size_t>(n)});
    if (n == 0 || (n < 0 && errno == EIO)) console_.reset();
    return n > 0;
  }

  void drain() {
    while (console_ && read_output()) {
    }
  }

 private:
  sys::UniqueFd console_;
  std::optional<sys::RawMode> raw_;
  std::string unwritten_;
  bool reads_input_ = true;
};

}  // namespace

CaughtSignals::CaughtSignals() {
  sigset_t set;
  ::sigfillset(&set);
  for (const int signal : kept) ::sigdelset(&set, signal);
  fd_ = sys::UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) throw system_error("cannot receive signals");
  ::sigprocmask(SIG_BLOCK, &set, &before_);
}

CaughtSignals::~CaughtSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

int stay_until_end(Container& container, sys::UniqueFd console, const CaughtSignals& signals,
                   NotifySocket* notify) {
  TerminalRelay relay(std::move(console));
  for (sys::EndOfProcess end(container.pidfd());;) {
    std::array<pollfd, 5> polled{{end.wish(),
                                  {signals.fd().number(), POLLIN, 0},
                                  relay.console_wish(),
                                  relay.input_wish(),
                                  {notify ? notify->fd().number() : -1, POLLIN, 0}}};
    if (::poll(polled.data(), polled.size(), end.patience(-1)) < 0) {
      if (errno == EINTR) continue;
      throw system_error("cannot poll");
    }
    signalfd_siginfo caught;
    while (::read(signals.fd().number(), &caught, sizeof caught) == sizeof caught) {
      const int signal = static_cast<int>(caught.ssi_signo);
      if (signal == SIGWINCH) relay.pass_size_on();
      ::syscall(SYS_pidfd_send_signal, container.pidfd().number(), signal, nullptr, 0);
    }
    if (polled[2].revents & POLLOUT) relay.write_some();
    if (polled[2].revents & (POLLIN | POLLHUP | POLLERR)) relay.read_output();
    if (polled[3].revents) relay.read_input();
    if (polled[4].revents && notify->pass_on(container.pid())) notify = nullptr;
    if (end.is_there(polled[0].revents)) break;
  }
  relay.drain();
  const int status = container.wait();
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace tare::runtime
