// Reads all that can be told of a container that runs.
#pragma once

#include "explain/container.h"
#include "state/containers.h"

namespace tare::explain {

/// From the kernel, now. Throws Error{conflict} where the container ends meanwhile.
Container read(const state::Place& place, const state::Record& record, const state::Running& running);

}  // namespace tare::explain
