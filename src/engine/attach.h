// The client's side of a container's streams: from the caller's terminal or pipes to the monitor and back.
#pragma once

#include <optional>
#include <signal.h>
#include <string>

#include "base/error.h"
#include "monitor/protocol.h"
#include "sys/terminal.h"
#include "sys/unique_fd.h"

namespace tare::engine {

enum class Outcome {
  ended,      ///< the container ended
  given_up,   ///< a signal came before its command ran
  failed,     ///< its command never ran
  detached,   ///< this client stops; the container goes on
  abandoned,  ///< the monitor is gone
};

struct Attached {
  Outcome outcome{};
  int exit_code = 0;
  std::string words;                   ///< what there is to say about it, or nothing
  ErrorKind kind = ErrorKind::system;  ///< of a failure
};

/// The keys that, typed one after the other, let this client go: "ctrl-p,ctrl-q", "ctrl-a,d"; as bytes. An
/// empty text means the standard ones. Throws Error{usage} for keys that there are not.
std::string parse_detach_keys(const std::string& text);

/// How a client takes part in a container's life.
struct Attachment {
  monitor::Wish wish;
  bool terminal = false;       ///< the container has one
  bool passes_signals = true;  ///< else they end this client
  std::string keys;            ///< see parse_detach_keys
};

/// What an `ended` frame says.
Attached parse_end(const std::string& payload);

/// The signals that are passed on, as a descriptor. To be made before the monitor is launched: from then on
/// none of them may end this client alone.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  sys::Fd fd() const { return fd_; }
  std::optional<int> next();

 private:
  sigset_t before_;
  sys::UniqueFd fd_;
};

/// Waits until the container's command runs; `failed` with its reason if it never will. A signal that would
/// end this client gives the container up; if its command already runs, the signal is passed on to it.
Attached await_start(sys::Fd socket, Signals& signals);

/// Of the terminal that one of the caller's streams is.
std::optional<sys::WindowSize> caller_window_size();

/// Passes streams and signals on until the container ends or this client must stop.
Attached attach(sys::Fd socket, Signals& signals, const Attachment& attachment);

}  // namespace tare::engine
