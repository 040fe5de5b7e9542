// The monitor's poll loop: bytes between the container and its clients until the container has ended.
#pragma once

#include <functional>

#include "monitor/protocol.h"
#include "sys/unique_fd.h"

namespace tare::monitor {

/// The monitor's ends of the container's streams. A terminal is all three at once.
struct Ends {
  sys::UniqueFd input, output, error;  ///< non-blocking
  sys::UniqueFd terminal;
  sys::UniqueFd
      terminal_peer;  ///< held so that the terminal never reports a hang-up while the container lives
};

/// Who is served.
struct Audience {
  sys::UniqueFd client;  ///< the command that started it; gone, or not there from the beginning, is no matter
  Wish wish;             ///< what that one wants
  sys::UniqueFd listener;          ///< where further clients connect; invalid: there are none
  bool input_ends_with_it = true;  ///< the first client's end of input, or its own, is the container's
};

/// What is done besides passing bytes on.
struct Duties {
  /// Everything that the container writes, before any client gets it.
  std::function<void(Frame::Type stream, std::string_view bytes)> log;
  /// Carries out a client's request (pause, unpause, rename); throws the Error that refuses it.
  std::function<void(const Frame& request)> answer;
  /// Called as soon as the process has ended: its last output may have to wait for a client that does not
  /// read. Returns the payload of `ended`.
  std::function<std::string()> end;
};

/// Returns when the process behind `pidfd` has ended and every client has what it wrote, or has gone. A
/// client that wants output and does not read holds the container back, as a full pipe would.
void relay(sys::Fd pidfd, Ends ends, Audience audience, const Duties& duties);

}  // namespace tare::monitor
