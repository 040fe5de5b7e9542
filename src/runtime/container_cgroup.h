// The cgroup of a container of tare-runtime: made by tare itself, or by systemd as a unit.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cgroup/cgroup.h"
#include "cgroup/scope.h"
#include "cgroup/unit.h"
#include "oci/runtime_config.h"

namespace tare::runtime {

/// Who makes a container's cgroup; none: nobody, it stays in the caller's.
enum class CgroupDriver { cgroupfs, systemd, none };
/// "cgroupfs", "systemd" or "disabled"; throws Error{usage}.
CgroupDriver parse_driver(const std::string& text);

/// The unit of a container whose config says `cgroups_path`, as it would be on this machine.
cgroup::Unit unit_for(const std::string& cgroups_path, const std::string& id);

struct CgroupOrder {
  const cgroup::Layout& layout;
  const oci::RuntimeConfig& config;  ///< cgroups_path is where it is to be
  const std::vector<cgroup::Write>& limits;
  std::string id;
  std::optional<cgroup::Unit> unit;  ///< systemd makes it
};

/// With its limits. Removed with this object, and all that is in it, unless it is kept.
class ContainerCgroup {
 public:
  explicit ContainerCgroup(const CgroupOrder& order);

  const cgroup::Cgroup& operator*() const noexcept { return cgroup_; }
  /// The container's process is in it.
  void occupied();
  void keep() noexcept;
  /// Removes it now. Throws when it cannot be removed.
  void undo() { cgroup_.undo(); }

 private:
  std::optional<cgroup::Scope> scope_;
  cgroup::Cgroup cgroup_;
};

/// What systemd is told when it starts the order's unit.
std::vector<cgroup::Property> properties_of(const CgroupOrder& order);

}  // namespace tare::runtime
