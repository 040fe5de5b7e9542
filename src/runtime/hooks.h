// Hooks: programs that a config wants run at points of its container's life (runtime-spec, config.md,
// "POSIX-platform Hooks").
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/cgroup.h"
#include "oci/runtime_config.h"
#include "plan/document.h"
#include "runtime/make_plan.h"

namespace tare::runtime {

enum class HookPoint { prestart, create_runtime, create_container, start_container, poststart, poststop };

/// The container, as far as it is there. What is referred to outlives it.
struct HookSubject {
  const oci::RuntimeConfig& config;
  const std::string& id;
  const std::string& bundle;
  pid_t pid = 0;
  sys::Fd process{-1};  ///< its pidfd
  // For hooks that run in the container:
  const HostFacts* facts = nullptr;
  const cgroup::Cgroup* cgroup = nullptr;
};

/// Runs those of one point, in order, and waits for each. Throws at the first that cannot be run, fails or
/// runs past its timeout (it is then killed with its process group).
void run_hooks(HookPoint point, const HookSubject& subject);

/// Takes a sentence that is to be told to the user and ends nothing.
using Warn = std::function<void(std::string_view)>;
/// Runs the poststop hooks, all of them; what fails is only told.
void run_last_hooks(const HookSubject& subject, const Warn& warn);

/// A step for each hook, in the order of their points (pure).
std::vector<plan::HostStep> hook_steps(const oci::Hooks& hooks);

}  // namespace tare::runtime
