// What lies in the boxes of a container's picture. Each function draws below a point and returns where it
// ended.
#pragma once

#include <string>
#include <vector>

#include "explain/container.h"
#include "picture/drawing.h"

namespace tare::explain {

/// A word in a small box; data-NAME="VALUE" and, where there is one, data-inode.
struct Chip {
  std::string words, tooltip;
  std::string_view name;
  std::string value, inode;
};

/// In rows as wide as the area; the first one leaves `indent` free.
double draw_chips(picture::Drawing& drawing, const std::vector<Chip>& chips, const picture::Area& area,
                  double indent);
double draw_control_group(picture::Drawing& drawing, const Limits& limits, const picture::Area& area);
double draw_processes(picture::Drawing& drawing, const Container& container, double x, double y,
                      double width);
double draw_rights(picture::Drawing& drawing, const Container& container, double x, double y, double width);
double draw_files(picture::Drawing& drawing, const std::vector<Mount>& mounts, double x, double y,
                  double width);

}  // namespace tare::explain
