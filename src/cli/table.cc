#include "cli/table.h"

#include <algorithm>

#include "cli/text.h"

namespace tare::cli {
namespace {

// docker's tabwriter: a column is its widest cell and three spaces, and not too narrow.
constexpr std::size_t gap = 3;

}  // namespace

Table::Table(const std::vector<std::string>& header, std::size_t narrowest) : narrowest_(narrowest) {
  if (!header.empty()) add(header);
}

void Table::add(const std::vector<std::string>& row) {
  std::vector<Cell> cells;
  cells.reserve(row.size());
  for (const auto& cell : row) {
    std::string text = printable(cell);
    const std::size_t columns = columns_of(text);
    cells.push_back({std::move(text), columns});
  }
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()), narrowest_);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].columns + gap);
  }
  std::string text;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i].text;
      if (i + 1 < widths.size()) text.append(widths[i] - row[i].columns, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace tare::cli
