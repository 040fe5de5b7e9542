// `tare exec`: one more process in a container that runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/host.h"
#include "state/containers.h"

namespace tare::engine {

struct ExecOptions {
  bool interactive = false, terminal = false, detached = false, privileged = false;
  std::vector<std::string> environment;  ///< "NAME=value", besides the container's own
  std::string user;                      ///< empty: the container's own
  std::optional<ContainerPath> working_directory;
  std::string detach_keys;
  std::vector<std::string> command;
};

/// The exit code of the process, or of its failure to start, which is told. Throws Error{not_found} for a
/// container there is not, Error{conflict} for one that does not run.
int exec(const state::Place& place, const std::string& name_or_id, const ExecOptions& options,
         const Notify& notify);

}  // namespace tare::engine
