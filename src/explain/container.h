// A running container as the kernel sees it: all that `tare explain` tells, as plain data. Texts that come
// from the container are as they are: who shows them makes them harmless (shown.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "oci/runtime_config.h"

namespace tare::explain {

struct Namespace {
  std::string kind;  ///< as in /proc/PID/ns: "mnt", "net", …
  std::uint64_t inode = 0;
  bool is_hosts = false;                ///< it is the caller's own
  std::vector<std::string> containers;  ///< other containers that are in it, by name
};

struct CgroupPath {
  std::string hierarchy;  ///< "memory", "cpu,cpuacct"; "" for v2
  std::string path;       ///< from where the hierarchy is mounted
};

/// nullopt: the kernel does not say; of a limit also: there is none.
struct Limits {
  std::vector<CgroupPath> cgroups;
  std::optional<Bytes> memory, memory_limit, memory_peak;  ///< memory: without file cache that can go
  std::optional<Bytes> swap_limit;                         ///< beside the memory limit
  std::optional<std::uint64_t> memory_kills;               ///< processes that the memory limit has killed
  std::optional<std::uint64_t> processes, processes_limit, processes_peak;
  std::optional<std::uint64_t> cpu_shares;       ///< v1: relative to 1024
  std::optional<std::uint64_t> cpu_weight;       ///< v2: relative to 100
  std::optional<std::uint64_t> cpu_quota;        ///< microseconds of CPU time per period
  std::optional<std::uint64_t> cpu_period;       ///< microseconds
  std::optional<std::uint64_t> cpu_nanoseconds;  ///< used so far
  std::optional<std::uint64_t> throttled_periods, throttled_nanoseconds;
  std::optional<std::uint64_t> block_io_weight;
  std::string cpus, memory_nodes;  ///< kernel list format; those that it can use
};

/// Where a mount comes from.
namespace origin {
inline constexpr auto root = "root", volume = "volume", bind = "bind", own_file = "own file",
                      device = "device", memory = "tmpfs", kernel = "kernel", masked = "masked",
                      protection = "read-only part", other = "other";
}

struct Mount {
  std::string where, type;
  std::vector<std::string> options;  ///< of the mount: "rw", "nosuid", …
  std::vector<std::string> filesystem_options;
  std::string origin;               ///< one of the above
  std::string from;                 ///< a path of the host's, a volume's name; empty: there is none to tell
  std::vector<std::string> layers;  ///< of an overlay, topmost first
  std::optional<Bytes> size;        ///< of a tmpfs
  bool is_read_only = false;
};

struct ResourceLimit {
  std::string name;                              ///< as the kernel has it: "Max open files"
  std::string soft, hard, host_soft, host_hard;  ///< numbers, or "unlimited"
};

struct Seccomp {
  int mode = 0;        ///< prctl(2): 0 none, 1 strict, 2 filter
  int filters = 0;     ///< loaded one over the other; 0 also where the kernel does not count
  std::string policy;  ///< by our record: "default", "unconfined", "privileged", or a profile's path
  std::optional<std::uint64_t> calls_allowed;  ///< by the default policy
  std::vector<std::string> blocked;            ///< families of calls that the default policy refuses
};

struct Rights {
  int pid = 0;  ///< whose they are: the first process, or with --init the one that it looks after
  oci::Capabilities capabilities;
  int last_capability = 0;  ///< the highest number that this kernel has
  bool no_new_privileges = false;
  Seccomp seccomp;
  std::string label;  ///< of AppArmor or SELinux; empty: there is none
  std::optional<int> oom_score_adjustment;
  std::vector<ResourceLimit> resource_limits;  ///< those that differ from the host's
};

struct Process {
  int pid = 0, inner_pid = 0;
  std::uint32_t user = 0;
  std::string user_name;                    ///< the host's
  std::optional<std::uint32_t> inner_user;  ///< nullopt: it has no id inside
  std::string state;                        ///< "S"
  std::string command;
};

struct Port {
  std::string protocol;  ///< tcp, tcp6, udp, udp6, unix
  std::string address;   ///< "127.0.0.1", "::", the path of a unix socket ("@name": an abstract one)
  std::uint16_t port = 0;
};

struct Container {
  std::string id, name;
  int pid = 0;  ///< its first process
  std::vector<Namespace> namespaces;
  std::vector<oci::IdMapping> uid_mappings, gid_mappings;
  Limits limits;
  std::vector<Mount> mounts;
  Rights rights;
  std::vector<Process> processes;
  std::vector<Port> ports;
};

}  // namespace tare::explain
