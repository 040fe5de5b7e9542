#include "commands/transfer_lines.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

#include "base/format.h"
#include "base/units.h"
#include "sys/terminal.h"

namespace tare::commands {
namespace {

constexpr auto redraw_every = std::chrono::milliseconds(100);

}  // namespace

TransferLines::TransferLines() : on_terminal_(sys::is_terminal(sys::Fd(STDERR_FILENO))) {}

TransferLines::Line& TransferLines::line_of(const std::string& blob) {
  const auto found = std::ranges::find(lines_, blob, &Line::blob);
  if (found != lines_.end()) return *found;
  if (on_terminal_) std::fputc('\n', stderr);
  return lines_.emplace_back(Line{.blob = blob, .words = {}});
}

// The cursor is at the beginning of the line below the last one.
void TransferLines::put(Line& line, std::string words) {
  line.words = std::move(words);
  if (!on_terminal_) return;
  const auto up = lines_.size() - static_cast<std::size_t>(&line - lines_.data());
  std::fprintf(stderr, "\033[%zuA\r\033[2K%s: %s\033[%zuB\r", up, line.blob.c_str(), line.words.c_str(), up);
  std::fflush(stderr);
}

void TransferLines::show(const std::string& blob, std::string_view state, bool is_done) {
  Line& line = line_of(blob);
  if (line.words == state) return;
  put(line, std::string(state));
  if (is_done && !on_terminal_) std::fprintf(stderr, "%s: %s\n", blob.c_str(), line.words.c_str());
}

void TransferLines::show(const std::string& blob, std::string_view state, Bytes done, Bytes total) {
  if (!on_terminal_) return;
  Line& line = line_of(blob);
  const auto now = Clock::now();
  if (line.began == Clock::time_point()) {
    line.began = now;
    line.began_at = done;
  }
  if (now - line.shown < redraw_every && done < total) return;
  line.shown = now;
  std::string words = format("{} {}/{}", state, format_size_decimal(done), format_size_decimal(total));
  const double seconds = std::chrono::duration<double>(now - line.began).count();
  const double speed = seconds > 0 ? static_cast<double>(done - line.began_at) / seconds : 0;
  if (speed > 0)
    words += format(" {}/s, {} s left", format_size_decimal(static_cast<Bytes>(speed)),
                    static_cast<std::int64_t>(static_cast<double>(total - done) / speed + 0.5));
  put(line, std::move(words));
}

}  // namespace tare::commands
