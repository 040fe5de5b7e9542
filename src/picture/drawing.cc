#include "picture/drawing.h"

#include <algorithm>

#include "base/format.h"
#include "picture/palette.h"

namespace tare::picture {
namespace {

constexpr const char* anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
constexpr const char* faces[] = {"", " bold", " code"};

std::string tooltip_element(std::string_view words) {
  return words.empty() ? std::string() : format("<title>{}</title>", escape(printable(words)));
}

// Of a tooltip the lines are kept.
std::string lines_element(std::string_view words) {
  std::string all;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find('\n'), words.size());
    all += (all.empty() ? "" : "\n") + escape(printable(words.substr(0, end)));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return all.empty() ? all : format("<title>{}</title>", all);
}

std::string attribute_text(Drawing::Attributes attributes) {
  std::string text;
  for (const auto& [name, value] : attributes)
    text += format(" data-{}=\"{}\"", name, escape(printable(value)));
  return text;
}

}  // namespace

std::string number(double value) {
  std::string text = format("{:.2f}", value);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string_view Drawing::use(std::string_view tone) {
  tones_.emplace(tone);
  return tone;
}

std::string Drawing::box_element(const Area& area, std::string_view tone, double radius) {
  return format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}/>\n", use(tone),
                number(area.x), number(area.y), number(area.width), number(area.height),
                radius > 0 ? format(" rx=\"{}\"", number(radius)) : "");
}

void Drawing::open_group(Attributes attributes, std::string_view tooltip) {
  body_ += format("<g{}>{}\n", attribute_text(attributes), lines_element(tooltip));
}

void Drawing::open_box(const Area& area, std::string_view tone, double radius, Attributes attributes,
                       std::string_view tooltip) {
  body_ += format("<g data-box=\"\"{}>{}\n", attribute_text(attributes), lines_element(tooltip));
  box(area, tone, radius);
}

void Drawing::close() { body_ += "</g>\n"; }

void Drawing::box(const Area& area, std::string_view tone, double radius) {
  body_ += box_element(area, tone, radius);
}

void Drawing::box_beneath(Place place, const Area& area, std::string_view tone, double radius) {
  body_.insert(place, box_element(area, tone, radius));
}

void Drawing::line(double x1, double y1, double x2, double y2, std::string_view tone) {
  body_ += format("<line class=\"{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>\n", use(tone), number(x1),
                  number(y1), number(x2), number(y2));
}

void Drawing::path(const std::string& data, std::string_view tone) {
  body_ += format("<path class=\"{}\" d=\"{}\"/>\n", use(tone), data);
}

void Drawing::circle(double x, double y, double radius, std::string_view tone) {
  body_ += format("<circle class=\"{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>\n", use(tone), number(x), number(y),
                  number(radius));
}

double Drawing::text(double x, double y, std::string_view words, const TextStyle& style, double room) {
  const std::string whole = printable(words);
  const auto cut = style.cut == Cut::end ? cut_end : cut_middle;
  const std::string shown = cut(whole, style.face, style.size, room);
  if (shown.empty()) return 0;
  body_ += format("<text class=\"{}{}\" x=\"{}\" y=\"{}\" font-size=\"{}\"{}>{}{}</text>\n", use(style.tone),
                  faces[static_cast<int>(style.face)], number(x), number(y), number(style.size),
                  anchors[static_cast<int>(style.anchor)], shown == whole ? "" : tooltip_element(whole),
                  escape(shown));
  return text_width(shown, style.face, style.size);
}

std::string Drawing::finish(double width, double height, std::string_view title,
                            std::string_view description) const {
  const std::string w = number(width), h = number(height);
  return format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
             "role=\"img\" aria-labelledby=\"title description\">\n"
             "<title id=\"title\">{2}</title>\n<desc id=\"description\">{3}</desc>\n<style>\n{4}</style>\n",
             w, h, escape(printable(title)), escape(printable(description)), style_sheet(tones_)) +
         format("<rect class=\"paper\" width=\"{}\" height=\"{}\"/>\n", w, h) + body_ + "</svg>\n";
}

}  // namespace tare::picture
