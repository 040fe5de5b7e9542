// A line on the terminal that tells how far long work has come. Silent where there is no terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "sys/unique_fd.h"

namespace tare::cli {

/// Shows "what: 12.3MiB / 45.6MiB (27%)", rewritten at most every 100 ms and first after 100 ms, so that
/// short work shows nothing; erased when it ends.
class Progress {
 public:
  explicit Progress(const std::string& what, sys::Fd terminal = sys::Fd(2));
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Bytes done, and of how many where that is known.
  void update(std::uint64_t done, std::optional<std::uint64_t> total = std::nullopt);

 private:
  std::string what_;
  sys::Fd terminal_;
  bool is_terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point due_;
};

}  // namespace tare::cli
