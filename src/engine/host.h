// The machine as a run, a start or an exec finds it, and what it lacks for what was asked.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cgroup/limits.h"
#include "engine/run_options.h"
#include "engine/security_labels.h"
#include "runtime/make_plan.h"

namespace tare::engine {

/// What a person should know and the container does not need to fail for: one line each.
using Notify = std::function<void(const std::string& line)>;

struct Host {
  runtime::HostFacts facts;
  cgroup::Facts cgroup_facts;
  std::string hostname;
  std::string kernel;  ///< its release, as uname(2) has it
  SecurityModules security;
  std::uint64_t open_files = 0;  ///< the hard limit of open files that a container can have
  bool is_plain_user = false;
  /// Of a plain user's tare, where his systemd makes cgroups: the one that those are below.
  std::optional<std::string> systemd_root;
};

Host read_host();

/// Throws Error{unsupported} for what cannot be had; leaves out of `options` what nobody asked for and cannot
/// be had either.
void check_host(const Host& host, RunOptions& options, const Notify& notify);

}  // namespace tare::engine
