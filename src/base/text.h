// Plain text, taken apart.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tare {

/// The parts between separators; one more than there are separators.
std::vector<std::string> split(std::string_view text, char separator);

/// What the kernel's lists (/proc/PID/mountinfo and the like) mean: they write blank, tab, line feed and
/// backslash as a backslash with three octal digits.
std::string unescape_octal(std::string_view text);

/// A character of UTF-8 (RFC 3629: in its shortest form, no surrogates).
struct Character {
  std::size_t size = 0;  ///< in bytes; 0: the first byte belongs to no character
  char32_t code = 0;
};
/// `text` is not empty.
Character first_character(std::string_view text);

}  // namespace tare
