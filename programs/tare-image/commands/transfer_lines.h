// What a pull or a push shows: on a terminal a line for each blob, which changes; else a line when something
// is done.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace tare::commands {

class TransferLines {
 public:
  /// On standard error.
  TransferLines();

  /// A new state of a blob; `is_done`: a line for those who have no terminal, too.
  void show(const std::string& blob, std::string_view state, bool is_done);
  /// How far it is, with speed and time left: for a terminal only.
  void show(const std::string& blob, std::string_view state, Bytes done, Bytes total);

 private:
  using Clock = std::chrono::steady_clock;
  struct Line {
    std::string blob, words;
    Clock::time_point began = {}, shown = {};
    Bytes began_at = 0;
  };
  Line& line_of(const std::string& blob);
  void put(Line& line, std::string words);

  bool on_terminal_;
  std::vector<Line> lines_;
};

}  // namespace tare::commands
