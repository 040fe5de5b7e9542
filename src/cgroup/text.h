// The kernel's small text formats: words between separators.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tare::cgroup {

/// Takes the text up to the separator off `rest`, and the separator with it.
inline std::string_view next_word(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto word = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return word;
}

inline bool has_word(std::string_view list, std::string_view word, char separator) {
  while (!list.empty())
    if (next_word(list, separator) == word) return true;
  return false;
}

/// Without the line feed that kernel files end with.
inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

inline std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// The number after `key` in a file of "key number" lines.
inline std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = next_word(text, '\n');
    if (next_word(line, ' ') == key) return to_number(trimmed(line));
  }
  return std::nullopt;
}

}  // namespace tare::cgroup
