// From times to places in a picture, with breaks where nothing happens for long.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trace/trace.h"

namespace tare::trace {

/// A piece of the axis. The time in a break has no scale.
struct Stretch {
  std::int64_t begin = 0, end = 0;
  double left = 0, right = 0;
  bool is_break = false;
};

class Scale {
 public:
  /// All of the trace between two places.
  Scale(const Trace& trace, double left, double right);

  double place(std::int64_t time) const;
  /// Of an operation: whether it begins before and ends after some break.
  bool spans_break(std::int64_t begin, std::int64_t end) const;
  const std::vector<Stretch>& stretches() const { return stretches_; }
  /// Of what has a scale.
  double places_per_nanosecond() const { return factor_; }

 private:
  std::vector<Stretch> stretches_;
  double factor_ = 0;
};

/// The end of the run, or of what ended last.
std::int64_t end_of(const Trace& trace);
/// "2.5 us", "130 us", "1.24 ms", "3.2 s", "1 h 5 min".
std::string time_words(std::int64_t nanoseconds);
/// 1, 2 or 5 times a power of ten, at least so many nanoseconds.
std::int64_t round_step(double least);

}  // namespace tare::trace
