// From the options of `tare run` to what the container is to be. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cgroup/layout.h"
#include "cgroup/unit.h"
#include "engine/devices.h"
#include "engine/namespaces.h"
#include "engine/run_options.h"
#include "engine/security_labels.h"
#include "engine/users.h"
#include "oci/runtime_config.h"
#include "sys/terminal.h"
#include "sys/user_namespace.h"

namespace tare::engine {

inline constexpr sys::IdRange every_id{.inside = 0, .outside = 0, .count = 0xffffffff};

/// What the config depends on besides the options.
struct ContainerFacts {
  ContainerId id;
  HostPath directory;  ///< the container's own: its /etc files lie there
  oci::Root root;
  Identity identity;
  std::string host_name;     ///< the host's hostname
  sys::WindowSize terminal;  ///< of a container that has one, at its start
  SecurityModules security;
  std::string kernel;                              ///< its release, as uname(2) has it
  std::uint64_t capabilities = ~std::uint64_t{0};  ///< those that can be given
  std::uint64_t open_files = 0;               ///< the caller's hard limit of open files, as high as it can go
  std::vector<oci::DeviceNode> host_devices;  ///< of a privileged container
  FoundDevices devices;                       ///< those asked for by name
  Borrowed borrowed;
  std::optional<cgroup::Unit> scope;  ///< of a plain user's systemd: its cgroup is in that one's
  std::vector<sys::IdRange> uids = {every_id}, gids = {every_id};  ///< that there are in this user namespace
  bool groups_are_fixed = false;  ///< no process can change its additional groups
  cgroup::DeviceFilter device_filter = cgroup::DeviceFilter::none;
};

/// Open files of a container that asked for nothing: soft, and hard where the caller may go so high.
inline constexpr std::uint64_t default_open_files = 1024, default_open_files_at_most = 524288;

/// Whose terminals are, by custom.
inline constexpr unsigned tty_group = 5;

/// Of /dev/shm, for a container that asked for nothing.
inline constexpr Bytes default_shm_size = 64 << 20;

oci::RuntimeConfig make_config(const RunOptions& options, const ContainerFacts& facts);

/// The files of /etc that are made for the container: name and text.
struct EtcFile {
  std::string name;  ///< "hosts"
  std::string text;
};
std::vector<EtcFile> make_etc_files(const RunOptions& options, const std::string& hostname,
                                    const std::string& host_hosts, const std::string& host_resolv_conf);

std::string hostname_of(const RunOptions& options, const ContainerFacts& facts);
std::string cgroup_path(const RunOptions& options, const ContainerId& id);

}  // namespace tare::engine
