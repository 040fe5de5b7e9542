// A container's monitor: creates it, passes its streams on, waits for its end, records it and cleans up.
#pragma once

#include "monitor/launch.h"

namespace tare::monitor {

/// The monitor's whole life in the forked process.
void run_monitor(const Order& order, state::Lock& lock, sys::UniqueFd client);

}  // namespace tare::monitor
