// The caller's terminal: its size, and raw mode for as long as an object lives.
#pragma once

#include <optional>
#include <termios.h>

#include "sys/unique_fd.h"

namespace tare::sys {

struct WindowSize {
  unsigned short rows = 0, columns = 0;
};

bool is_terminal(Fd fd) noexcept;
std::optional<WindowSize> window_size(Fd terminal) noexcept;

/// What is written with a line feed comes without a carriage return before it (ONLCR, termios(3)): output
/// that goes on to a file or a pipe is then as the program wrote it, and the caller's own terminal adds its
/// own.
void leave_line_feeds_alone(Fd terminal) noexcept;

/// Every key goes through as it is; the terminal is as before when this ends, also by an exception.
class RawMode {
 public:
  enum class Output {
    untouched,  ///< what comes for it is ready for a terminal
    finished,   ///< carriage returns are added (OPOST)
  };
  explicit RawMode(Fd terminal, Output output = Output::untouched);
  ~RawMode();
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;

 private:
  Fd terminal_;
  termios before_{};
};

}  // namespace tare::sys
