// The monitor's poll loop: bytes between the container and the attached client until the container has ended.
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

/// Returns when the process behind `pidfd` has ended and what it wrote is passed on. The client may go away
/// at any time: the container's input then ends, its output is read and dropped. `on_end` is called as soon
/// as the process has ended: the rest of its output may have to wait for a client that does not read.
void relay(sys::Fd pidfd, sys::UniqueFd& client, Ends ends, const std::function<void()>& on_end);

}  // namespace tare::monitor
