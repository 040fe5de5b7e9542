#include "registry/tries.h"

#include <algorithm>

namespace tare::registry {

bool is_temporary(const Response& response) {
  if (response.failure != Failure::none)
    return response.failure == Failure::stalled || response.failure == Failure::broken ||
           response.failure == Failure::cut_off;
  static constexpr int statuses[] = {408, 429, 500, 502, 503, 504};
  return std::ranges::find(statuses, response.status) != std::end(statuses);
}

std::optional<std::chrono::milliseconds> Tries::next_pause(const Response& response) {
  if (count_ >= patience_.tries) return std::nullopt;
  auto pause = patience_.first_pause;
  for (int i = 1; i < count_ && pause < patience_.longest_pause; i++) pause *= 2;
  count_++;
  if (response.retry_after)
    pause =
        std::max(pause, std::chrono::duration_cast<std::chrono::milliseconds>(
                            std::min<std::chrono::seconds>(*response.retry_after, std::chrono::hours(1))));
  return std::min(pause, patience_.longest_pause);
}

}  // namespace tare::registry
