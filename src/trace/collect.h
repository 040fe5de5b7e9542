// From what was recorded to a trace; how much of the run's time it tells of.
#pragma once

#include <cstdint>
#include <string>

#include "trace/trace.h"

namespace tare::trace {

/// All that was recorded until now. `began` is the run's begin by recorder::now().
Trace collect(std::string title, std::int64_t began);

/// The time in which at least one operation was going on that is not a wait, in nanoseconds.
std::int64_t covered(const Trace& trace);

}  // namespace tare::trace
