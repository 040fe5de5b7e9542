#include "cli/text.h"

#include <algorithm>

#include "base/text.h"

namespace tare::cli {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Length of the character at the front, if it is one to be shown; else 0.
std::size_t showable_length(std::string_view text) {
  const Character character = first_character(text);
  const bool is_control = character.code < ' ' || (character.code >= 0x7f && character.code < 0xa0);
  return is_control ? 0 : character.size;
}

}  // namespace

std::string printable(std::string_view text) {
  if (std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; })) return std::string(text);
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = showable_length(text);
    if (length == 0)
      shown += '?';
    else
      shown.append(text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return shown;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (const char c : text)
    if (!is_continuation(c)) ++columns;
  return columns;
}

void append_wrapped(std::string& out, std::string_view text, std::size_t start, std::size_t indent,
                    std::size_t width) {
  std::size_t column = start;
  bool first_on_line = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    const std::size_t columns = columns_of(word);
    if (!first_on_line && column + 1 + columns > width) {
      out.append("\n").append(indent, ' ');
      column = indent;
      first_on_line = true;
    }
    if (!first_on_line) {
      out += ' ';
      ++column;
    }
    out.append(word);
    column += columns;
    first_on_line = false;
  }
}

std::string shortened(const std::string& text, std::size_t most) {
  std::size_t size = 0, letters = 0;
  const auto is_start = [](char c) { return (c & 0xc0) != 0x80; };
  for (std::size_t i = 0; i < text.size(); i++)
    if (is_start(text[i]) && ++letters == most) size = i;
  return letters > most ? text.substr(0, size) + "…" : text;
}

}  // namespace tare::cli
