#include "cli/row_format.h"

#include <algorithm>
#include <cctype>

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

/// "ID" of "{{.ID}}"; empty for anything else.
std::string plain_field(std::string_view cell) {
  if (!cell.starts_with("{{.") || !cell.ends_with("}}")) return {};
  cell = cell.substr(3, cell.size() - 5);
  const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0; };
  return std::ranges::all_of(cell, is_letter) ? std::string(cell) : std::string();
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
  const std::string text =
      unescaped(format.substr(is_table ? std::min(format.find_first_not_of(' '), format.size()) : 0));
  template_.emplace(text);
  if (!is_table) return;
  for (const auto& cell : cells_of(text)) plain_fields_.push_back(plain_field(cell));
  if (std::ranges::find(plain_fields_, std::string()) != plain_fields_.end()) plain_fields_.clear();
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
