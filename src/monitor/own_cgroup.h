// The monitor's own cgroup: outside that of the login session or service that started it, which ends with all
// that is in it (systemd.kill(5), KillMode=control-group; logind.conf(5), KillUserProcesses).
#pragma once

#include <optional>
#include <sys/types.h>

#include "base/types.h"
#include "cgroup/layout.h"
#include "sys/unique_fd.h"

namespace tare::monitor {

/// Only in the hierarchy that a service manager watches, v2 or v1's name=systemd, and only where the caller
/// is not in its root anyway.
class OwnCgroup {
 public:
  /// Makes it, if it is not there for another of the container's monitors; an object without effect where it
  /// is not needed or not to be had.
  OwnCgroup(const cgroup::Layout& layout, const ContainerId& id);
  /// fork(2), the child being born in it; the caller is single-threaded.
  pid_t fork() const;
  /// To be called last in the child, for nobody may wait for it: a process of its own outlives it and removes
  /// the cgroup.
  void leave_removal() const noexcept;
  /// Does nothing while a process is in it.
  void remove() const noexcept;

 private:
  sys::UniqueFd open_or_make() const;

  HostPath path_;    ///< empty: no effect
  HostPath origin_;  ///< the caller's cgroup
  HostPath root_;    ///< the hierarchy's
  bool unified_ = false;
};

/// Where it will be, if it is needed, and what 0 is written to for the monitor to be in it (empty: it is born
/// there).
struct OwnCgroupPlan {
  HostPath directory, join;
};
std::optional<OwnCgroupPlan> plan_own_cgroup(const cgroup::Layout& layout, const ContainerId& id);

/// What a killed monitor left of it.
void remove_own_cgroup(const cgroup::Layout& layout, const ContainerId& id) noexcept;
/// What was left by those that were killed when their container was settled or forgotten already: all that
/// nobody is in.
void remove_left_cgroups(const cgroup::Layout& layout);

}  // namespace tare::monitor
