// A container that is paused for as long as somebody needs it, and not longer whoever dies.
#pragma once

#include "state/containers.h"
#include "sys/unique_fd.h"

namespace tare::engine {

/// Pauses a running container by a process of its own, which lets it go on when the last copy of the socket
/// is closed, or it is shut down for writing; that process's end closes the other one. So it does when this
/// process is killed or becomes another program. Invalid: it does not run, or is paused already. Throws what
/// pause() throws.
sys::UniqueFd hold_still(const state::Place& place, const ContainerId& id);

}  // namespace tare::engine
