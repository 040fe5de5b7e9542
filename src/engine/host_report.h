// What this machine offers a container and what it lacks: `tare info`.
#pragma once

#include <string>

#include "state/containers.h"

namespace tare::engine {

/// Lines "name: value"; what cannot be had is said by name.
std::string host_report(const state::Place& place);

}  // namespace tare::engine
