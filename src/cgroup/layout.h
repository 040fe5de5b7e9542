// Where this machine's cgroup hierarchies are mounted and which controllers they have: v2, v1, or both.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace tare::cgroup {

/// One cgroup file system: a v1 hierarchy with its controllers, or the unified one (v2).
struct Hierarchy {
  HostPath mount;
  std::string name;                      ///< "memory", "cpu,cpuacct", "name=systemd"; "" for v2
  std::vector<std::string> controllers;  ///< what a limit set below `mount` can act on
  bool unified = false;
  std::string own_path;  ///< the cgroup of the caller (of read_layout's process), seen from `mount`; "/" when
                         ///< it lies outside
  bool writable = false;  ///< cgroups can be made below `mount` and `delegated`
  std::string delegated;  ///< the topmost cgroup that is the caller's to change: "" for all of them

  bool has(std::string_view controller) const;
};

enum class Mode { none, v1, hybrid, v2 };

enum class DeviceFilter {
  none,
  list,     ///< the v1 devices controller's list
  program,  ///< an eBPF program on a v2 cgroup
};

struct Layout {
  std::vector<Hierarchy> hierarchies;
  bool programs_are_refused = false;  ///< bpf(2) does not let us load a program about devices

  Mode mode() const;
  /// The hierarchy that has the controller, writable or not.
  const Hierarchy* find(std::string_view controller) const;
  const Hierarchy* unified() const;
  /// Whether a cgroup can be made anywhere at all.
  bool writable() const;
  /// Whether the controller is there and can be used: what asks for it will not fail for want of it.
  bool can_limit(std::string_view controller) const;
  /// How the use of devices can be limited here.
  DeviceFilter device_filter() const;
  std::size_t index_of(const Hierarchy& hierarchy) const;
};

/// What /proc/self/mountinfo and /proc/self/cgroup say (pure). `writable` is what the mounts' options say;
/// the controllers of v2 are not in these files and stay empty.
Layout parse_layout(std::string_view mountinfo, std::string_view cgroup);

/// What the caller may do about the cgroup `path`: where the top of a hierarchy is not his, one on the way
/// down may have been given to him, with some controllers (cgroups(7), "Cgroups v2 delegation").
void find_delegated(Layout& layout, const std::string& path);

/// This machine as the calling process sees it; `own_path` is where the process with this name in /proc is.
Layout read_layout(const HostPath& proc = HostPath("/proc"), const std::string& process = "self");
/// The same for what is to be done about the cgroup `path`.
Layout read_layout_for(const std::string& path);

}  // namespace tare::cgroup
