// A picture as SVG: boxes, lines and texts, written in the order in which they lie over each other. It refers
// to nothing outside of itself and has no script.
#pragma once

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "picture/text.h"

namespace tare::picture {

struct Area {
  double x = 0, y = 0, width = 0, height = 0;
};

enum class Anchor { start, middle, end };
enum class Cut { end, middle };

struct TextStyle {
  Face face = Face::plain;
  double size = 13;
  std::string_view tone = "ink";
  Anchor anchor = Anchor::start;
  Cut cut = Cut::end;
};

/// Tones are those of palette.cc; all texts may be hostile.
class Drawing {
 public:
  using Attributes = std::initializer_list<std::pair<std::string_view, std::string>>;
  using Place = std::size_t;

  /// A group with data-… attributes, and a tooltip where `tooltip` is not empty.
  void open_group(Attributes attributes = {}, std::string_view tooltip = {});
  /// The group of a box and the texts that belong inside of it, as the tests of pictures ask.
  void open_box(const Area& area, std::string_view tone, double radius, Attributes attributes = {},
                std::string_view tooltip = {});
  void close();

  void box(const Area& area, std::string_view tone, double radius = 0);
  void line(double x1, double y1, double x2, double y2, std::string_view tone);
  /// `data` as in the attribute d: numbers and letters.
  void path(const std::string& data, std::string_view tone);
  void circle(double x, double y, double radius, std::string_view tone);
  /// `y` is the base line. What does not fit into `room` is cut; then the tooltip has all of it. Returns the
  /// width that was used.
  double text(double x, double y, std::string_view words, const TextStyle& style, double room);

  /// What is drawn now lies over everything that is put here later.
  Place place() const { return body_.size(); }
  /// A box at a place: beneath all that was drawn since.
  void box_beneath(Place place, const Area& area, std::string_view tone, double radius);

  /// The whole document.
  std::string finish(double width, double height, std::string_view title, std::string_view description) const;

 private:
  std::string box_element(const Area& area, std::string_view tone, double radius);
  std::string_view use(std::string_view tone);

  std::string body_;
  std::set<std::string, std::less<>> tones_{"paper"};
};

/// A coordinate: two decimals at most.
std::string number(double value);

}  // namespace tare::picture
