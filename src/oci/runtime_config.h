// What a container is to be: the parts of the OCI runtime-spec's config.json that tare can carry out, as
// plain data. Names and units are the specification's (runtime-spec 1.3, config.md and config-linux.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/types.h"

namespace tare::oci {

enum class NamespaceKind { pid, network, mount, ipc, uts, user, cgroup, time };

/// A namespace that the container has; kinds that are not listed are the caller's own.
struct Namespace {
  NamespaceKind kind{};
  std::string path;  ///< an existing one, such as /proc/123/ns/ipc; empty: a new one
};

/// `size` ids from `container` on are the host's from `host` on (user_namespaces(7)).
struct IdMapping {
  std::uint32_t container = 0, host = 0, size = 0;
};

/// Of a new time namespace (time_namespaces(7)).
struct TimeOffset {
  std::string clock;  ///< "monotonic" or "boottime"
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
};

/// A kernel parameter of the container's own namespaces; the name with dots, as sysctl(8) has it.
struct KernelParameter {
  std::string name, value;
};

/// seccomp in the words of the specification (config-linux.md, "Seccomp"); actions, operators and flags by
/// their names, SCMP_ACT_ERRNO, SCMP_CMP_MASKED_EQ, SECCOMP_FILTER_FLAG_LOG.
struct SeccompArgument {
  std::uint32_t index = 0;
  std::uint64_t value = 0, value_two = 0;
  std::string op;
};
struct SeccompRule {
  std::vector<std::string> names;
  std::string action;
  std::optional<std::uint32_t> errno_ret;
  std::vector<SeccompArgument> args;  ///< all must hold
};
struct Seccomp {
  std::string default_action;
  std::optional<std::uint32_t> default_errno_ret;
  std::vector<std::string> architectures, flags;
  std::vector<SeccompRule> rules;
  std::string listener_path;      ///< of the socket of who answers SCMP_ACT_NOTIFY; empty: there is none
  std::string listener_metadata;  ///< passed on to that
};

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

/// "0-3,8" in each: as the kernel lists processors; empty: not said (config.md, "execCPUAffinity").
struct ProcessorAffinity {
  std::string initial;  ///< of who starts the process, until it is in the container's cgroup
  std::string final;
};

/// Of linux.memoryPolicy: the kernel's numbers (set_mempolicy(2)).
struct MemoryPolicy {
  std::uint32_t mode = 0, flags = 0;
  std::string nodes;  ///< "0-3,8"
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
  std::optional<int> oom_score_adj;
  bool is_supervised = false;  ///< tare-init stays as the first process and reaps; its child is the program
  std::string apparmor_profile, selinux_label;  ///< empty: none
  std::optional<Scheduler> scheduler;           ///< sched_setattr(2)
  std::optional<std::uint16_t> io_priority;     ///< class and level, ioprio_set(2)
  ProcessorAffinity affinity_of_exec;           ///< of further processes, not of the first one
};

/// How the root file system comes about.
struct Root {
  HostPath path;                ///< the root itself, or with `lower` set where the overlay is hung up
  std::vector<HostPath> lower;  ///< overlay: lower layers, topmost first; empty: `path` is used as it is
  HostPath upper, work;         ///< overlay: where the container's own changes go
  bool is_volatile = false;     ///< overlay: changes need not survive (no sync at unmount)
  bool read_only = false;
  bool ids_are_mapped = false;  ///< with a user namespace: files are owned by the host's ids already
  bool no_devices = false;      ///< device nodes in it do nothing (nodev)
};

struct Mount {
  ContainerPath destination;
  std::string type;    ///< "bind", "proc", "tmpfs", …
  std::string source;  ///< bind: a host path
  std::vector<std::string> options;
  bool ids_are_ours = false;  ///< bind, with a user namespace: its files are to belong to the container's ids
  std::vector<IdMapping> uid_mappings = {}, gid_mappings = {};  ///< of its files; empty: as they are
  std::string mount_namespace = {};  ///< bind: where `source` is found, such as /proc/1/ns/mnt; empty: here
};

/// A network device of the host's, and what it is called in the container.
struct NetDevice {
  std::string name, name_inside;
};

/// The container's share of cache and memory bandwidth (config-linux.md, "IntelRdt").
struct IntelRdt {
  std::string group;                  ///< closID; empty: one of its own, called as the container
  std::vector<std::string> schemata;  ///< lines of the group's schemata file
  bool is_monitored = false;          ///< a monitoring group of its own
};

struct DeviceNode {
  ContainerPath path;
  char type = 'c';  ///< c, b or p (a named pipe)
  std::uint32_t major = 0, minor = 0;
  std::uint32_t mode = 0666, uid = 0, gid = 0;
  std::string source = {};  ///< the host's node that can be shown instead of a new one; empty: as `path`
};

/// One line of the device cgroup: what may be done with which devices.
struct DeviceRule {
  bool allow = false;
  char type = 'a';                            ///< a (all), c or b
  std::optional<std::uint32_t> major, minor;  ///< nullopt: any
  bool read = false, write = false, mknod = false;
};

/// Of pages of one size, "2MB": `limit` in bytes.
struct HugepageLimit {
  std::string page_size;
  std::uint64_t limit = 0;
};
/// Of an RDMA device such as "mlx5_1"; nullopt: no limit.
struct RdmaLimit {
  std::string device;
  std::optional<std::uint32_t> handles, objects;
};
struct DeviceWeight {
  std::uint32_t major = 0, minor = 0;
  std::optional<std::uint16_t> weight, leaf_weight;  ///< 10..1000
};
struct DeviceRate {
  std::uint32_t major = 0, minor = 0;
  std::uint64_t rate = 0;  ///< bytes or operations per second; 0: no limit
};

struct Resources {
  std::optional<Bytes> memory_limit;        ///< bytes; -1: none
  std::optional<Bytes> memory_swap;         ///< memory plus swap, bytes; -1: no limit
  std::optional<Bytes> memory_reservation;  ///< bytes that are taken last when memory is short; -1: all
  bool check_before_update = false;         ///< no memory limit below what is in use
  std::optional<std::uint64_t> cpu_shares;  ///< 2..262144, relative to 1024
  std::optional<std::int64_t> cpu_quota;    ///< microseconds of CPU time per period; -1: none
  std::optional<std::uint64_t> cpu_period;  ///< microseconds
  std::optional<std::uint64_t> cpu_burst;   ///< microseconds of unused quota that may be saved up
  std::optional<std::int64_t> cpu_idle;     ///< 1: runs only when nothing else wants to; 0: as usual
  std::optional<std::int64_t> cpu_realtime_runtime;  ///< microseconds per realtime period
  std::optional<std::uint64_t> cpu_realtime_period;  ///< microseconds
  std::string cpuset_cpus, cpuset_mems;              ///< kernel list format ("0-2,4"); empty: as the parent
  std::optional<std::int64_t> pids_limit;            ///< -1: none
  std::optional<std::uint16_t> block_io_weight;      ///< 10..1000
  std::optional<std::uint16_t> leaf_weight;          ///< 10..1000, v1
  std::vector<DeviceWeight> device_weights;
  std::vector<DeviceRate> read_bps, write_bps, read_iops, write_iops;
  std::optional<std::uint64_t> swappiness;  ///< 0..100, v1
  bool no_oom_killer = false;               ///< v1: who wants more memory than the limit waits
  std::vector<HugepageLimit> hugepages;
  std::vector<RdmaLimit> rdma;
  std::optional<std::uint32_t> network_class;                             ///< of tc(8), v1
  std::vector<std::pair<std::string, std::uint32_t>> network_priorities;  ///< by interface, v1
  std::vector<std::pair<std::string, std::string>> unified;               ///< v2's files: name, text
  std::vector<DeviceRule> devices;  ///< in order, the last match wins; empty: no device filter
};

/// A program that is run at a point of a container's life (config.md, "POSIX-platform Hooks").
struct Hook {
  std::string path;               ///< absolute
  std::vector<std::string> args;  ///< with the name first; empty: the path alone
  std::optional<std::vector<std::string>>
      env;                     ///< nullopt: the runtime's, inside the container its process's
  std::optional<int> timeout;  ///< seconds
};
struct Hooks {
  std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
};

struct RuntimeConfig {
  Root root;
  Process process;
  std::string hostname, domainname;
  std::vector<Mount> mounts;  ///< in order
  std::vector<Namespace> namespaces;
  std::vector<IdMapping> uid_mappings, gid_mappings;  ///< of a new user namespace
  std::vector<TimeOffset> time_offsets;
  std::vector<KernelParameter> sysctl;
  std::optional<Seccomp> seccomp;
  bool default_seccomp = false;  ///< without a profile: the default policy for the process's capabilities
  std::string cgroups_path;      ///< below every hierarchy's root, e.g. "/tare-0123…"
  Resources resources;
  std::vector<DeviceNode> devices;
  std::uint64_t root_propagation = 0;        ///< of all mounts: MS_… flags of mount(2); 0: private
  std::optional<std::uint32_t> personality;  ///< personality(2)
  std::optional<MemoryPolicy> memory_policy;
  std::vector<NetDevice> net_devices;
  std::optional<IntelRdt> intel_rdt;
  Hooks hooks;
  std::string mount_label;  ///< SELinux: of the file systems that are the container's own; empty: none
  std::vector<std::string> masked_paths, readonly_paths;
  std::vector<std::pair<std::string, std::string>> annotations;  ///< for whoever asks for the state
};

}  // namespace tare::oci
