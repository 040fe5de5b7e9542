#include "sys/terminal.h"

#include <sys/ioctl.h>

#include "base/error.h"

namespace tare::sys {

bool is_terminal(Fd fd) noexcept { return ::isatty(fd.number()) == 1; }

std::optional<WindowSize> window_size(Fd terminal) noexcept {
  winsize size{};
  if (::ioctl(terminal.number(), TIOCGWINSZ, &size) != 0) return std::nullopt;
  return WindowSize{size.ws_row, size.ws_col};
}

void leave_line_feeds_alone(Fd terminal) noexcept {
  termios modes;
  if (::tcgetattr(terminal.number(), &modes) != 0) return;
  modes.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
  ::tcsetattr(terminal.number(), TCSANOW, &modes);
}

RawMode::RawMode(Fd terminal, Output output) : terminal_(terminal) {
  if (::tcgetattr(terminal.number(), &before_) != 0)
    throw system_error("cannot read the terminal's settings");
  termios raw = before_;
  ::cfmakeraw(&raw);
  if (output == Output::finished) raw.c_oflag |= OPOST;
  if (::tcsetattr(terminal.number(), TCSADRAIN, &raw) != 0)
    throw system_error("cannot put the terminal into raw mode");
}

RawMode::~RawMode() { ::tcsetattr(terminal_.number(), TCSADRAIN, &before_); }

}  // namespace tare::sys
