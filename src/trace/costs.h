// Which operations of a trace cost most.
#pragma once

#include <vector>

#include "trace/scale.h"

namespace tare::trace {

struct Cost {
  const Lane* lane = nullptr;
  const Operation* operation = nullptr;
  std::int64_t own = 0;  ///< without what is nested in it; a wait has none
};

/// Of every operation, in the order of lanes and operations. What a break falls into (the user's program,
/// while it runs) has none either.
std::vector<Cost> find_costs(const Trace& trace, const Scale& scale);
/// The ten that cost most, the first of them first.
std::vector<Cost> find_costliest(std::vector<Cost> costs);

}  // namespace tare::trace
