#include "engine/attach.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/format.h"
#include "sys/terminal.h"

namespace tare::engine {
namespace {

using monitor::Frame;

// As docker; the real-time signals are added. Not those about this process itself: faults, its children, its
// pipes, its being stopped by a terminal.
constexpr int passed_on[] = {SIGHUP,  SIGINT, SIGQUIT, SIGUSR1, SIGUSR2,   SIGALRM, SIGTERM,
                             SIGCONT, SIGPWR, SIGIO,   SIGPROF, SIGVTALRM, SIGWINCH};
constexpr int patience = 3;  // this many requests to end, unanswered, end the client

Attached failed(const std::string& payload) {
  auto failure = monitor::parse_failure(payload);
  if (!failure) return {.outcome = Outcome::abandoned};
  return {.outcome = Outcome::failed,
          .exit_code = exit_code(failure->kind),
          .words = std::move(failure->line),
          .kind = failure->kind};
}

constexpr std::string_view standard_detach_keys = "\x10\x11";  // ^P ^Q, as docker

// Looks for the keys in what is typed; what turns out to be others goes through.
class DetachKeys {
 public:
  explicit DetachKeys(std::string keys) : keys_(std::move(keys)) {}

  /// What goes to the container of `typed`; `found`: and then the client goes.
  std::string filter(std::string_view typed, bool& found) {
    std::string passed;
    for (const char key : typed) {
      if (key == keys_[matched_]) {
        if (++matched_ < keys_.size()) continue;
        found = true;
        break;
      }
      passed.append(keys_, 0, matched_);
      matched_ = key == keys_[0] ? 1 : 0;
      if (matched_ == 0) passed.push_back(key);
    }
    return passed;
  }

