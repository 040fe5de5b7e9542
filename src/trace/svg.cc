#include "trace/svg.h"

#include <algorithm>
#include <optional>

#include "base/format.h"
#include "picture/drawing.h"
#include "trace/costs.h"
#include "trace/scale.h"

namespace tare::trace {
namespace {

using picture::Anchor;
using picture::Area;
using picture::Drawing;
using picture::Face;

constexpr double page_width = 1200, margin = 32, plot_left = 190, plot_right = page_width - margin;
constexpr double axis_y = 128, callout_height = 24, bar_height = 22, row_height = 34, lane_gap = 18;
constexpr std::size_t most_calls_told = 12;

std::string tooltip(const Cost& cost) {
  const Operation& operation = *cost.operation;
  const std::int64_t length = operation.end - operation.begin;
  std::string words = format("{}\n{}: {} after {}", operation.words, operation.waits ? "waits" : "takes",
                             time_words(length), time_words(operation.begin));
  if (cost.own > 0 && cost.own != length) words += format(", {} of its own", time_words(cost.own));
  for (std::size_t i = 0; i < operation.calls.size() && i < most_calls_told; i++) {
    const Call& call = operation.calls[i];
    words += format("\n{}({}) = {}  {}", call.name, call.arguments, call.result,
                    time_words(call.end - call.begin));
  }
  if (operation.calls.size() > most_calls_told)
    words += format("\nand {} calls more", operation.calls.size() - most_calls_told);
  return words;
}

class Timeline {
 public:
  explicit Timeline(const Trace& trace)
      : trace_(trace),
        scale_(trace, plot_left, plot_right),
        costs_(find_costs(trace, scale_)),
        costliest_(find_costliest(costs_)) {}

  std::string draw() {
    drawing_.text(margin, 54, trace_.title, {.face = Face::bold, .size = 24}, page_width - 2 * margin);
    drawing_.text(
        margin, 78,
        format("{} from begin to end: what each process did, and for how long", time_words(end_of(trace_))),
        {.size = 14, .tone = "muted"}, page_width - 2 * margin);
    double y = axis_y + 18;
    auto next = costs_.cbegin();
    for (const auto& lane : trace_.lanes) {
      const auto end = next + static_cast<std::ptrdiff_t>(lane.operations.size());
      y = draw_lane(lane, {next, end}, y) + lane_gap;
      next = end;
    }
    draw_breaks(y - lane_gap);
    draw_axis();
    y = draw_legend(y + 6);
    y = draw_table(y + 40);
    return drawing_.finish(
        page_width, y + margin, trace_.title,
        "Where the time of a run went: a lane for each process, its operations from left to "
        "right, and the ten that cost most.");
  }

 private:
  using Costs = std::vector<Cost>;

  std::optional<std::size_t> rank_of(const Operation& operation) const {
    const auto found = std::ranges::find(costliest_, &operation, &Cost::operation);
    if (found == costliest_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - costliest_.begin()) + 1;
  }

  Area bar_of(const Operation& operation, double top) const {
    const double left = scale_.place(operation.begin), right = scale_.place(operation.end);
    const double gap = right - left > 3 ? 0.75 : 0;  // neighbours stay two
    return {left, top + operation.depth * row_height, std::max(right - left - gap, 1.0), bar_height};
  }

  double draw_lane(const Lane& lane, const Costs& costs, double y) {
    int depth = 0;
    std::int64_t busy = 0;
    for (const auto& cost : costs) {
      depth = std::max(depth, cost.operation->depth);
      busy += std::max<std::int64_t>(cost.own, 0);
    }
    const double top = y + callout_height + 6, below = top + (depth + 1) * row_height;
    const double bottom = std::max(below, top + 60) + 4;
    drawing_.box({margin - 12, y, page_width - 2 * margin + 24, bottom - y}, "ground", 8);
    grid_areas_.push_back({0, y + callout_height, 0, bottom - y - callout_height});  // not behind the numbers
    grid_place_.push_back(drawing_.place());
    drawing_.open_group({{"lane", lane.name}});
    const double room = plot_left - margin - 16;
    drawing_.text(margin, top + 15, lane.name, {.face = Face::bold, .size = 15}, room);
    if (lane.process != 0)
      drawing_.text(margin, top + 34, format("process {}", lane.process), {.size = 12, .tone = "muted"},
                    room);
    drawing_.text(margin, top + 51, format("{} of work", time_words(busy)), {.size = 12, .tone = "muted"},
                  room);
    double taken = plot_left - 16;
    for (const auto& cost : costs) draw_operation(cost, top, y, taken);
    drawing_.close();
    return bottom;
  }

