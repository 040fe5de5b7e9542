// kill and delete: how a container ends.
#pragma once

#include <string>

#include "base/types.h"

namespace tare::runtime {

enum class To {
  first_process,
  all_processes,  ///< also when the first one has ended
};

/// Throws Error{not_found}, or Error{conflict} "container not running".
void kill(const HostPath& root, const std::string& id, int signal, To to);

enum class Removal {
  only_stopped,  ///< or created: it never ran
  also_running,  ///< and what does not exist is no error
};

/// Nothing of it is left: processes, cgroup, state.
void remove(const HostPath& root, const std::string& id, Removal removal);

}  // namespace tare::runtime
