#include "trace/costs.h"

#include <algorithm>

namespace tare::trace {

std::vector<Cost> find_costs(const Trace& trace, const Scale& scale) {
  std::vector<Cost> costs;
  for (const auto& lane : trace.lanes) {
    std::vector<std::size_t> around;  // those that the next one may be nested in
    for (const auto& operation : lane.operations) {
      const std::int64_t length = std::max<std::int64_t>(operation.end - operation.begin, 0);
      while (!around.empty() && costs[around.back()].operation->depth >= operation.depth) around.pop_back();
      if (!around.empty()) costs[around.back()].own -= length;
      around.push_back(costs.size());
      costs.push_back({.lane = &lane, .operation = &operation, .own = length});
    }
  }
  for (auto& cost : costs)
    if (cost.operation->waits || scale.spans_break(cost.operation->begin, cost.operation->end)) cost.own = 0;
  return costs;
}

std::vector<Cost> find_costliest(std::vector<Cost> costs) {
  constexpr std::size_t most = 10;
  std::erase_if(costs, [](const Cost& cost) { return cost.own <= 0; });
  std::ranges::stable_sort(costs, std::ranges::greater(), &Cost::own);
  if (costs.size() > most) costs.resize(most);
  return costs;
}

}  // namespace tare::trace
