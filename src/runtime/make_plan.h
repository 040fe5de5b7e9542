// From what a container is to be (oci::RuntimeConfig) to what must be done for it (plan::Program). Pure: all
// validation happens here, before any process exists; the same config and facts give the same program.
#pragma once

#include <cstdint>
#include <string>

#include "cgroup/layout.h"
#include "oci/runtime_config.h"
#include "plan/program.h"

namespace tare::runtime {

/// What the plan depends on besides the config.
struct HostFacts {
  cgroup::Layout cgroups;
  std::uint64_t capabilities = 0;     ///< those that can be given: the caller has them, and its bounding set
  std::uint64_t ignored_signals = 0;  ///< bit n-1: the caller ignores signal n
  bool in_user_namespace = false;     ///< the caller is root only there, and so will be what it makes
  bool groups_are_fixed = false;      ///< no process of that user namespace may change its groups
};

/// This process's facts, for a container with this cgroup. `process`: one that is in the container's user
/// namespace already, by its name in /proc.
HostFacts read_host_facts(const std::string& cgroup = {}, const std::string& process = "self");

/// `name` labels the session keyring. Throws Error{invalid} or Error{unsupported} naming the field.
plan::Program make_plan(const oci::RuntimeConfig& config, const HostFacts& facts, const std::string& name);

/// The plan of one more process of a container that runs, from `config` with that process in it. Its inputs
/// want the container's first process (Streams::process) and its cgroup; where v2 does not let a process be
/// born in that, it is born in the one at `other_cgroup`, if that is not empty.
plan::Program make_exec_plan(const oci::RuntimeConfig& config, const HostFacts& facts,
                             const std::string& name, const HostPath& other_cgroup = HostPath());

/// The same before the container's root is entered, where the host's tree is to be seen: with the caller's
/// rights, those over the container's user namespace if it has one. `root` is the process's, such as
/// /proc/PID/root: that of its mount namespace may lie below the container's already.
plan::Program make_early_plan(const oci::RuntimeConfig& config, const HostFacts& facts, const HostPath& root);

/// Where execvp(3) would look for the program, in order (pure).
std::vector<std::string> command_candidates(const std::vector<std::string>& args,
                                            const std::vector<std::string>& env);

}  // namespace tare::runtime
