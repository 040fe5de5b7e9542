// `run --trace[=FILE]`: records the run and writes down what was recorded.
#pragma once

#include <cstdint>
#include <string>

#include "sys/unique_fd.h"

namespace tare::commands {

class TraceOption {
 public:
  /// Records from now on. `file` empty: text on standard error; else JSON for *.json, a picture for *.svg, or
  /// text.
  explicit TraceOption(std::string file);
  /// All of the run so far. A failure is told and no more: the run's own outcome is what counts.
  void write() const noexcept;

 private:
  std::string file_;
  sys::UniqueFd open_file_;
  std::int64_t began_;
};

}  // namespace tare::commands
