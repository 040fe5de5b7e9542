// When a request is made again, and how long after. Pure.
#pragma once

#include <chrono>
#include <optional>

#include "registry/http.h"

namespace tare::registry {

/// Whether the same request may go better later: the connection broke, nothing came, 408, 429, 500, 502, 503,
/// 504.
bool is_temporary(const Response& response);

class Tries {
 public:
  explicit Tries(const Patience& patience) : patience_(patience) {}

  /// After such an answer; nullopt: it was tried often enough.
  std::optional<std::chrono::milliseconds> next_pause(const Response& response);
  /// There was progress: the count begins anew.
  void start_over() { count_ = 1; }

 private:
  const Patience& patience_;
  int count_ = 1;
};

}  // namespace tare::registry
