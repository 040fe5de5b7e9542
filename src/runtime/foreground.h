// What `run` and `exec` do while the container's process lives and they are to stay: its terminal's bytes and
// their own signals go to it.
#pragma once

#include <signal.h>

#include "runtime/container.h"
#include "runtime/service_manager.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

/// Takes the signals that come for this process, from here on, to pass them on. Made before the container is,
/// so that none is lost.
class CaughtSignals {
 public:
  CaughtSignals();
  ~CaughtSignals();
  CaughtSignals(const CaughtSignals&) = delete;
  CaughtSignals& operator=(const CaughtSignals&) = delete;
  sys::Fd fd() const noexcept { return fd_; }

 private:
  sys::UniqueFd fd_;
  sigset_t before_{};
};

/// Until the container's process has ended; what it exits with, or 128 + the signal that killed it.
/// `console`: its terminal's controlling side, or invalid where it has the caller's own streams.
/// `notify` passes on that it is ready, where a service manager wants to know.
int stay_until_end(Container& container, sys::UniqueFd console, const CaughtSignals& signals,
                   NotifySocket* notify = nullptr);

}  // namespace tare::runtime
