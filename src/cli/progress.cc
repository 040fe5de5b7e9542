#include "cli/progress.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <unistd.h>

#include "base/format.h"
#include "base/units.h"
#include "cli/help.h"
#include "cli/text.h"

namespace tare::cli {
namespace {

constexpr std::chrono::milliseconds pause{100};
constexpr std::string_view erase = "\r\x1b[K";

/// Progress is a courtesy: a terminal that went away is no reason to fail.
void show(sys::Fd terminal, std::string_view text) {
  [[maybe_unused]] const auto written = ::write(terminal.number(), text.data(), text.size());
}

std::string size_words(std::uint64_t size) {
  constexpr std::uint64_t largest = std::numeric_limits<Bytes>::max();
  return format_size(static_cast<Bytes>(std::min(size, largest)));
}

std::string progress_words(std::string_view what, std::uint64_t done, std::optional<std::uint64_t> total) {
  if (!total || *total == 0) return format("{}: {}", what, size_words(done));
  const double part = static_cast<double>(done) / static_cast<double>(*total);
  const int percent = static_cast<int>(std::min(part, 1.0) * 100);
  return format("{}: {} / {} ({}%)", what, size_words(done), size_words(*total), percent);
}

/// A line that wraps cannot be erased by a carriage return.
std::string_view cut(std::string_view line, std::size_t columns) {
  while (columns_of(line) > columns) line.remove_suffix(1);
  return line;
}

}  // namespace

Progress::Progress(const std::string& what, sys::Fd terminal)
    : what_(printable(what)),
      terminal_(terminal),
      is_terminal_(::isatty(terminal.number()) == 1),
      due_(std::chrono::steady_clock::now() + pause) {}

Progress::~Progress() {
  if (shown_) show(terminal_, erase);
}

void Progress::update(std::uint64_t done, std::optional<std::uint64_t> total) {
  if (!is_terminal_) return;
  const auto time = std::chrono::steady_clock::now();
  if (time < due_) return;
  due_ = time + pause;
  shown_ = true;
  const std::string words = progress_words(what_, done, total);
  const int width = terminal_width(terminal_);
  std::string line(erase);
  line.append(cut(words, static_cast<std::size_t>(width - 1)));
  show(terminal_, line);
}

}  // namespace tare::cli
