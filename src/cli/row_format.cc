#include "cli/row_format.h"

#include <algorithm>

namespace tare::cli {
namespace {

std::string unescaped(std::string_view format) {
  std::string text;
  for (std::size_t i = 0; i < format.size(); i++) {
    const char next = format[i] == '\\' && i + 1 < format.size() ? format[i + 1] : '\0';
    if (next == 't' || next == 'n') i++;
    text.push_back(next == 't' ? '\t' : next == 'n' ? '\n' : format[i]);
  }
  return text;
}

std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  while (true) {
    const auto tab = line.find('\t');
    cells.emplace_back(line.substr(0, tab));
    if (tab == line.npos) return cells;
    line.remove_prefix(tab + 1);
  }
}

// Above `{{.Label "com.example.my-name"}}`: docker's "my name".
std::optional<std::string> header_of_label(std::string_view, std::string_view argument) {
  std::string words(argument.substr(argument.rfind('.') + 1));
  std::ranges::replace_if(words, [](char c) { return c == '-' || c == '_'; }, ' ');
  return words;
}

}  // namespace

RowFormat::RowFormat(std::string_view format, std::string_view otherwise, std::span<const Column> columns) {
  if (format.empty() || format == "table") format = otherwise;
  if (format == "json") return;
  const bool is_table = format.starts_with("table ");
  if (is_table) format.remove_prefix(6);
  template_.emplace(
      unescaped(format.substr(is_table ? std::min(format.find_first_not_of(' '), format.size()) : 0)));
  if (!is_table) return;
  json::object headers;
  for (const auto& column : columns) headers[column.field] = column.header;
  table_.emplace(cells_of(template_->render(headers, header_of_label, Part::header)));
}

bool RowFormat::asks_for(std::string_view field) const { return !template_ || template_->asks_for(field); }

void RowFormat::add(const json::value& row, const Template::Lookup& lookup) {
  if (!template_)
    lines_ += json::replace_invalid_utf8(json::compact(row)) + "\n";
  else if (table_)
    table_->add(cells_of(template_->render(row, lookup)));
  else
    lines_ += template_->render(row, lookup) + "\n";
}

std::string RowFormat::text() const { return table_ ? table_->text() : lines_; }

}  // namespace tare::cli