  void draw_operation(const Cost& cost, double top, double lane_top, double& taken) {
    const Operation& operation = *cost.operation;
    const Area bar = bar_of(operation, top);
    const auto rank = rank_of(operation);
    const std::string_view tone = operation.waits ? "wait" : rank ? "accent" : "soft";
    drawing_.open_group({}, tooltip(cost));
    drawing_.open_box(bar, tone, bar.width > 6 ? 3 : 0);
    double used = 6;
    if (rank && has_room(*rank, bar)) {
      used += 6 + drawing_.text(bar.x + used, bar.y + 15.5, std::to_string(*rank),
                                {.face = Face::bold, .size = 12, .tone = "on-accent"}, bar.width - 8);
    }
    // Over a break nothing is written.
    const double room = label_end(operation, bar) - bar.x - used - 5;
    if (room >= 56)
      drawing_.text(bar.x + used, bar.y + 15.5, operation.words,
                    {.size = 12,
                     .tone = rank              ? "on-accent"
                             : operation.waits ? "muted"
                                               : "ink"},
                    room);
    drawing_.close();
    if (rank && !has_room(*rank, bar)) draw_callout(*rank, bar, lane_top, taken);
    draw_calls(operation, bar.y + bar_height + 2);
    drawing_.close();
  }

  static bool has_room(std::size_t rank, const Area& bar) {
    return bar.width >= 10 + picture::text_width(std::to_string(rank), Face::bold, 12);
  }

  double label_end(const Operation& operation, const Area& bar) const {
    for (const auto& stretch : scale_.stretches())
      if (stretch.is_break && operation.begin <= stretch.begin && operation.end >= stretch.end)
        return stretch.left;
    return bar.x + bar.width;
  }

  // Numbers whose bar is too narrow stand above the lane, in the order of the bars and beside each other. The
  // line ends at the outermost row: further down it would cross what is written there.
  void draw_callout(std::size_t rank, const Area& bar, double lane_top, double& taken) {
    const std::string words = std::to_string(rank);
    const double width = picture::text_width(words, Face::bold, 12) + 8, middle = bar.x + bar.width / 2;
    const double x = std::min(std::max(middle - width / 2, taken), plot_right + 12 - width);
    if (x < taken) return;  // the table has it all the same
    taken = x + width;
    drawing_.text(x + width / 2, lane_top + 16, words,
                  {.face = Face::bold, .size = 12, .tone = "accent-ink", .anchor = Anchor::middle}, width);
    drawing_.path(format("M{} {}L{} {}V{}", picture::number(x + width / 2), picture::number(lane_top + 20),
                         picture::number(middle), picture::number(lane_top + callout_height + 4),
                         picture::number(lane_top + callout_height + 6)),
                  "leader");
  }

  void draw_calls(const Operation& operation, double y) {
    for (const auto& call : operation.calls) {
      const double left = scale_.place(call.begin), right = scale_.place(call.end);
      drawing_.box({left, y, std::max(right - left, 0.8), 5},
                   call.result.starts_with('-') ? "failed" : "call");
    }
  }

  // Where the axis is torn, all lanes are.
  void draw_breaks(double bottom) {
    for (const auto& stretch : scale_.stretches()) {
      if (!stretch.is_break) continue;
      const double left = stretch.left + 12, right = stretch.right - 12;
      drawing_.box({left, axis_y + 10, right - left, bottom - axis_y}, "paper");
      for (const double x : {left, right}) {
        std::string data = format("M{} {}", picture::number(x), picture::number(axis_y + 10));
        for (double y = axis_y + 10; y + 16 <= bottom + 10; y += 16) data += "q4 4 0 8q-4 4 0 8";
        drawing_.path(data, "tear");
      }
      drawing_.text((left + right) / 2, axis_y - 18, time_words(stretch.end - stretch.begin),
                    {.face = Face::bold, .size = 12, .tone = "accent-ink", .anchor = Anchor::middle}, 120);
    }
  }

