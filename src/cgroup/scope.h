// A container's cgroup as a unit of systemd: made by systemd, then used like one that tare made.
#pragma once

#include <span>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "cgroup/cgroup.h"
#include "cgroup/systemd.h"
#include "cgroup/unit.h"

namespace tare::cgroup {

/// What systemd is told when a container's unit is started, but for the process in it. The annotations come
/// last, and in place of what is there of the same name. Pure.
std::vector<Property> unit_properties(const Unit& unit, std::string_view container,
                                      std::span<const Write> limits,
                                      std::span<const std::pair<std::string, std::string>> annotations);

/// A scope is there as long as a process is in it. Until the container's first one is, which is born in it,
/// a process of ours holds its place. That one dies with this process: a scope that was not used is gone
/// without anybody's doing. The Layout outlives it.
class Scope {
 public:
  /// Starts the unit. Throws Error{unsupported} without systemd or cgroup v2, Error{conflict} when something
  /// is in its cgroup already, Error{system} for what systemd says.
  static Scope start(Systemd systemd, const Layout& layout, Unit unit, std::vector<Property> properties);

  Scope(Scope&& other) noexcept;
  Scope& operator=(Scope&&) = delete;
  ~Scope();

  /// The process that holds the place is no part of the container: a limit of processes is higher by one
  /// until it is gone. To be called when all limits are set.
  void make_room();
  /// The container's process is there: the placeholder goes.
  void occupied();
  /// It is no longer removed with this object.
  void keep() noexcept { started_ = false; }

 private:
  Scope(Systemd systemd, const Layout& layout, Unit unit);
  void hold_place();
  void leave_place() noexcept;

  Systemd systemd_;
  const Layout* layout_;
  Unit unit_;
  std::string directory_;  ///< of its cgroup
  pid_t placeholder_ = 0;
  std::string process_limit_;  ///< what pids.max is to be in the end; empty: as it is
  bool started_ = false;
};

enum class UnitStart { done, perhaps_to_come };
/// Kills what is in the unit's cgroup, and returns when that is gone. No error when it is gone already. A
/// scope goes when systemd hears of its last process's end; a slice, a scope that does not go, and one whose
/// start was asked for by somebody who was killed, so that it may be still to come, are stopped.
void remove_unit(const Layout& layout, const std::string& name, const std::string& cgroup,
                 UnitStart start = UnitStart::done);

/// A user's process can make others only in cgroups below what his systemd was given. This one, where it is
/// elsewhere (in a login session, say), is put there by systemd first, into a scope of its own.
void come_within_reach(const Layout& layout);

/// Puts this process into a scope of its own, and there into a cgroup beside which it can make others
/// (cgroups(7), "no internal processes"). The scope goes with the last process in it. Throws as Scope::start.
void enter_scope(const Layout& layout, const Unit& unit, std::string_view container);

/// Throws Error{unsupported} unless all of the machine's controllers are in v2, as systemd's driver needs it.
void check_is_unified(const Layout& layout);

}  // namespace tare::cgroup
