// `--format`: the part of Go's text/template that docker's users need, on JSON values.
//
// {{.Field.Of.It}} {{$x := …}} {{if}} {{else if}} {{else}} {{range}} {{with}} {{break}} {{continue}} {{end}},
// pipes, parentheses, {{- trim -}}, comments; the functions are in template_functions.cc. Not: define,
// template, block.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "cli/template_functions.h"
#include "cli/template_syntax.h"

namespace tare::cli {

class Template {
 public:
  /// What `.Name "argument"` is, which is asked of the whole only; nullopt: it has no such thing.
  using Lookup = std::function<std::optional<std::string>(std::string_view name, std::string_view argument)>;

  /// Throws Error{invalid}: "template parsing error: …".
  explicit Template(std::string_view text);

  /// A field that is not there is `<no value>` if its name begins with a small letter, as labels' names do;
  /// others are docker's own, and a slip. Throws Error{invalid} saying where in the template.
  std::string render(const json::value& data, const Lookup& lookup = {}, Part part = Part::rows) const;

  /// Whether it takes this field of the whole, or the whole itself.
  bool asks_for(std::string_view field) const;

 private:
  std::string text_;
  std::vector<syntax::Node> nodes_;
};

}  // namespace tare::cli