  // Lines at round times; behind a break they count from its end.
  void draw_axis() {
    const std::int64_t step =
        round_step(scale_.places_per_nanosecond() > 0 ? 80 / scale_.places_per_nanosecond() : 1);
    std::vector<double> places;
    bool is_first = true;
    for (const auto& stretch : scale_.stretches()) {
      if (stretch.is_break) {
        is_first = false;
        continue;
      }
      for (std::int64_t time = 0; stretch.begin + time <= stretch.end; time += step) {
        const double x = scale_.place(stretch.begin + time);
        // Behind a break, its end is where the counting starts.
        if (x > plot_right - 1 && time != 0) break;
        places.push_back(x);
        const std::string words =
            is_first ? (time == 0 ? "0" : time_words(time)) : (time == 0 ? "" : "+" + time_words(time));
        if (x + 30 < plot_right + margin && !words.empty() &&
            (time == 0 || x + 28 < stretch.right + (is_first && scale_.stretches().size() > 1 ? 0 : 28)))
          drawing_.text(x, axis_y, words, {.size = 12, .tone = "muted", .anchor = Anchor::middle}, 78);
      }
    }
    draw_grid(places);
  }

  // Each lane's lines lie on its ground, beneath its bars: from the last lane to the first, so that places
  // hold.
  void draw_grid(const std::vector<double>& places) {
    for (std::size_t i = grid_areas_.size(); i-- > 0;)
      for (const double x : places)
        drawing_.box_beneath(grid_place_[i], {x, grid_areas_[i].y, 1, grid_areas_[i].height}, "track", 0);
  }

  double draw_legend(double y) {
    struct Sign {
      std::string_view tone, words;
      double width, height;
    };
    constexpr Sign signs[] = {{"accent", "work that costs most, numbered", 22, 12},
                              {"soft", "other work", 22, 12},
                              {"wait", "waits for another process", 22, 12},
                              {"call", "a call of the kernel", 3, 8},
                              {"failed", "a call that failed", 3, 8}};
    double x = plot_left;
    for (const auto& sign : signs) {
      drawing_.box({x, y + 10 - sign.height / 2, sign.width, sign.height}, sign.tone, sign.width > 6 ? 2 : 0);
      x += sign.width + 8;
      x += drawing_.text(x, y + 14.5, sign.words, {.size = 12, .tone = "muted"}, 240) + 18;
    }
    return y + 20;
  }

  double draw_table(double y) {
    if (costliest_.empty()) return y;
    constexpr double row = 26, lane_x = 700, time_x = 890, bar_x = 910;
    drawing_.text(margin, y, "What cost most", {.face = Face::bold, .size = 16}, 600);
    drawing_.text(margin + 170, y, "without what is nested in it, and without waiting", {.tone = "muted"},
                  600);
    y += 16;
    const auto most = static_cast<double>(costliest_.front().own);
    for (std::size_t i = 0; i < costliest_.size(); i++) {
      const Cost& cost = costliest_[i];
      drawing_.open_group({{"rank", std::to_string(i + 1)}}, tooltip(cost));
      drawing_.text(margin + 20, y + 18, std::to_string(i + 1),
                    {.face = Face::bold, .tone = "accent-ink", .anchor = Anchor::end}, 30);
      drawing_.text(margin + 34, y + 18, cost.operation->words, {}, lane_x - margin - 34 - 16);
      drawing_.text(lane_x, y + 18, cost.lane->name, {.tone = "muted"}, 90);
      drawing_.text(time_x, y + 18, time_words(cost.own), {.anchor = Anchor::end}, 100);
      const double width = (plot_right - bar_x) * static_cast<double>(cost.own) / most;
      drawing_.box({bar_x, y + 9, std::max(width, 1.0), 10}, "accent", width > 6 ? 2 : 0);
      drawing_.close();
      y += row;
    }
    return y;
  }

  const Trace& trace_;
  Scale scale_;
  Costs costs_, costliest_;
  Drawing drawing_;
  std::vector<Area> grid_areas_;
  std::vector<Drawing::Place> grid_place_;
};

}  // namespace

std::string to_svg(const Trace& trace) { return Timeline(trace).draw(); }

}  // namespace tare::trace
