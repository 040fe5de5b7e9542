#include "explain/shown.h"

#include <cstdint>

#include "base/format.h"
#include "base/text.h"

namespace tare::explain {
namespace {

bool is_harmful(char32_t code) {
  const bool is_control = code < 0x20 || (code >= 0x7f && code < 0xa0);
  const bool is_separator = code == 0x2028 || code == 0x2029;
  const bool is_direction = code == 0x200e || code == 0x200f || code == 0x61c ||
                            (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return is_control || is_separator || is_direction;
}

}  // namespace

std::string shown(std::string_view text) {
  std::string all;
  while (!text.empty()) {
    const Character character = first_character(text);
    const std::size_t size = character.size == 0 ? 1 : character.size;
    if (character.size == 0 || is_harmful(character.code))
      for (const char byte : text.substr(0, size))
        all += format("\\x{:02x}", static_cast<unsigned char>(byte));
    else if (character.code == '\\')
      all += "\\\\";
    else
      all += text.substr(0, size);
    text.remove_prefix(size);
  }
  return all;
}

// Outside of its strings JSON has line feeds, and inside them no control characters below DEL.
std::string shown_json(std::string_view json) {
  std::string all;
  while (!json.empty()) {
    const Character character = first_character(json);
    if (character.size != 0 && character.code >= 0x7f && is_harmful(character.code))
      all += format("\\u{:04x}", static_cast<std::uint32_t>(character.code));
    else
      all += json.substr(0, character.size == 0 ? 1 : character.size);
    json.remove_prefix(character.size == 0 ? 1 : character.size);
  }
  return all;
}

}  // namespace tare::explain
