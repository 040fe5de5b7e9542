#include "explain/svg.h"

#include <algorithm>
#include <iterator>

#include "base/format.h"
#include "explain/namespaces.h"
#include "explain/print.h"
#include "explain/shown.h"
#include "explain/svg_parts.h"
#include "picture/palette.h"

namespace tare::explain {
namespace {

using picture::Anchor;
using picture::Area;
using picture::Drawing;
using picture::Face;

constexpr double page_width = 1200, page_margin = 32, padding = 14, header = 34, column_gap = 24;

/// Outermost first. A process is in all of them at once; the user namespace owns the others, and the last two
/// have something to draw in them.
struct Ring {
  std::string_view kind, words;
};
constexpr Ring rings[] = {
    {"user", "user and group ids of its own"},
    {"time", "clocks of its own"},
    {"ipc", "shared memory, semaphores and message queues of its own"},
    {"uts", "a host name of its own"},
    {"cgroup", "sees its own control group as the first of all"},
    {"net", "network interfaces, addresses and ports of its own"},
    {"mnt", "a tree of files of its own"},
    {"pid", "process numbers of its own"},
};

const Namespace* find_own(const Container& container, std::string_view kind) {
  for (const auto& one : container.namespaces)
    if (one.kind == kind && !one.is_hosts) return &one;
  return nullptr;
}

std::string listening_words(const std::vector<Port>& ports) {
  std::string words;
  for (const auto& port : ports) {
    if (port.protocol == "unix") continue;
    const bool is_v6 = port.address.find(':') != std::string::npos;
    words += format("{} {} {}{}{}:{}", words.empty() ? "; listens on" : ",", port.protocol, is_v6 ? "[" : "",
                    port.address, is_v6 ? "]" : "", port.port);
  }
  return words;
}

std::string ring_words(const Container& container, const Namespace& one, std::string_view words) {
  std::string all(words);
  if (one.kind == "user") all += ": " + id_map_words(container.uid_mappings);
  if (one.kind == "net") all += listening_words(container.ports);
  if (one.containers.empty()) return all;
  // Then it is not "its own".
  const std::size_t end = all.find(" of its own");
  if (end != std::string::npos) all.erase(end, std::string_view(" of its own").size());
  return all + " " + sharing_words(one);
}

/// Draws boxes from the outermost to the innermost, by calling itself between a box's begin and its end.
class ContainerDrawing {
 public:
  explicit ContainerDrawing(const Container& container) : container_(container) {}

  std::string draw() {
    const std::string name = shown(container_.name);
    drawing_.text(page_margin, 54, name, {.face = Face::bold, .size = 26}, page_width - 2 * page_margin);
    drawing_.text(page_margin, 78,
                  format("container {}, whose first process is number {} on the host",
                         container_.id.substr(0, 12), container_.pid),
                  {.size = 14, .tone = "muted"}, page_width - 2 * page_margin);
    const double bottom = draw_host(page_margin, 100, page_width - 2 * page_margin);
    drawing_.text(
        page_margin, bottom + 28,
        "A blue box is a namespace: what is inside of it has that one thing for itself. The number at "
        "its right end is the kernel's for it.",
        {.size = 12.5, .tone = "muted"}, page_width - 2 * page_margin);
    if (is_any_shared_)
      drawing_.text(page_margin, bottom + 46, "A dashed box is shared with other containers.",
                    {.size = 12.5, .tone = "muted"}, page_width - 2 * page_margin);
    return drawing_.finish(page_width, bottom + (is_any_shared_ ? 68 : 50), "The container " + name,
                           "The namespaces of a container as boxes in each other, on the host, with its "
                           "processes and its files.");
  }

 private:
  double draw_host(double x, double y, double width) {
    const auto place = drawing_.place();
    const double inner = x + padding + 4, inner_width = width - 2 * (padding + 4);
    const double used =
        drawing_.text(inner, y + 30, "The host", {.face = Face::bold, .size = 16}, inner_width);
    drawing_.text(inner + used + 12, y + 30, "runs all of these processes on its one kernel",
                  {.tone = "muted"}, inner_width - used - 12);
    double below = draw_common(inner, y + 46, inner_width);
    below = draw_control_group(drawing_, container_.limits, {inner, below, inner_width, 0}) + 14;
    below = draw_ring(0, 0, inner, below, inner_width);
    drawing_.box_beneath(place, {x, y, width, below + padding + 4 - y}, "ground", 12);
    return below + padding + 4;
  }

