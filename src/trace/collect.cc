#include "trace/collect.h"

#include <algorithm>
#include <array>

#include "base/recorder.h"

namespace tare::trace {
namespace {

constexpr std::array<const char*, 3> lane_names = {"tare", "monitor", "tare-init"};

class Collector {
 public:
  explicit Collector(std::int64_t began) : began_(began) {
    for (std::size_t i = 0; i < lanes_.size(); i++) lanes_[i].name = lane_names[i];
  }

  void take(const recorder::Recorded& recorded) {
    const recorder::Event& event = recorded.event;
    const auto index = static_cast<std::size_t>(event.lane);
    Lane& lane = lanes_.at(index);
    auto& open = open_.at(index);
    switch (event.kind) {
      case recorder::Event::Kind::process: lane.process = static_cast<int>(event.at); return;
      case recorder::Event::Kind::begin:
        lane.operations.push_back({.words = recorded.text,
                                   .begin = event.at - began_,
                                   .end = -1,
                                   .depth = static_cast<int>(open.size()),
                                   .waits = event.waits,
                                   .calls = {}});
        return open.push_back(lane.operations.size() - 1);
      case recorder::Event::Kind::end:
        if (open.empty()) return;  // it began before the record did
        lane.operations[open.back()].end = event.at - began_;
        return open.pop_back();
      case recorder::Event::Kind::call: {
        if (open.empty()) begin_in_between(lane, event.at - began_);
        Operation& operation = lane.operations[open.empty() ? lane.operations.size() - 1 : open.back()];
        if (open.empty()) operation.end = event.until - began_;
        const auto bracket = recorded.text.find('(');
        operation.calls.push_back(
            {.name = recorded.text.substr(0, bracket),
             .arguments = bracket == std::string::npos
                              ? std::string()
                              : recorded.text.substr(bracket + 1, recorded.text.size() - bracket - 2),
             .result = recorded.result,
             .begin = event.at - began_,
             .end = event.until - began_});
      }
    }
  }

  // What has not ended yet goes on.
  std::vector<Lane> finish(std::int64_t wall) {
    for (auto& lane : lanes_)
      for (auto& operation : lane.operations)
        if (operation.end < 0) operation.end = wall;
    forget_mere_breadcrumbs();
    std::vector<Lane> lanes;
    for (auto& lane : lanes_)
      if (lane.process != 0) lanes.push_back(std::move(lane));
    return lanes;
  }

 private:
  // Calls that belong to no operation.
  static void begin_in_between(Lane& lane, std::int64_t begin) {
    static constexpr const char* words = "in between";
    if (!lane.operations.empty() && lane.operations.back().words == words) return;
    lane.operations.push_back({.words = words, .begin = begin, .end = begin, .calls = {}});
  }

  // What tare's own processes note only to say where an error happened: nothing was asked of the kernel
  // there.
  void forget_mere_breadcrumbs() {
    for (std::size_t i = 0; i < static_cast<std::size_t>(recorder::Lane::init); i++) {
      auto& operations = lanes_[i].operations;
      std::vector<Operation> kept;
      for (std::size_t at = operations.size(); at-- > 0;) {
        const bool has_parts = !kept.empty() && kept.back().depth > operations[at].depth;
        if (operations[at].depth == 0 || has_parts || !operations[at].calls.empty())
          kept.push_back(std::move(operations[at]));
      }
      std::ranges::reverse(kept);
      operations = std::move(kept);
    }
  }

  std::int64_t began_;
  std::array<Lane, lane_names.size()> lanes_;
  std::array<std::vector<std::size_t>, lane_names.size()> open_;  ///< indices, the outermost first
};

// The monitor may go on while the record is read.
bool is_later(const recorder::Event& event, std::int64_t end) {
  return event.kind != recorder::Event::Kind::process && std::max(event.at, event.until) > end;
}

}  // namespace

Trace collect(std::string title, std::int64_t began) {
  Collector collector(began);
  const std::int64_t wall = recorder::now() - began;
  for (const auto& recorded : recorder::recorded())
    if (!is_later(recorded.event, began + wall)) collector.take(recorded);
  return {.title = std::move(title),
          .wall = wall,
          .lanes = collector.finish(wall),
          .is_complete = !recorder::is_full()};
}

std::int64_t covered(const Trace& trace) {
  struct Span {
    std::int64_t begin, end;
  };
  std::vector<Span> spans;
  for (const auto& lane : trace.lanes)
    for (const auto& operation : lane.operations)
      if (!operation.waits) spans.push_back({operation.begin, operation.end});
  std::ranges::sort(spans, {}, &Span::begin);
  std::int64_t sum = 0, until = 0;
  for (const Span& span : spans) {
    sum += std::max<std::int64_t>(0, span.end - std::max(span.begin, until));
    until = std::max(until, span.end);
  }
  return sum;
}

}  // namespace tare::trace
