// The files of a container's picture: the layers of its root, and what is mounted over it.
#include <algorithm>

#include "base/format.h"
#include "base/units.h"
#include "explain/shown.h"
#include "explain/svg_parts.h"

namespace tare::explain {
namespace {

using picture::Anchor;
using picture::Area;
using picture::Cut;
using picture::Drawing;
using picture::Face;

constexpr std::size_t most_layers = 12, most_rows = 16, most_chips = 40;
constexpr double slab_height = 30, slab_gap = 3, row_height = 21;

/// A sheet of the root file system; the topmost is the first.
struct Slab {
  std::string name, path;
  bool is_written = false;
};

std::vector<Slab> slabs_of(const Mount& root) {
  std::vector<Slab> slabs;
  if (root.from.empty())
    slabs.push_back({shown(root.type), "", !root.is_read_only});
  else if (root.layers.empty())
    slabs.push_back({root.is_read_only ? "read-only" : "directory", shown(root.from), !root.is_read_only});
  else
    slabs.push_back({root.is_read_only ? "read-only" : "changes", shown(root.from), !root.is_read_only});
  for (const auto& layer : root.layers) slabs.push_back({"layer", shown(layer), false});
  return slabs;
}

double draw_root(Drawing& drawing, const Mount& root, double x, double y, double width) {
  constexpr double indent = 34;
  const auto slabs = slabs_of(root);
  const double top = y;
  drawing.open_group({{"mount", root.where}, {"layers", std::to_string(root.layers.size())}});
  for (std::size_t i = 0; i < slabs.size() && i < most_layers; i++) {
    const Area area{x + indent, y, width - indent, slab_height};
    drawing.open_box(area, slabs[i].is_written ? "soft" : "plate", 5,
                     {{i == 0 ? "changes" : "layer", slabs[i].path}}, slabs[i].path);
    const double used =
        drawing.text(area.x + 10, y + 19.5, slabs[i].name, {.face = Face::bold, .size = 12.5}, 90);
    drawing.text(area.x + std::max(used + 20, 86.0), y + 19.5, slabs[i].path,
                 {.face = Face::code, .size = 12, .cut = Cut::middle},
                 area.width - std::max(used + 20, 86.0) - 8);
    drawing.close();
    y += slab_height + slab_gap;
  }
  y -= slab_gap;
  // "/" is all of them, looked at from above.
  drawing.path(format("M{0} {1}H{2}V{3}H{0}", picture::number(x + indent - 6), picture::number(top + 1),
                      picture::number(x + indent - 12), picture::number(y - 1)),
               "spine");
  drawing.text(x + 4, (top + y) / 2 + 6, "/", {.face = Face::code, .size = 18, .tone = "accent-ink"}, 16);
  if (slabs.size() > most_layers) {
    drawing.text(x + indent, y + 18, format("and {} layers more", slabs.size() - most_layers),
                 {.tone = "muted"}, width - indent);
    y += 22;
  }
  drawing.close();
  return y;
}

std::string options_of(const Mount& mount) {
  std::string words = shown(mount.type);
  for (const auto& option : mount.options) words += " " + shown(option);
  return words;
}

std::string source_words(const Mount& mount) {
  if (mount.origin == origin::volume) return "the volume " + shown(mount.from);
  if (mount.origin == origin::own_file) return "made for this container";
  if (mount.from.empty()) return "a file system of type " + shown(mount.type);
  return shown(mount.from);
}

double draw_heading(Drawing& drawing, std::string_view name, std::string_view words, double x, double y,
                    double width) {
  const double used = drawing.text(x, y + 14, name, {.face = Face::bold, .size = 13}, width);
  drawing.text(x + used + 8, y + 14, words, {.size = 12.5, .tone = "muted"}, width - used - 8);
  return y + 24;
}

double draw_more(Drawing& drawing, std::size_t more, double x, double y, double width) {
  drawing.open_group({{"more-mounts", std::to_string(more)}});
  drawing.text(x, y + 15, format("and {} more", more), {.size = 12.5, .tone = "muted"}, width);
  drawing.close();
  return y + 22;
}

using Mounts = std::vector<const Mount*>;

// Where it is in the container, and behind the arrow what of the host's it is.
double draw_rows(Drawing& drawing, const Mounts& mounts, double x, double y, double width) {
  for (std::size_t i = 0; i < mounts.size() && i < most_rows; i++) {
    const Mount& mount = *mounts[i];
    drawing.open_group({{"mount", mount.where}},
                       format("{}\n{}\n{}", shown(mount.where), shown(mount.from), options_of(mount)));
    const double half = width * 0.42;
    drawing.text(x, y + 15, shown(mount.where), {.face = Face::code, .size = 12, .cut = Cut::middle},
                 half - 22);
    drawing.path(format("M{0} {1}h-12m4 -4l-4 4l4 4", picture::number(x + half - 2), picture::number(y + 11)),
                 "leader");
    double room = width - half - 8;
    if (mount.is_read_only)
      room -= 12 + drawing.text(x + width, y + 15, "read-only",
                                {.size = 12, .tone = "muted", .anchor = Anchor::end}, 80);
    const bool is_path = source_words(mount).starts_with('/');
    drawing.text(x + half + 8, y + 15, source_words(mount),
                 {.face = is_path ? Face::code : Face::plain,
                  .size = is_path ? 12 : 12.5,
                  .tone = "muted",
                  .cut = is_path ? Cut::middle : Cut::end},
                 room);
    drawing.close();
    y += row_height;
  }
  return mounts.size() > most_rows ? draw_more(drawing, mounts.size() - most_rows, x, y, width) : y;
}

double draw_places(Drawing& drawing, const Mounts& mounts, double x, double y, double width) {
  std::vector<Chip> chips;
  for (std::size_t i = 0; i < mounts.size() && i < most_chips; i++) {
    const Mount& mount = *mounts[i];
    std::string words = shown(mount.where);
    if (mount.origin == origin::memory && mount.size) words += " " + format_size(*mount.size);
    chips.push_back({.words = words,
                     .tooltip = format("{}\n{}", shown(mount.where), options_of(mount)),
                     .name = "mount",
                     .value = mount.where,
                     .inode = ""});
  }
  y = draw_chips(drawing, chips, {x, y, width, 0}, 0);
  return mounts.size() > most_chips ? draw_more(drawing, mounts.size() - most_chips, x, y + 2, width) : y;
}

struct Section {
  std::string_view title, words;
  std::vector<std::string_view> origins;
  double (*draw)(Drawing&, const Mounts&, double, double, double);
};

}  // namespace

double draw_files(Drawing& drawing, const std::vector<Mount>& mounts, double x, double y, double width) {
  const Section sections[] = {
      {"From the host",
       "shown inside",
       {origin::volume, origin::bind, origin::own_file, origin::other},
       draw_rows},
      {"In memory", "gone with the container", {origin::memory}, draw_places},
      {"Devices", "of the host", {origin::device}, draw_places},
      {"Of the kernel", "no files, but what it tells", {origin::kernel}, draw_places},
      {"Read-only", "against changes to the host", {origin::protection}, draw_places},
      {"Hidden", "what would tell of the host", {origin::masked}, draw_places},
  };
  const double used = drawing.text(x, y + 22, "Files", {.face = Face::bold, .size = 14}, width);
  drawing.text(x + used + 10, y + 22, "what is seen lies on top", {}, width - used - 10);
  y += 34;
  for (const auto& mount : mounts)
    if (mount.origin == origin::root) y = draw_root(drawing, mount, x, y, width);
  for (const auto& section : sections) {
    Mounts members;
    for (const auto& mount : mounts)
      if (std::ranges::find(section.origins, mount.origin) != section.origins.end())
        members.push_back(&mount);
    if (members.empty()) continue;
    y = draw_heading(drawing, section.title, section.words, x, y + 14, width);
    y = section.draw(drawing, members, x, y, width);
  }
  return y;
}

}  // namespace tare::explain
