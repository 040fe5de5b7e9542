// Every choice of `tare run`, validated; and the readers of its structured values (pure).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "base/units.h"
#include "oci/runtime_config.h"

namespace tare::engine {

enum class Network { none, host };

/// `-v SOURCE:DESTINATION[:OPTIONS]`
struct Bind {
  std::string source;  ///< as given
  ContainerPath destination;
  std::vector<std::string> options;
};

/// `--tmpfs DESTINATION[:OPTIONS]`
struct Tmpfs {
  ContainerPath destination;
  std::vector<std::string> options;
};

struct RunOptions {
  bool interactive = false, terminal = false, remove = false, read_only = false, rootfs_writable = false,
       plan = false;
  std::string name, hostname, user, cgroup_parent, stop_signal;
  ContainerPath working_directory{"/"};
  std::vector<std::string> environment;  ///< "NAME=value"
  std::optional<std::string> entrypoint;
  std::vector<Bind> binds;
  std::vector<Tmpfs> tmpfs;
  oci::Resources resources;
  bool swap_limit_is_derived = false;  ///< nobody asked for resources.memory_swap: see validate()
  std::vector<oci::Rlimit> limits;
  Network network = Network::none;
  std::string rootfs;  ///< a directory, a tarball, or "-"
  std::vector<std::string> command;
};

/// All throw Error{invalid} that names what is wrong with the text.
Bind parse_bind(const std::string& text);
Tmpfs parse_tmpfs(const std::string& text);
oci::Rlimit parse_limit(const std::string& text);
/// `--cpus`: 0 (no limit), or from 0.01 to as many CPUs as are online.
NanoCpus parse_cpu_limit(const std::string& text, long online);
Network parse_network(const std::string& text);
/// "TERM", "sigterm", "15"; the number.
int parse_signal(const std::string& text);
/// `-e NAME=value` as it is; `-e NAME` takes the caller's value, nullopt when there is none.
std::optional<std::string> parse_variable(const std::string& text);
/// The lines of an `--env-file`: comments and empty lines are passed over.
std::vector<std::string> parse_variables(const std::string& file, const std::string& text);

/// What options say together: limits that contradict each other, names that are none, two mounts in one
/// place. Fills in memory_swap as docker does (twice the memory); cleans the working directory's path.
void validate(RunOptions& options);
/// Where swap is not counted: a limit that nobody asked for is left out, one that somebody did is refused.
void do_without_swap_accounting(RunOptions& options);

}  // namespace tare::engine
