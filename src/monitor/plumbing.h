// What a monitor has of the container's streams, and how it leaves the command that started it.
#pragma once

#include <vector>

#include "monitor/relay.h"
#include "runtime/container.h"
#include "sys/unique_fd.h"

namespace tare::monitor {

/// The container's ends and the monitor's. Without a terminal they are pipes; with one, `ends` is filled by
/// take_terminal once the container has made it.
struct Plumbing {
  sys::UniqueFd input, output, error;
  Ends ends;

  runtime::Streams streams() const { return {.input = input, .output = output, .error = error}; }
  /// The container has its own.
  void let_go() noexcept;
};

/// `gives_input`: somebody may write to the container.
Plumbing make_plumbing(bool has_terminal, bool gives_input);
void take_terminal(Ends& ends, sys::UniqueFd console);

/// Nothing of the command that started the container stays: not its session, directory, terminal, open files,
/// CPUs, ABI, or chances with the OOM killer. Descriptors in `kept` stay open.
void leave_the_caller(std::vector<sys::Fd> kept);

}  // namespace tare::monitor
