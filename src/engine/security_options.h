// `--security-opt`, as docker takes it: what confines the container besides its namespaces (pure).
#pragma once

#include <string>
#include <vector>

namespace tare::engine {

struct SecurityOptions {
  bool no_new_privileges = false;
  bool system_paths_unconfined = false;  ///< systempaths=unconfined: nothing in /proc and /sys is hidden
  std::string seccomp;                   ///< "unconfined", a profile's file, or empty: the default
  std::string apparmor;                  ///< "unconfined", or a profile's name; empty: the default
  std::vector<std::string> labels;       ///< SELinux: "disable", "user:USER", "type:TYPE", …
};

/// The last one of a kind wins; labels add up. Throws Error{invalid} naming the one that is not understood.
SecurityOptions parse_security_options(const std::vector<std::string>& given);

/// Whether `seccomp` names a file.
bool names_profile(const SecurityOptions& options);

}  // namespace tare::engine
