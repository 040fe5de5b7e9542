// Tables as docker prints them: columns aligned, three spaces apart, at least ten wide if not said otherwise.
#pragma once

#include <string>
#include <vector>

namespace tare::cli {

class Table {
 public:
  /// An empty header prints no header line.
  explicit Table(const std::vector<std::string>& header, std::size_t narrowest = 10);

  /// Cells beyond those given are empty; control characters and what is not UTF-8 is shown as `?`.
  void add(const std::vector<std::string>& row);
  /// All lines, each with its line feed. The last column is not padded.
  std::string text() const;

 private:
  struct Cell {
    std::string text;
    std::size_t columns;
  };

  std::size_t narrowest_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace tare::cli
