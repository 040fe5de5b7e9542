// exec: one more process in a container that runs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "oci/runtime_config.h"
#include "runtime/create.h"

namespace tare::runtime {

struct ExecOptions {
  HostPath root;
  std::string id;
  std::string pid_file, console_socket, pidfd_socket;
  std::vector<std::string> cgroups;  ///< [CONTROLLER[,CONTROLLER]:]PATH below the container's own
  int passed_descriptors = 0;
  bool even_if_paused = false;
  Stay stay = Stay::until_end;
};

/// `choose` makes the process from the container's own; what it throws ends it all. With Stay::until_end the
/// result is the exit code. Throws Error{not_found}, Error{conflict} when the container does not run, or what
/// the exec said.
int exec(const ExecOptions& options, const std::function<oci::Process(const oci::Process&)>& choose);

}  // namespace tare::runtime
