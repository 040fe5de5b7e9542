// The client's side of a container's streams: from the caller's terminal or pipes to the monitor and back.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "monitor/protocol.h"
#include "sys/terminal.h"
#include "sys/unique_fd.h"

namespace tare::engine {

enum class Outcome {
  ended,      ///< the container ended
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

struct AttachOptions {
  bool terminal = false;
  bool interactive = false;
};

/// Waits until the container's command runs; `failed` with its reason if it never will.
Attached await_start(sys::Fd socket);

/// Of the terminal that one of the caller's streams is.
std::optional<sys::WindowSize> caller_window_size();

/// Passes streams and signals on until the container ends or this client must stop.
Attached attach(sys::Fd socket, const AttachOptions& options);

}  // namespace tare::engine