  // What namespaces the host and the container have in common, as chips.
  double draw_common(double x, double y, double width) {
    std::vector<Chip> chips;
    for (const auto& one : container_.namespaces)
      if (one.is_hosts)
        chips.push_back({.words = format("{} {}", one.kind, one.inode),
                         .tooltip = format("{}: {}", one.kind, sharing_words(one)),
                         .name = "namespace",
                         .value = one.kind,
                         .inode = std::to_string(one.inode)});
    const std::string words = chips.empty() ? "The container has no namespace in common with it."
                                            : "The container has in common with it:";
    const double used = drawing_.text(x, y + 15, words, {.tone = "muted"}, width);
    return draw_chips(drawing_, chips, {x, y, width, 0}, used + 12) + 12;
  }

  double draw_ring(std::size_t index, int depth, double x, double y, double width) {
    if (index + 1 == std::size(rings)) return draw_contents(depth, x, y, width);
    const Namespace* one = find_own(container_, rings[index].kind);
    if (!one) return draw_ring(index + 1, depth, x, y, width);
    const auto place = begin_ring(*one, rings[index].words, x, y, width);
    const double below = draw_ring(index + 1, depth + 1, x + padding, y + header, width - 2 * padding);
    end_ring(place, *one, depth, {x, y, width, below + padding - y});
    return below + padding;
  }

  Drawing::Place begin_ring(const Namespace& one, std::string_view words, double x, double y, double width) {
    drawing_.open_group({{"namespace", one.kind}, {"inode", std::to_string(one.inode)}});
    const auto place = drawing_.place();
    const std::string inode = std::to_string(one.inode);
    const double number =
        drawing_.text(x + width - padding, y + 22, inode,
                      {.face = Face::code, .size = 12, .tone = "muted", .anchor = Anchor::end}, width / 3);
    const double used = drawing_.text(x + padding, y + 22, one.kind,
                                      {.face = Face::bold, .size = 14, .tone = "accent-ink"}, width / 3);
    drawing_.text(x + padding + used + 10, y + 22, ring_words(container_, one, words), {},
                  width - 2 * padding - used - number - 26);
    return place;
  }

  void end_ring(Drawing::Place place, const Namespace& one, int depth, const Area& area) {
    const bool is_shared = !one.containers.empty();
    // The dashes go over the box, so they are put first.
    if (is_shared) drawing_.box_beneath(place, area, "shared", 10);
    drawing_.box_beneath(place, area, format("ring{}", depth % picture::ring_depths), 10);
    is_any_shared_ = is_any_shared_ || is_shared;
    drawing_.close();
  }

  // Side by side: the processes, in the last of the boxes, and the files.
  double draw_contents(int depth, double x, double y, double width) {
    const double left = (width - column_gap) * 0.44, right = width - column_gap - left;
    const Ring& last = std::end(rings)[-1];
    double below = 0;
    if (const Namespace* one = find_own(container_, last.kind)) {
      const auto place = begin_ring(*one, last.words, x, y, left);
      below = draw_processes(drawing_, container_, x + padding, y + header, left - 2 * padding) + padding;
      end_ring(place, *one, depth, {x, y, left, below - y});
    } else {
      const double used = drawing_.text(x, y + 22, "Processes", {.face = Face::bold, .size = 14}, left);
      drawing_.text(x + used + 10, y + 22, "with the host's numbers", {}, left - used - 10);
      below = draw_processes(drawing_, container_, x, y + header, left);
    }
    below = draw_rights(drawing_, container_, x, below + 18, left);
    return std::max(below, draw_files(drawing_, container_.mounts, x + left + column_gap, y, right));
  }

  const Container& container_;
  Drawing drawing_;
  bool is_any_shared_ = false;
};

}  // namespace

std::string to_svg(const Container& container) { return ContainerDrawing(container).draw(); }

}  // namespace tare::explain
