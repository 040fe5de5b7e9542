// Lists as docker's `--format` shapes them: "table TEMPLATE" with a header, "json", or a template for each
// row.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/table.h"
#include "cli/template.h"

namespace tare::cli {

/// A field of the rows, and what is above its column in a table.
struct Column {
  std::string_view field, header;
};

class RowFormat {
 public:
  /// `format` is the user's, empty: `otherwise`; "table" alone is `otherwise`, too. In it \t and \n mean what
  /// they mean in C. Throws Error{invalid} for a template that is none.
  RowFormat(std::string_view format, std::string_view otherwise, std::span<const Column> columns);

  /// Whether rows need to have this field.
  bool asks_for(std::string_view field) const;
  /// The columns, where the format is a table of fields and nothing else; else nothing.
  const std::vector<std::string>& plain_fields() const noexcept { return plain_fields_; }
  /// A row of such a table: its fields' texts. It comes without what a template needs: JSON, and its
  /// execution.
  void add_cells(const std::vector<std::string>& cells) { table_->add(cells); }
  /// `lookup`: see Template.
  void add(const json::value& row, const Template::Lookup& lookup = {});
  /// All of them, each line with its line feed.
  std::string text() const;

 private:
  std::optional<Template> template_;  ///< none: json
  std::optional<Table> table_;
  std::vector<std::string> plain_fields_;
  std::string lines_;
};

}  // namespace tare::cli
