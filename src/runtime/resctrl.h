// Shares of cache and memory bandwidth: groups of the resctrl file system (config-linux.md, "IntelRdt";
// Documentation/filesystems/resctrl.rst).
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "oci/runtime_config.h"
#include "plan/document.h"

namespace tare::runtime {

/// Where resctrl is mounted. Throws Error{unsupported} where it is not.
HostPath find_resctrl();

/// The directories of one container below a resctrl mounted at `top`, and what is done with them.
class ResctrlGroup {
 public:
  ResctrlGroup(const HostPath& top, const oci::IntelRdt& wanted, const std::string& id);
  /// A group that is there already must have the schemata that are asked for, and must be there where none
  /// are. Throws Error naming the field; nothing is left then.
  /// Whether the group was not there before.
  bool make() const;
  void add(pid_t pid) const;
  /// Other lines for its schemata.
  void change(const std::vector<std::string>& schemata) const;
  enum class Named { stays, goes };
  /// A group that has a name in the config stays, since others may be in it; unless its making is undone.
  void remove(Named named = Named::stays) const noexcept;
  std::vector<plan::HostStep> steps() const;

 private:
  void check_schemata() const;

  std::vector<std::string> schemata_;
  bool is_own_;
  HostPath group_, monitor_;  ///< monitor_: of the monitoring group; empty: none
};

/// That of a config; removed with this object unless it is kept. Nothing at all for one without intelRdt.
class ResctrlGroups {
 public:
  ResctrlGroups(const oci::RuntimeConfig& config, const std::string& id);
  ~ResctrlGroups();
  ResctrlGroups(const ResctrlGroups&) = delete;
  ResctrlGroups& operator=(const ResctrlGroups&) = delete;
  void join(pid_t pid) const;
  void keep() noexcept { group_.reset(); }
  bool empty() const noexcept { return !group_; }

 private:
  std::optional<ResctrlGroup> group_;
  bool is_new_ = false;
};

/// For a further process of the container's.
void join_resctrl_group(const oci::RuntimeConfig& config, const std::string& id, pid_t pid);
/// After the container's end, or where its making was killed.
void remove_resctrl_group(const oci::RuntimeConfig& config, const std::string& id) noexcept;
/// For `--plan`.
std::vector<plan::HostStep> resctrl_steps(const oci::RuntimeConfig& config, const std::string& id);

}  // namespace tare::runtime
