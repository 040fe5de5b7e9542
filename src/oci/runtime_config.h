// What a container is to be: the parts of the OCI runtime-spec's config.json that tare can carry out, as
// plain data. Names and units are the specification's (runtime-spec 1.3, config.md and config-linux.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"

namespace tare::oci {

enum class NamespaceKind { pid, network, mount, ipc, uts, user, cgroup, time };

struct Rlimit {
  int resource = 0;        ///< RLIMIT_NOFILE, …
  std::uint64_t soft = 0;  ///< RLIM_INFINITY: no limit
  std::uint64_t hard = 0;
};

struct User {
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> additional_gids;
  std::uint32_t umask = 022;
};

/// Bit n set: capability number n (capability.h).
struct Capabilities {
  std::uint64_t bounding = 0, effective = 0, permitted = 0, inheritable = 0, ambient = 0;
};

struct Process {
  bool terminal = false;
  bool null_input = false;  ///< without a terminal: standard input is the container's own /dev/null
  std::uint16_t rows = 0, columns = 0;  ///< 0: the terminal's own
  User user;
  std::vector<std::string> args;
  std::vector<std::string> env;
  ContainerPath cwd{"/"};
  Capabilities capabilities;
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
};

/// How the root file system comes about.
struct Root {
  HostPath path;                ///< the root itself, or with `lower` set where the overlay is hung up
  std::vector<HostPath> lower;  ///< overlay: lower layers, topmost first; empty: `path` is used as it is
  HostPath upper, work;         ///< overlay: where the container's own changes go
  bool is_volatile = false;     ///< overlay: changes need not survive (no sync at unmount)
  bool read_only = false;
  bool no_devices = false;  ///< device nodes in it do nothing (nodev)
};

struct Mount {
  ContainerPath destination;
  std::string type;    ///< "bind", "proc", "tmpfs", …
  std::string source;  ///< bind: a host path
  std::vector<std::string> options;
};

struct DeviceNode {
  ContainerPath path;
  char type = 'c';  ///< c or b
  std::uint32_t major = 0, minor = 0;
  std::uint32_t mode = 0666, uid = 0, gid = 0;
};

/// One line of the device cgroup: what may be done with which devices.
struct DeviceRule {
  bool allow = false;
  char type = 'a';                            ///< a (all), c or b
  std::optional<std::uint32_t> major, minor;  ///< nullopt: any
  bool read = false, write = false, mknod = false;
};

struct Resources {
  std::optional<Bytes> memory_limit;        ///< bytes; -1: none
  std::optional<Bytes> memory_swap;         ///< memory plus swap, bytes; -1: no limit
  std::optional<std::uint64_t> cpu_shares;  ///< 2..262144, relative to 1024
  std::optional<std::int64_t> cpu_quota;    ///< microseconds of CPU time per period; -1: none
  std::optional<std::uint64_t> cpu_period;  ///< microseconds
  std::string cpuset_cpus, cpuset_mems;     ///< kernel list format ("0-2,4"); empty: as the parent
  std::optional<std::int64_t> pids_limit;   ///< -1: none
  std::vector<DeviceRule> devices;          ///< in order, the last match wins; empty: no device filter
};

struct RuntimeConfig {
  Root root;
  Process process;
  std::string hostname;
  std::vector<Mount> mounts;              ///< in order
  std::vector<NamespaceKind> namespaces;  ///< new ones; what is not listed is the host's
  std::string cgroups_path;               ///< below every hierarchy's root, e.g. "/tare-0123…"
  Resources resources;
  std::vector<DeviceNode> devices;
  std::vector<std::string> masked_paths, readonly_paths;
};

}  // namespace tare::oci
