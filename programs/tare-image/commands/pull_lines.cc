#include "commands/pull_lines.h"

#include <algorithm>
#include <cstdio>

#include "base/format.h"
#include "base/units.h"

namespace tare::commands {
namespace {

using What = image::PullEvents::What;

constexpr auto redraw_every = std::chrono::milliseconds(100);

std::string_view words_of(What what) {
  switch (what) {
    case What::exists: return "Already exists";
    case What::waits: return "Waiting";
    case What::downloading: return "Downloading";
    case What::downloaded: return "Download complete";
    case What::unpacking: return "Extracting";
    case What::complete: return "Pull complete";
  }
  return {};
}

}  // namespace

PullLines::Line& PullLines::line_of(const std::string& layer) {
  const auto found = std::ranges::find(lines_, layer, &Line::layer);
  if (found != lines_.end()) return *found;
  if (on_terminal_) std::fputc('\n', stderr);
  return lines_.emplace_back(Line{.layer = layer, .words = {}});
}

// The cursor is below the last line.
void PullLines::draw(std::size_t index) {
  const std::size_t up = lines_.size() - index;
  std::fprintf(stderr, "\033[%zuA\r\033[2K%s: %s\033[%zuB\r", up, lines_[index].layer.c_str(),
               lines_[index].words.c_str(), up);
  std::fflush(stderr);
}

void PullLines::show(const std::string& layer, What what, Bytes done, Bytes total) {
  Line& line = line_of(layer);
  const auto now = Clock::now();
  std::string words(words_of(what));
  if (what == What::downloading) {
    if (line.began == Clock::time_point()) {
      line.began = now;
      line.began_at = done;
    }
    if (now - line.shown < redraw_every && done < total) return;
    if (!on_terminal_) return;
    const double seconds = std::chrono::duration<double>(now - line.began).count();
    const double speed = seconds > 0 ? static_cast<double>(done - line.began_at) / seconds : 0;
    words += format(" {}/{}", format_size_decimal(done), format_size_decimal(total));
    if (speed > 0)
      words += format(" {}/s, {} s left", format_size_decimal(static_cast<Bytes>(speed)),
                      static_cast<std::int64_t>(static_cast<double>(total - done) / speed + 0.5));
  }
  line.shown = now;
  if (words == line.words) return;
  line.words = std::move(words);
  if (on_terminal_)
    draw(static_cast<std::size_t>(&line - lines_.data()));
  else if (what == What::exists || what == What::downloaded || what == What::complete)
    std::fprintf(stderr, "%s: %s\n", layer.c_str(), line.words.c_str());
}

void PullLines::finish() { std::fflush(stderr); }

}  // namespace tare::commands
