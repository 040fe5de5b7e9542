// The gate between create and start, which are two commands: a created container's init waits at a socket in
// the container's state directory, and whoever connects to it takes the place of the process that made the
// container.
#pragma once

#include "oci/runtime_config.h"
#include "plan/program.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

/// Changes a plan so that init looks for the program, and then waits at the gate (Streams::gate) instead of
/// going on; from there on it lives on when its parent dies.
void add_start_gate(plan::Program& program);

/// Changes a plan so that the root is not entered with pivot_root(2), which an initial ramdisk refuses
/// (CreateOptions::pivots): weaker, for the host's tree stays mounted below.
void move_root_instead(plan::Program& program);

/// Changes a plan so that the container outlives the process that starts it.
void let_live_on(plan::Program& program);

/// Changes a plan so that the caller's descriptors 3 to 2 + `count` are the container's, too. Throws
/// Error{invalid} when one of them is not open.
void pass_descriptors_on(plan::Program& program, int count);

/// Makes the gate in a directory; init inherits the descriptor.
sys::UniqueFd make_gate(sys::Fd directory);
/// Whether there is one, and removing it.
bool has_gate(sys::Fd directory);
void remove_gate(sys::Fd directory);

/// Lets the container's process become the user's program. `process` says what the plan was made from, for
/// the words of an error; `pid` the waiting process. Throws Error{no_command} or Error{not_executable} when
/// the exec fails; the caller then ends what is left of it.
void open_gate(sys::Fd directory, const oci::Process& process, pid_t pid);

}  // namespace tare::runtime
