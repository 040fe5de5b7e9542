// Starts a container's monitor: the one process that outlives the command that started the container.
#pragma once

#include <sys/types.h>
#include <vector>

#include "cgroup/layout.h"
#include "cgroup/limits.h"
#include "oci/runtime_config.h"
#include "plan/program.h"
#include "state/containers.h"
#include "sys/unique_fd.h"

namespace tare::monitor {

/// A container to be run, completely planned.
struct Order {
  state::Place place;
  state::Record record;
  plan::Program program;
  cgroup::Layout cgroups;
  std::vector<cgroup::Write> limits;
  std::vector<std::string> needed_controllers;
  std::vector<oci::DeviceRule> devices;  ///< for v2, where they are a program; empty: none
  bool terminal = false;
  bool interactive = false;  ///< the client's input is passed on
};

/// The client's end.
struct Launched {
  sys::UniqueFd socket;  ///< speaks monitor::Frame
  pid_t monitor = 0;     ///< the child to reap
};

/// Forks the monitor, which creates and starts the container, passes its streams on, records how it ended and
/// cleans up. The caller is single-threaded and keeps its own hold of `lock` until it hears `started` or
/// `failed`: a failure of kind no_overlay is the caller's to settle, all others the monitor settles itself.
Launched launch(const Order& order, state::Lock& lock);

}  // namespace tare::monitor
