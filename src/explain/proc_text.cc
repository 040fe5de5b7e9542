#include "explain/proc_text.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <unistd.h>

#include "cgroup/text.h"
#include "sys/file.h"

namespace tare::explain {

std::string read_some(sys::Fd directory, const std::string& path, std::size_t limit) {
  const sys::UniqueFd file = sys::try_open_at(directory, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  std::string text;
  char buffer[16384];
  while (file && text.size() < limit) {
    const ssize_t n = ::read(file.number(), buffer, std::min(sizeof buffer, limit - text.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

std::string_view next_field(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  const auto field = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(std::min(field.size() + 1, line.size()));
  return field;
}

std::string_view value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = cgroup::next_word(text, '\n');
    if (cgroup::next_word(line, ':') != key) continue;
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return line;
  }
  return {};
}

std::uint64_t number_from(std::string_view text, int base) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

}  // namespace tare::explain
