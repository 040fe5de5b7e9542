#include "explain/svg_parts.h"

#include <algorithm>
#include <bit>

#include "base/format.h"
#include "base/units.h"
#include "explain/capability_words.h"
#include "explain/print.h"
#include "explain/shown.h"

namespace tare::explain {
namespace {

using picture::Anchor;
using picture::Area;
using picture::Drawing;
using picture::Face;

constexpr std::size_t most_processes = 20;
constexpr double chip_height = 22, chip_size = 12, chip_gap = 6, card_height = 50, card_gap = 8;

/// How much of something is used; `part` of 1 where there is a limit.
struct Meter {
  std::string name, words;
  std::optional<double> part;
};

template <typename Number, typename Write>
Meter meter(std::string name, const std::optional<Number>& used, const std::optional<Number>& limit,
            Write write) {
  if (!used) return {.name = std::move(name), .words = "not counted", .part = {}};
  if (!limit) return {.name = std::move(name), .words = write(*used) + ", no limit", .part = {}};
  const double part = *limit == 0 ? 1.0 : static_cast<double>(*used) / static_cast<double>(*limit);
  return {.name = std::move(name),
          .words = format("{} of {}", write(*used), write(*limit)),
          .part = std::clamp(part, 0.0, 1.0)};
}

std::string time_words(const Limits& limits) {
  std::string words = "no limit";
  if (limits.cpu_quota && limits.cpu_period.value_or(0) != 0)
    words = format("{:.4g} of a CPU at most",
                   static_cast<double>(*limits.cpu_quota) / static_cast<double>(*limits.cpu_period));
  if (limits.cpu_nanoseconds)
    words = format("{:.3f} s used, ", static_cast<double>(*limits.cpu_nanoseconds) / 1e9) + words;
  return words;
}

std::string share_words(const Limits& limits) {
  std::string words;
  if (limits.cpu_shares) words = format("{} shares", *limits.cpu_shares);
  if (limits.cpu_weight) words = format("weight {}", *limits.cpu_weight);
  if (!limits.cpus.empty()) words += (words.empty() ? "CPUs " : ", CPUs ") + shown(limits.cpus);
  return words.empty() ? "as everybody" : words;
}

std::vector<Meter> meters(const Limits& limits) {
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  return {meter("Memory", limits.memory, limits.memory_limit, format_size),
          meter("Processes", limits.processes, limits.processes_limit, number),
          {"CPU time", time_words(limits), {}},
          {"Share of the CPUs", share_words(limits), {}}};
}

// Most often all hierarchies have the same path; another one is in the tooltip.
std::string control_group_words(const Limits& limits) {
  std::string words;
  for (const auto& one : limits.cgroups)
    words += format("{}{}: {}", words.empty() ? "" : "\n",
                    one.hierarchy.empty() ? "unified" : shown(one.hierarchy), shown(one.path));
  return words;
}

std::string control_group_path(const Limits& limits) {
  std::size_t most = 0;
  std::string path;
  for (const auto& one : limits.cgroups) {
    const auto same =
        static_cast<std::size_t>(std::ranges::count(limits.cgroups, one.path, &CgroupPath::path));
    if (same > most) {
      most = same;
      path = one.path;
    }
  }
  return shown(path);
}

std::string user_words(const Process& process) {
  std::string words = shown(process.user_name);
  if (process.inner_user == process.user) return words;
  return words +
         (process.inner_user ? format(", who is {} inside", *process.inner_user) : ", who is nobody inside");
}

void draw_process(Drawing& drawing, const Container& container, const Process& process, const Area& area) {
  constexpr double pill = 26;
  const std::string inner = std::to_string(process.inner_pid);
  const double number_width = std::max(2 * pill - 8, picture::text_width(inner, Face::bold, 13) + 18);
  drawing.open_box(
      area, "card", 8, {{"pid", std::to_string(process.pid)}, {"inner-pid", inner}},
      format("process {} inside, {} on the host\n{}", inner, process.pid, shown(process.command)));
  const bool is_first = process.pid == container.pid;
  drawing.open_box({area.x + 10, area.y + 12, number_width, pill}, is_first ? "accent" : "soft", pill / 2);
  drawing.text(area.x + 10 + number_width / 2, area.y + 30, inner,
               {.face = Face::bold, .tone = is_first ? "on-accent" : "ink", .anchor = Anchor::middle},
               number_width - 8);
  drawing.close();
  const double x = area.x + 20 + number_width, room = area.x + area.width - 10 - x;
  drawing.text(x, area.y + 21, shown(process.command), {.face = Face::code, .size = 13}, room);
  drawing.text(x, area.y + 39, format("{} on the host, user {}", process.pid, user_words(process)),
               {.size = 12, .tone = "muted"}, room);
  drawing.close();
}

std::string seccomp_words(const Seccomp& seccomp) {
  if (seccomp.mode == 0) return "every one";
  if (seccomp.mode == 1) return "read, write and exit only";
  if (seccomp.calls_allowed) return format("{} of the default policy", *seccomp.calls_allowed);
  return "what its filter lets through";
}

}  // namespace

double draw_chips(Drawing& drawing, const std::vector<Chip>& chips, const Area& area, double indent) {
  double x = area.x + indent, y = area.y;
  for (const auto& chip : chips) {
    const double natural = picture::text_width(chip.words, Face::code, chip_size) + 16;
    const double width = std::min(natural, area.width);
    if (x + width > area.x + area.width && x > area.x) {
      x = area.x;
      y += chip_height + chip_gap;
    }
    const Area box{x, y, width, chip_height};
    if (chip.inode.empty())
      drawing.open_box(box, "plate", 5, {{chip.name, chip.value}}, chip.tooltip);
    else
      drawing.open_box(box, "plate", 5, {{chip.name, chip.value}, {"inode", chip.inode}}, chip.tooltip);
    drawing.text(x + 8, y + 15.5, chip.words,
                 {.face = Face::code, .size = chip_size, .cut = picture::Cut::middle}, width - 14);
    drawing.close();
    x += width + chip_gap;
  }
  return y + chip_height;
}

double draw_control_group(Drawing& drawing, const Limits& limits, const Area& area) {
  constexpr double height = 88, padding = 14, gap = 20;
  drawing.open_box({area.x, area.y, area.width, height}, "plate", 10, {}, control_group_words(limits));
  const double used = drawing.text(area.x + padding, area.y + 23, "Control group",
                                   {.face = Face::bold, .size = 14}, area.width / 3);
  const double words = drawing.text(area.x + padding + used + 10, area.y + 23, "what the container may use",
                                    {.tone = "muted"}, area.width / 3);
  drawing.text(
      area.x + area.width - padding, area.y + 23, control_group_path(limits),
      {.face = Face::code, .size = 12, .tone = "muted", .anchor = Anchor::end, .cut = picture::Cut::middle},
      area.width - 2 * padding - used - words - 40);
  const auto all = meters(limits);
  const auto count = static_cast<double>(all.size());
  const double width = (area.width - 2 * padding - gap * (count - 1)) / count;
  double x = area.x + padding;
  for (const auto& one : all) {
    drawing.text(x, area.y + 48, one.name, {.size = 12, .tone = "muted"}, width);
    drawing.text(x, area.y + 65, one.words, {}, width);
    if (one.part) {
      drawing.box({x, area.y + 73, width, 5}, "track", 2.5);
      if (*one.part > 0) drawing.box({x, area.y + 73, std::max(5.0, width * *one.part), 5}, "accent", 2.5);
    }
    x += width + gap;
  }
  drawing.close();
  return area.y + height;
}

double draw_processes(Drawing& drawing, const Container& container, double x, double y, double width) {
  std::size_t drawn = 0;
  for (const auto& process : container.processes) {
    if (drawn == most_processes) break;
    draw_process(drawing, container, process, {x, y, width, card_height});
    y += card_height + card_gap;
    drawn++;
  }
  const std::size_t more = container.processes.size() - drawn;
  if (more == 0) return y - card_gap;
  drawing.open_group({{"more-processes", std::to_string(more)}});
  drawing.text(x, y + 14, format("and {} more: tare top shows them", more), {.tone = "muted"}, width);
  drawing.close();
  return y + 20;
}

double draw_rights(Drawing& drawing, const Container& container, double x, double y, double width) {
  const Rights& rights = container.rights;
  std::string capabilities;
  for (int i = 0; i <= rights.last_capability && i < 64; i++)
    if (rights.capabilities.effective >> i & 1)
      capabilities +=
          format("{}{}: {}", capabilities.empty() ? "" : "\n", capability_name(i), capability_words(i));
  struct Row {
    std::string name, words, tooltip;
  };
  std::string refused;
  for (const auto& family : rights.seccomp.blocked)
    refused += format("{}{}", refused.empty() ? "refused: " : ", ", family);
  std::vector<Row> rows = {
      {"capabilities",
       format("{} of {}", std::popcount(rights.capabilities.effective), rights.last_capability + 1),
       capabilities},
      {"system calls", seccomp_words(rights.seccomp), refused},
      {"set-user-id", rights.no_new_privileges ? "programs give no rights" : "programs work", ""}};
  if (!rights.label.empty()) rows.push_back({"label", shown(rights.label), ""});
  drawing.text(x, y + 14, "What they may do", {.face = Face::bold, .size = 14}, width);
  y += 24;
  for (const auto& row : rows) {
    drawing.open_group({}, row.tooltip);
    drawing.text(x, y + 14, row.name, {.tone = "muted"}, 110);
    drawing.text(x + 116, y + 14, row.words, {}, width - 116);
    drawing.close();
    y += 20;
  }
  return y;
}

}  // namespace tare::explain
