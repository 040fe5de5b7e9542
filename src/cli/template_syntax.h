// What a template says, as a tree: the parser of cli/template.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace tare::cli::syntax {

struct Pipeline;

/// One word of a command, with the fields that are taken of it: `.A.B`, `$x.A`, `"text"`, `len`, `(…).A`.
struct Operand {
  enum class Kind { dot, variable, literal, nothing, function, pipeline };
  Kind kind = Kind::dot;
  std::string name;     ///< of a variable ("$x", or "$" for the whole) or a function
  json::value literal;  ///< a text, a number, true or false
  std::unique_ptr<Pipeline> pipeline;
  std::vector<std::string> path;
  std::size_t begin = 0, end = 0;  ///< where it is written
};

using Command = std::vector<Operand>;

/// `$x := a b | c`
struct Pipeline {
  std::vector<std::string> variables;
  bool declares = false;  ///< with :=, and not with =
  std::vector<Command> commands;
};

struct Node {
  enum class Kind { text, output, condition, loop, with, leave, skip };
  Kind kind = Kind::text;
  std::string text;
  Pipeline pipeline;
  std::vector<Node> body, otherwise;  ///< of if, range and with
};

/// Throws Error{invalid}: `template parsing error: template: :LINE: why`.
std::vector<Node> parse(std::string_view text);

}  // namespace tare::cli::syntax
