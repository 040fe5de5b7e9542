#include "cli/table.h"

#include <algorithm>

#include "cli/text.h"

namespace tare::cli {
namespace {

// docker's tabwriter: a column is its widest cell and three spaces, and not too narrow.
constexpr std::size_t gap = 3;

}  // namespace

Table::Table(std::vector<std::string> header, std::size_t narrowest) : narrowest_(narrowest) {
  if (!header.empty()) add(std::move(header));
}

void Table::add(std::vector<std::string> row) {
  for (auto& cell : row) cell = printable(cell);
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()), narrowest_);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]) + gap);
  }
  std::string text;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < widths.size()) text.append(widths[i] - columns_of(row[i]), ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace tare::cli
