// Starts the one process that outlives the command: a container's monitor, or that of a process executed in
// one.
#pragma once

#include <sys/types.h>
#include <vector>

#include "cgroup/layout.h"
#include "cgroup/limits.h"
#include "cgroup/unit.h"
#include "monitor/log_writer.h"
#include "monitor/own_cgroup.h"
#include "monitor/protocol.h"
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
  std::optional<cgroup::Unit> scope = {};  ///< in which a plain user's monitor makes the cgroup
  std::vector<cgroup::Write> limits;
  std::vector<std::string> needed_controllers;
  std::vector<oci::DeviceRule> devices;  ///< for v2, where they are a program; empty: none
  bool terminal = false;
  bool interactive = false;  ///< clients may write to it
  Wish wish;                 ///< of the command that starts it
  bool input_ends_with_client = false;
  std::optional<LogLimits> log;  ///< nullopt: no log is kept
};

/// A process to be executed in a container that runs.
struct ExecOrder {
  plan::Program program;
  cgroup::Layout cgroups;
  std::string cgroup;        ///< the container's
  ContainerId id;            ///< the container's
  std::string name;          ///< the container's, for ps
  bool needs_scope = false;  ///< a plain user's, whose process must be within his systemd's reach
  sys::Fd process{-1};       ///< the container's first process, as a pidfd
  bool terminal = false, interactive = false;
  Wish wish;
};

/// The client's end.
struct Launched {
  sys::UniqueFd socket;  ///< speaks monitor::Frame
  pid_t monitor = 0;
  OwnCgroup cgroup;

  /// Waits for the monitor's end; nothing is left of it then.
  void await_end() const;
};

/// Forks the monitor, which creates and starts the container, passes its streams on, records how it ended and
/// cleans up. The caller is single-threaded and keeps its own hold of `lock` until it hears `started` or
/// `failed`: a failure of kind no_overlay is the caller's to settle, all others the monitor settles itself.
Launched launch(const Order& order, state::Lock& lock);
/// Forks a monitor that only executes, passes streams on and tells how it ended.
Launched launch(const ExecOrder& order);

}  // namespace tare::monitor
