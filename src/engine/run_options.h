// Every choice of `tare run`, validated; and the readers of its structured values (pure).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "base/units.h"
#include "engine/log_options.h"
#include "engine/mounts.h"
#include "oci/platform.h"
#include "oci/runtime_config.h"
#include "sys/signals.h"

namespace tare::engine {

enum class Network { none, host, container };

/// `--device HOST[:CONTAINER[:ACCESS]]`
struct Device {
  std::string host;  ///< a node, or a directory: all nodes in it
  ContainerPath container;
  std::string access;  ///< of r, w and m
};

/// Whose namespace of one kind the container is in.
struct NamespaceChoice {
  enum class Mode { own, shareable, none, host, container };
  Mode mode = Mode::own;
  std::string container;  ///< its name or id
};

/// Whether and how an image is pulled for a container.
struct PullWish {
  enum class When { missing, always, never } when = When::missing;
  std::optional<oci::Platform> platform = std::nullopt;
  bool quiet = false;
};
/// `--pull missing|always|never`. Throws Error{invalid}.
PullWish::When parse_pull(const std::string& text);

struct RunOptions {
  bool interactive = false, terminal = false, detached = false, remove = false, read_only = false,
       rootfs_writable = false;
  std::string name, hostname, user, cgroup_parent, stop_signal;
  std::optional<int> stop_timeout;       ///< seconds between the stop signal and SIGKILL; -1: wait for ever
  ContainerPath working_directory;       ///< empty: the image's, or /
  std::vector<std::string> environment;  ///< "NAME=value"
  std::vector<std::string> labels;       ///< "NAME=value"; of one name the last counts
  LogOptions log;
  std::optional<std::vector<std::string>> entrypoint;  ///< nullopt: the image's
  std::vector<Bind> binds;
  std::vector<Tmpfs> tmpfs;
  std::vector<VolumesFrom> volumes_from;
  oci::Resources resources;
  bool swap_limit_is_derived = false;  ///< nobody asked for resources.memory_swap: see validate()
  std::vector<oci::Rlimit> limits;
  Network network = Network::none;
  std::string network_container;
  NamespaceChoice pid, ipc, uts, cgroup_namespace;
  std::string domainname;
  std::vector<Device> devices;
  std::vector<oci::DeviceRule> device_rules;
  std::vector<oci::KernelParameter> sysctl;
  std::optional<Bytes> shm_size;
  std::optional<int> oom_score_adj;
  bool init = false;                                       ///< tare-init stays as the first process
  std::vector<std::string> groups;                         ///< additional ones, names or numbers
  std::string user_namespace;                              ///< "", "host" or "auto"
  std::vector<oci::IdMapping> uid_mappings, gid_mappings;  ///< empty: the host's ids (or not chosen yet)
  bool mappings_are_chosen = false;                        ///< nobody asked for these: `--userns auto`
  bool privileged = false;
  std::vector<std::string> security_options;  ///< as given
  std::string seccomp_profile;                ///< the text of the file that they name, if any
  std::vector<std::string> capabilities_added, capabilities_dropped;  ///< as named: "NET_ADMIN", "all"
  std::string rootfs;  ///< an image, or a directory, a tarball, or "-"
  PullWish pull;       ///< no part of the container's definition
  std::vector<std::string> command;
};

/// All throw Error{invalid} that names what is wrong with the text.
oci::Rlimit parse_limit(const std::string& text);
/// `--cpus`: 0 (no limit), or from 0.01 to as many CPUs as are online.
NanoCpus parse_cpu_limit(const std::string& text, long online);
/// "none", "host", "container:NAME".
void read_network(const std::string& text, RunOptions& options);
/// `--sysctl NAME=VALUE`: one of a namespace that a container can have.
oci::KernelParameter parse_sysctl(const std::string& text);
/// `--blkio-weight`: 10 to 1000, or 0, which asks for nothing.
std::uint16_t parse_block_io_weight(const std::string& text);
/// `--oom-score-adj`: -1000 to 1000.
int parse_oom_score_adj(const std::string& text);
using sys::parse_signal;
/// `-e NAME=value` as it is; `-e NAME` takes the caller's value, nullopt when there is none.
std::optional<std::string> parse_variable(const std::string& text);
/// The lines of an `--env-file`: comments and empty lines are passed over.
std::vector<std::string> parse_variables(const std::string& file, const std::string& text);

/// Throws Error{invalid} for what cannot be a container's name.
void check_name(const std::string& name);
/// `--label NAME[=value]`
std::string parse_label(const std::string& text);
/// The lines of a `--label-file`: comments and empty lines are passed over.
std::vector<std::string> parse_label_file(const std::string& text);

/// What options say together: limits that contradict each other, names that are none, two mounts in one
/// place. Fills in memory_swap as docker does (twice the memory); cleans the working directory's path.
void validate(RunOptions& options);
/// Where swap is not counted: a limit that nobody asked for is left out, one that somebody did is refused.
void do_without_swap_accounting(RunOptions& options);

}  // namespace tare::engine
