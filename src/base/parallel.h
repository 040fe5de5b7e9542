// Many small independent things, done by all processors.
#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>
#include <vector>

namespace tare {

/// Calls work(i) for each i below `count`, in no order, by as many threads as are worth their making. `work`
/// does not throw, and nothing it changes is that of another i.
template <typename Work>
void for_each_in_parallel(std::size_t count, Work work) {
  constexpr std::size_t worth_a_thread = 128, at_most = 8;
  const std::size_t processors = std::thread::hardware_concurrency();
  const std::size_t threads =
      std::clamp(count / worth_a_thread, std::size_t{1}, std::clamp(processors, std::size_t{1}, at_most));
  const auto part = [&](std::size_t number) {
    for (std::size_t i = count * number / threads; i < count * (number + 1) / threads; i++) work(i);
  };
  std::vector<std::jthread> others;
  others.reserve(threads - 1);
  for (std::size_t number = 1; number < threads; number++) others.emplace_back(part, number);
  part(0);
}

}  // namespace tare
