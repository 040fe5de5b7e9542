// The monitors' lives, each in its forked process.
#pragma once

#include "monitor/launch.h"

namespace tare::monitor {

/// Creates the container, passes its streams on, serves further clients, waits for its end, records it and
/// cleans up.
void run_monitor(const Order& order, state::Lock& lock, sys::UniqueFd client);

/// The same for a process in a container that another monitor keeps: nothing is recorded.
void run_exec_monitor(const ExecOrder& order, sys::UniqueFd client);

}  // namespace tare::monitor
