// What a pull shows: on a terminal a line for each layer, which changes; else a line when something has
// happened.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "image/pull.h"

namespace tare::commands {

class PullLines {
 public:
  explicit PullLines(bool on_terminal) : on_terminal_(on_terminal) {}

  void show(const std::string& layer, image::PullEvents::What what, Bytes done, Bytes total);
  /// The lines stay as they are.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  struct Line {
    std::string layer, words;
    Clock::time_point began = {}, shown = {};
    Bytes began_at = 0;
  };
  Line& line_of(const std::string& layer);
  void draw(std::size_t index);

  bool on_terminal_;
  std::vector<Line> lines_;
};

}  // namespace tare::commands
