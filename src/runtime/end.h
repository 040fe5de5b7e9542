// kill and delete: how a container ends.
#pragma once

#include <string>

#include "base/types.h"
#include "runtime/hooks.h"
#include "runtime/state_dir.h"

namespace tare::runtime {

enum class To {
  first_process,
  all_processes,  ///< also when the first one has ended
};

/// Throws Error{not_found}, or Error{conflict} "container not running".
void kill(const HostPath& root, const std::string& id, int signal, To to);

/// Its first process, and where that has no pid namespace of its own all the others; waits a little for the
/// end.
void end_at_once(const ContainerState& state, sys::Fd process) noexcept;

enum class Removal {
  only_stopped,  ///< or created: it never ran
  also_running,  ///< and what does not exist is no error
};

/// Nothing of it is left: processes, cgroup, state. The poststop hooks run then; `warn` is told what fails.
void remove(const HostPath& root, const std::string& id, Removal removal, const Warn& warn);
/// The same for who holds its lock.
void remove(StateDirectory& directory, Removal removal, const Warn& warn);

}  // namespace tare::runtime
