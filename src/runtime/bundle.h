// A bundle: a directory with a config.json and, most often, the root file system.
#pragma once

#include <optional>
#include <string>

#include "oci/runtime_config.h"
#include "runtime/container_cgroup.h"

namespace tare::runtime {

struct Bundle {
  HostPath path;                     ///< absolute
  std::string config_text;           ///< as it stands in config.json
  oci::RuntimeConfig config;         ///< ready for make_plan
  bool asks_for_cgroup = false;      ///< by name
  std::optional<cgroup::Unit> unit;  ///< which its cgroup is, where systemd makes that
};

/// Reads `directory`, which may be relative; `config_file`, if it is not empty, in place of the directory's
/// own. Throws Error{invalid} naming what is wrong with it.
Bundle read_bundle(const HostPath& directory, const std::string& id, const std::string& config_file = {},
                   CgroupDriver driver = CgroupDriver::cgroupfs);

/// From what the document says to what is meant, for a container of this id from this bundle: paths become
/// absolute; the devices that every container has and the rules about them are added, as the specification
/// says (config-linux.md, "Default Devices"); cgroupsPath as cgroup_path() has it.
void complete_config(oci::RuntimeConfig& config, const HostPath& bundle, const std::string& id);

/// Adds HOME where it is missing or empty: the user's directory in the container's own /etc/passwd, else /.
void add_home(oci::Process& process, const HostPath& root);

/// The cgroup of a container whose config says `cgroups_path`: empty: /tare-runtime-ID; a relative one is
/// below the root of the hierarchies, as an absolute one. Throws Error{invalid} for one with `..`.
std::string cgroup_path(const std::string& cgroups_path, const std::string& id);

}  // namespace tare::runtime
