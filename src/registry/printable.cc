#include "registry/printable.h"

#include <algorithm>

#include "base/text.h"

namespace tare::registry {
namespace {

// Also what turns the direction of writing (U+202A … U+202E, U+2066 … U+2069): a line reads as it is.
bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0x2028 || code == 0x2029;
}

}  // namespace

std::string printable(std::string_view text, std::size_t most) {
  std::string line;
  while (!text.empty()) {
    const Character character = first_character(text);
    const std::size_t size = std::max<std::size_t>(character.size, 1);
    const bool is_blank = character.size == 1 && (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r'));
    if (is_blank) {
      if (!line.empty() && !line.ends_with(' ')) line += ' ';
    } else if (line.size() + size > most) {
      while (line.ends_with(' ')) line.pop_back();
      return line + "…";
    } else if (character.size == 0 || is_control(character.code)) {
      line += '?';
    } else {
      line += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace tare::registry
