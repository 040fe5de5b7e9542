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

/// Every key goes through as it is; the terminal is as before when this ends, also by an exception.
class RawMode {
 public:
  explicit RawMode(Fd terminal);
  ~RawMode();
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;

 private:
  Fd terminal_;
  termios before_{};
};

}  // namespace tare::sys