 private:
  std::string keys_;
  std::size_t matched_ = 0;
};

// What the caller ignores (nohup) is not ours to hear; blocked, it would come all the same.
bool is_ignored(int signal) {
  struct sigaction action{};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

// What a process that does not handle it dies of.
bool ends_processes(int signal) { return signal != SIGWINCH && signal != SIGCONT; }

class Client {
 public:
  Client(sys::Fd socket, Signals& signals, const Attachment& attachment)
      : socket_(socket), options_(attachment), signals_(signals), keys_(attachment.keys) {
    // Without -i the keyboard is the client's own: ^C is a signal to it, and passed on as such.
    if (options_.terminal && options_.wish.input && sys::is_terminal(input)) raw_.emplace(input);
    reads_input_ = options_.wish.input;
    if (options_.terminal) tell_size();
  }

  Attached run() {
    while (!result_) {
      enum { monitor, signals, input_stream, output_stream };
      std::array<pollfd, 4> polled{};
      polled[monitor] = {unwritten_.empty() ? socket_.number() : -1, POLLIN, 0};
      polled[signals] = {signals_.fd().number(), POLLIN, 0};
      polled[input_stream] = {reads_input_ && may_send_ ? input.number() : -1, POLLIN, 0};
      polled[output_stream] = {unwritten_.empty() ? -1 : written_to_.number(), POLLOUT, 0};
      if (::poll(polled.data(), polled.size(), -1) < 0) {
        if (errno == EINTR) continue;
        throw system_error("cannot poll");
      }
      if (polled[monitor].revents) read_frame();
      if (polled[signals].revents) read_signals();
      if (!result_ && polled[output_stream].revents) write_some();
      if (!result_ && polled[input_stream].revents) read_input();
    }
    return *result_;
  }

 private:
  static constexpr sys::Fd input{0}, output{1}, error_output{2};

  void stop(int code, std::string words = {}) {
    result_ = Attached{.outcome = Outcome::detached, .exit_code = code, .words = std::move(words)};
  }

  void read_frame() {
    auto frame = monitor::receive(socket_);
    if (!frame) {
      result_ = Attached{.outcome = Outcome::abandoned};
      return;
    }
    switch (frame->type) {
      case Frame::Type::output: return write_out(output, std::move(frame->payload));
      case Frame::Type::error_output: return write_out(error_output, std::move(frame->payload));
      case Frame::Type::input_taken: may_send_ = true; return;
      case Frame::Type::ended: result_ = parse_end(frame->payload); return;
      default: return;
    }
  }

  void write_out(sys::Fd to, std::string text) {
    written_to_ = to;
    unwritten_ = std::move(text);
  }

  // No more than a pipe that is writable surely takes (pipe(7), PIPE_BUF): a reader that stops must not keep
  // signals waiting. As docker's client, this one dies of a closed pipe (SIGPIPE is not ignored) and of a
  // full disk; the container goes on.
  void write_some() {
    const ssize_t n =
        ::write(written_to_.number(), unwritten_.data(), std::min<std::size_t>(unwritten_.size(), PIPE_BUF));
    if (n >= 0)
      unwritten_.erase(0, static_cast<std::size_t>(n));
    else if (errno != EINTR && errno != EAGAIN)
      stop(errno == EPIPE ? 128 + SIGPIPE : 1,
           format("cannot write the container's output: {}; it goes on without", errno_words(errno)));
  }

  void read_input() {
    std::array<char, monitor::largest_payload> buffer;
    const ssize_t n = ::read(input.number(), buffer.data(), buffer.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    // A raw terminal has no end of input, only a hang-up; the container goes on without it.
    if (n <= 0 && options_.terminal) return stop(128 + SIGHUP);
    if (n <= 0) {
      reads_input_ = false;
      monitor::send(socket_, Frame::Type::input_end);
      return;
    }
    const std::string_view typed(buffer.data(), static_cast<std::size_t>(n));
    if (!raw_) return pass_input(typed);
    bool is_let_go = false;
    const std::string passed = keys_.filter(typed, is_let_go);
    if (!passed.empty()) pass_input(passed);
    if (is_let_go) stop(0);
  }

  void pass_input(std::string_view bytes) {
    may_send_ = false;
    monitor::send(socket_, Frame::Type::input, bytes);
  }

  void read_signals() {
    while (const auto signal = signals_.next()) {
      if (*signal == SIGWINCH && options_.terminal) {
        tell_size();
        continue;
      }
      if (!options_.passes_signals) {
        if (ends_processes(*signal)) stop(128 + *signal);
        continue;
      }
      monitor::send(socket_, Frame::Type::signal, format("{}", *signal));
      if ((*signal == SIGINT || *signal == SIGTERM) && ++requests_to_end_ == patience) {
        (void)!::write(error_output.number(), "tare: got 3 SIGTERM/SIGINTs, forcefully exiting\n", 48);
        return stop(1);
      }
    }
  }

  void tell_size() {
    const auto size = caller_window_size();
    if (size) monitor::send(socket_, Frame::Type::resize, format("{} {}", size->rows, size->columns));
  }

  sys::Fd socket_;
  Attachment options_;
  Signals& signals_;
  DetachKeys keys_;
  std::optional<sys::RawMode> raw_;
  std::optional<Attached> result_;
  sys::Fd written_to_{-1};
  std::string unwritten_;  ///< of the last frame; the next one waits
  bool reads_input_ = false, may_send_ = true;
  int requests_to_end_ = 0;
};

}  // namespace

Attached parse_end(const std::string& payload) {
  Attached attached{.outcome = Outcome::ended};
  int oom = 0, at = 0;
  if (std::sscanf(payload.c_str(), "%d %d %n", &attached.exit_code, &oom, &at) < 2)
    return {.outcome = Outcome::abandoned};
  attached.words = payload.substr(static_cast<std::size_t>(at));
  return attached;
}

Signals::Signals() {
  sigset_t set;
  ::sigemptyset(&set);
  const auto add = [&](int signal) {
    if (!is_ignored(signal)) ::sigaddset(&set, signal);
  };
  for (const int signal : passed_on) add(signal);
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) add(signal);
  fd_ = sys::UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) throw system_error("cannot receive signals");
  ::sigprocmask(SIG_BLOCK, &set, &before_);
}

Signals::~Signals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

std::optional<int> Signals::next() {
  signalfd_siginfo info;
  if (::read(fd_.number(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

Attached await_start(sys::Fd socket, Signals& signals) {
  const recorder::Span span("wait for the monitor to start the command", "", recorder::Span::Kind::wait);
  int given_up = 0, requests = 0;
  for (;;) {
    std::array<pollfd, 2> polled{{{socket.number(), POLLIN, 0}, {signals.fd().number(), POLLIN, 0}}};
    if (::poll(polled.data(), polled.size(), -1) < 0) {
      if (errno == EINTR) continue;
      throw system_error("cannot poll");
    }
    while (const auto signal = signals.next()) {
      if (!ends_processes(*signal)) continue;
      given_up = 128 + *signal;
      if (++requests == patience) return {.outcome = Outcome::detached, .exit_code = given_up};
      monitor::send(socket, Frame::Type::signal, format("{}", *signal));
    }
    if (!polled[0].revents) continue;
    const auto frame = monitor::receive(socket);
    if (!frame) return {.outcome = Outcome::abandoned, .exit_code = given_up};
    if (frame->type == Frame::Type::started) return {.outcome = Outcome::ended};
    if (frame->type != Frame::Type::failed) continue;
    if (given_up) return {.outcome = Outcome::given_up, .exit_code = given_up};
    return failed(frame->payload);
  }
}

std::optional<sys::WindowSize> caller_window_size() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (const auto size = sys::window_size(sys::Fd(stream))) return size;
  return std::nullopt;
}

std::string parse_detach_keys(const std::string& text) {
  if (text.empty()) return std::string(standard_detach_keys);
  std::string keys;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    const std::string key = text.substr(begin, end - begin);
    begin = end + 1;
    const bool is_control = key.size() == 6 && key.starts_with("ctrl-");
    const char letter = key.empty() ? '\0' : key.back();
    if (key.size() == 1)
      keys.push_back(letter);
    else if (is_control && letter >= 'a' && letter <= 'z')
      keys.push_back(static_cast<char>(letter - 'a' + 1));
    else if (is_control && (letter == '@' || (letter >= '[' && letter <= '_')))
      keys.push_back(static_cast<char>(letter - '@'));
    else
      throw Error(ErrorKind::usage, format("invalid detach keys: unknown character: '{}'", key), 0,
                  "a letter, or ctrl- and one of a-z @ [ \\ ] ^ _; several with commas between them");
  }
  return keys;
}

Attached attach(sys::Fd socket, Signals& signals, const Attachment& attachment) {
  const recorder::Span span("pass on what it writes until its end", "", recorder::Span::Kind::relay);
  return Client(socket, signals, attachment).run();
}

}  // namespace tare::engine
