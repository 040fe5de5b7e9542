#include "trace/print.h"

#include <algorithm>

#include "base/format.h"
#include "base/json.h"
#include "picture/text.h"
#include "trace/collect.h"

namespace tare::trace {
namespace {

double milliseconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

constexpr std::size_t most_alike = 4;

struct Line {
  std::int64_t begin, end;
  std::string_view who;
  std::string what;
};

// Many of the same kind behind one another are told as one.
void add_calls(std::vector<Line>& lines, const Operation& operation) {
  const std::string indent(static_cast<std::size_t>(operation.depth) * 2 + 2, ' ');
  const auto& calls = operation.calls;
  for (std::size_t at = 0; at < calls.size();) {
    std::size_t next = at;
    while (next < calls.size() && calls[next].name == calls[at].name) next++;
    const bool is_told_as_one = next - at > most_alike;
    const std::size_t told = is_told_as_one ? at + 1 : next;
    for (; at < told; at++)
      lines.push_back(
          {calls[at].begin, calls[at].end, "",
           format("{}+ {}({}) = {}", indent, calls[at].name, calls[at].arguments, calls[at].result)});
    if (is_told_as_one)
      lines.push_back({calls[at].begin, calls[next - 1].end, "",
                       format("{}+ {} more of {}", indent, next - at, calls[at].name)});
    at = next;
  }
}

std::size_t count_calls(const Trace& trace) {
  std::size_t count = 0;
  for (const auto& lane : trace.lanes)
    for (const auto& operation : lane.operations) count += operation.calls.size();
  return count;
}

json::value to_json(const Operation& operation) {
  json::array calls;
  for (const auto& call : operation.calls)
    calls.push_back(json::object{{"name", call.name},
                                 {"arguments", call.arguments},
                                 {"result", call.result},
                                 {"begin", call.begin},
                                 {"end", call.end}});
  return json::object{{"words", operation.words}, {"begin", operation.begin}, {"end", operation.end},
                      {"depth", operation.depth}, {"waits", operation.waits}, {"calls", std::move(calls)}};
}

}  // namespace

std::string to_text(const Trace& trace) {
  std::vector<Line> lines;
  for (const auto& lane : trace.lanes) {
    for (const auto& operation : lane.operations) {
      lines.push_back({operation.begin, operation.end, lane.name,
                       format("{}{}{}", std::string(static_cast<std::size_t>(operation.depth) * 2, ' '),
                              operation.words, operation.waits ? " (waits)" : "")});
      add_calls(lines, operation);
    }
  }
  std::ranges::stable_sort(lines, {}, &Line::begin);
  std::string text = format("{:>10} {:>10}  {:<10} {}\n", "at ms", "took ms", "who", "what");
  // Names and arguments are a container's: no line and no colour of theirs.
  for (const auto& line : lines)
    text += format("{:>10.3f} {:>10.3f}  {:<10} {}\n", milliseconds(line.begin),
                   milliseconds(line.end - line.begin), line.who, picture::printable(line.what));
  const std::int64_t told = covered(trace);
  text += format(
      "{:>10.3f} {:>10}  the end: {} calls of the kernel; the operations tell of {:.1f} % of the time\n",
      milliseconds(trace.wall), "", count_calls(trace),
      trace.wall > 0 ? 100.0 * static_cast<double>(told) / static_cast<double>(trace.wall) : 0.0);
  return text;
}

std::string to_json(const Trace& trace) {
  json::array lanes;
  for (const auto& lane : trace.lanes) {
    json::array operations;
    for (const auto& operation : lane.operations) operations.push_back(to_json(operation));
    lanes.push_back(
        json::object{{"name", lane.name}, {"process", lane.process}, {"operations", std::move(operations)}});
  }
  return json::pretty(json::object{{"title", trace.title},
                                   {"wall", trace.wall},
                                   {"covered", covered(trace)},
                                   {"complete", trace.is_complete},
                                   {"lanes", std::move(lanes)}});
}

}  // namespace tare::trace
