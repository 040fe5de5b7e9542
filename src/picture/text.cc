#include "picture/text.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/text.h"

namespace tare::picture {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd", ellipsis = "\xe2\x80\xa6";

// Advance widths of U+0020 … U+007E in hundredths of an em, of DejaVu Sans: of the fonts that systems have
// for their own texts it is the widest.
constexpr std::uint8_t ascii_widths[] = {
    32,  41, 46, 84, 64, 96, 78, 28, 40, 40, 50, 84, 32, 37, 32, 34,  // space … /
    64,  64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 54,  // 0 … ?
    100, 69, 69, 70, 78, 64, 58, 78, 76, 30, 30, 66, 56, 87, 75, 79,  // @ … O
    61,  79, 70, 64, 62, 74, 69, 99, 69, 62, 69, 40, 34, 40, 84, 50,  // P … _
    50,  62, 64, 55, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98, 64, 62,  // ` … o
    64,  64, 42, 53, 40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84};     // p … ~

// Of what is in no table only the script is looked at; a script that many fonts lack comes from some other
// font.
struct Script {
  char32_t last;
  double width;
};
constexpr Script scripts[] = {{0xa0, 0.32},   {0xb6, 1.0},   {0xb7, 0.4},    {0x24f, 1.1},   {0x5ff, 1.2},
                              {0x10ff, 1.4},  {0x2012, 1.4}, {0x2013, 0.6},  {0x2015, 1.0},  {0x201f, 0.6},
                              {0x2025, 1.0},  {0x2026, 1.0}, {0x2e7f, 1.7},  {0xa4cf, 1.05}, {0xabff, 1.4},
                              {0xd7af, 1.05}, {0xf8ff, 1.3}, {0xfaff, 1.05}, {0xfeff, 1.6},  {0xffef, 1.05},
                              {0x10ffff, 1.7}};
constexpr double code_width = 0.62;

double plain_width(char32_t code) {
  if (code >= 0x20 && code < 0x7f) return ascii_widths[code - 0x20] / 100.0;
  return std::ranges::find_if(scripts, [&](const Script& script) { return code <= script.last; })->width;
}

double character_width(char32_t code, Face face) {
  const double plain = plain_width(code);
  if (face == Face::bold) return plain * 1.12 + 0.06;
  if (face == Face::plain) return plain;
  return code < 0x7f || code == 0x2026 || code == 0xb7 ? code_width : std::max(code_width, plain);
}

// XML 1.0, section 2.2; and what a reader would not see.
bool is_drawable(char32_t code) {
  const bool is_control = code < 0x20 || (code >= 0x7f && code < 0xa0);
  const bool is_direction = code == 0x200e || code == 0x200f || code == 0x61c ||
                            (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return !is_control && !is_direction && (code & 0xfffe) != 0xfffe;
}

bool is_blank(char32_t code) {
  return code == '\t' || code == '\n' || code == '\r' || code == 0x2028 || code == 0x2029;
}

struct Part {
  std::string_view bytes;
  double width;
};

std::vector<Part> measure(std::string_view text, Face face, double size) {
  std::vector<Part> parts;
  while (!text.empty()) {
    const Character character = first_character(text);
    const std::size_t length = std::max<std::size_t>(character.size, 1);
    parts.push_back({text.substr(0, length), character_width(character.code, face) * size});
    text.remove_prefix(length);
  }
  return parts;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string all;
  while (!text.empty()) {
    const Character character = first_character(text);
    const std::size_t size = std::max<std::size_t>(character.size, 1);
    if (character.size != 0 && is_blank(character.code))
      all += ' ';
    else
      all += character.size != 0 && is_drawable(character.code) ? text.substr(0, size) : replacement;
    text.remove_prefix(size);
  }
  return all;
}

std::string escape(std::string_view text) {
  std::string all;
  for (const char byte : text) {
    switch (byte) {
      case '&': all += "&amp;"; break;
      case '<': all += "&lt;"; break;
      case '>': all += "&gt;"; break;
      case '"': all += "&quot;"; break;
      default: all += byte;
    }
  }
  return all;
}

double text_width(std::string_view text, Face face, double size) {
  double width = 0;
  for (const auto& part : measure(text, face, size)) width += part.width;
  return width;
}

std::string cut_end(std::string_view text, Face face, double size, double width) {
  if (text_width(text, face, size) <= width) return std::string(text);
  double rest = width - text_width(ellipsis, face, size);
  std::string kept;
  for (const auto& part : measure(text, face, size)) {
    rest -= part.width;
    if (rest < 0) break;
    kept += part.bytes;
  }
  while (kept.ends_with(' ')) kept.pop_back();
  return kept.empty() ? kept : kept.append(ellipsis);
}

// Two thirds of the room for the end.
std::string cut_middle(std::string_view text, Face face, double size, double width) {
  if (text_width(text, face, size) <= width) return std::string(text);
  const auto parts = measure(text, face, size);
  const double room = width - text_width(ellipsis, face, size);
  double used = 0;
  std::size_t begin = 0, end = parts.size();
  while (end > 0 && used + parts[end - 1].width <= room * 2 / 3) used += parts[--end].width;
  while (begin < end && used + parts[begin].width <= room) used += parts[begin++].width;
  if (begin == 0 || end == parts.size()) return cut_end(text, face, size, width);
  std::string kept;
  for (std::size_t i = 0; i < begin; i++) kept += parts[i].bytes;
  kept += ellipsis;
  for (std::size_t i = end; i < parts.size(); i++) kept += parts[i].bytes;
  return kept;
}

}  // namespace tare::picture
