#include "trace/scale.h"

#include <algorithm>
#include <numeric>

#include "base/format.h"

namespace tare::trace {
namespace {

constexpr double break_width = 56;
constexpr std::size_t most_breaks = 6;
constexpr std::int64_t shortest_break = 10'000'000;  // less than that is the usual length of a run

std::vector<std::int64_t> find_moments(const Trace& trace) {
  std::vector<std::int64_t> moments{0, end_of(trace)};
  for (const auto& lane : trace.lanes)
    for (const auto& operation : lane.operations) {
      moments.push_back(std::max<std::int64_t>(operation.begin, 0));
      moments.push_back(std::max<std::int64_t>(operation.end, 0));
    }
  std::ranges::sort(moments);
  const auto twice = std::ranges::unique(moments);
  moments.erase(twice.begin(), twice.end());
  return moments;
}

// The shortest of the few gaps that are each longer than twice everything that is shorter: it, and those
// longer, would leave no room to the rest. Nothing is so long where there is no such gap.
std::int64_t find_long(std::vector<std::int64_t> gaps) {
  std::ranges::sort(gaps);
  std::int64_t below = std::reduce(gaps.begin(), gaps.end()), found = 0;
  for (std::size_t i = 0; i < most_breaks && !gaps.empty(); i++) {
    const std::int64_t longest = gaps.back();
    gaps.pop_back();
    below -= longest;
    if (longest < shortest_break) break;
    if (longest > 2 * below && below > 0) found = longest;
  }
  return found;
}

}  // namespace

Scale::Scale(const Trace& trace, double left, double right) {
  const auto moments = find_moments(trace);
  std::vector<std::int64_t> gaps;
  for (std::size_t i = 1; i < moments.size(); i++) gaps.push_back(moments[i] - moments[i - 1]);
  const std::int64_t longest = find_long(gaps);
  std::int64_t scaled = 0;
  double breaks = 0;
  stretches_.push_back({});
  for (std::size_t i = 1; i < moments.size(); i++) {
    const std::int64_t begin = moments[i - 1], end = moments[i];
    if (longest != 0 && end - begin >= longest) {
      stretches_.push_back({.begin = begin, .end = end, .left = 0, .right = 0, .is_break = true});
      stretches_.push_back({.begin = end, .end = end});
      breaks += break_width;
    } else {
      stretches_.back().end = end;
      scaled += end - begin;
    }
  }
  if (scaled > 0) factor_ = (right - left - breaks) / static_cast<double>(scaled);
  double place = left;
  for (auto& stretch : stretches_) {
    stretch.left = place;
    place += stretch.is_break ? break_width : factor_ * static_cast<double>(stretch.end - stretch.begin);
    stretch.right = place;
  }
}

double Scale::place(std::int64_t time) const {
  for (const auto& stretch : stretches_) {
    if (time > stretch.end || stretch.end == stretch.begin) continue;
    const double part = static_cast<double>(std::max<std::int64_t>(time - stretch.begin, 0)) /
                        static_cast<double>(stretch.end - stretch.begin);
    return stretch.left + part * (stretch.right - stretch.left);
  }
  return stretches_.back().right;
}

bool Scale::spans_break(std::int64_t begin, std::int64_t end) const {
  return std::ranges::any_of(stretches_, [&](const Stretch& stretch) {
    return stretch.is_break && begin <= stretch.begin && end >= stretch.end;
  });
}

std::int64_t end_of(const Trace& trace) {
  std::int64_t end = std::max<std::int64_t>(trace.wall, 1);
  for (const auto& lane : trace.lanes)
    for (const auto& operation : lane.operations) end = std::max(end, operation.end);
  return end;
}

std::string time_words(std::int64_t nanoseconds) {
  const auto value = static_cast<double>(nanoseconds);
  if (nanoseconds < 999'500) return format("{:.3g} \xc2\xb5s", value / 1e3);
  if (nanoseconds < 999'500'000) return format("{:.3g} ms", value / 1e6);
  if (nanoseconds < 60'000'000'000) return format("{:.3g} s", value / 1e9);
  const std::int64_t minutes = nanoseconds / 60'000'000'000;
  if (minutes < 60) return format("{} min {} s", minutes, nanoseconds / 1'000'000'000 % 60);
  return format("{} h {} min", minutes / 60, minutes % 60);
}

std::int64_t round_step(double least) {
  for (std::int64_t power = 1;; power *= 10)
    for (const std::int64_t digit : {1, 2, 5})
      if (static_cast<double>(power * digit) >= least || power > 1'000'000'000'000'000) return power * digit;
}

}  // namespace tare::trace
