#include "cli/template.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"

namespace tare::cli {
namespace {

using syntax::Command, syntax::Node, syntax::Operand, syntax::Pipeline;
using Value = TemplateValue;

constexpr std::size_t largest_output = 64 << 20;

class Execution {
 public:
  Execution(std::string_view text, const json::value& data, const Template::Lookup& lookup, Part part)
      : text_(text), root_(std::shared_ptr<void>(), &data), lookup_(lookup), part_(part) {}

  std::string run(const std::vector<Node>& nodes) {
    walk(nodes, root_);
    return std::move(out_);
  }

 private:
  enum class Flow { on, leave, skip };

  [[noreturn]] void fail(const Operand& operand, std::string_view why) const {
    const std::string_view before = text_.substr(0, operand.begin);
    const auto line = 1 + std::ranges::count(before, '\n');
    const auto column = before.size() - (before.rfind('\n') + 1);
    throw Error(ErrorKind::invalid,
                format("template parsing error: template: :{}:{}: executing \"\" at <{}>: {}", line, column,
                       text_.substr(operand.begin, operand.end - operand.begin), why));
  }

  Flow walk(const std::vector<Node>& nodes, const Value& dot) {
    const auto scope = variables_.size();
    Flow flow = Flow::on;
    for (const auto& node : nodes)
      if (flow = walk(node, dot); flow != Flow::on) break;
    variables_.resize(scope);
    return flow;
  }

  Flow walk(const Node& node, const Value& dot) {
    switch (node.kind) {
      case Node::Kind::text: out_ += node.text; break;
      case Node::Kind::output: {
        const Value value = evaluate(node.pipeline, dot);
        if (node.pipeline.variables.empty()) out_ += printed(value);
        break;
      }
      case Node::Kind::condition:
      case Node::Kind::with: return walk_branch(node, dot);
      case Node::Kind::loop: return walk_loop(node, dot);
      case Node::Kind::leave: return Flow::leave;
      case Node::Kind::skip: return Flow::skip;
    }
    if (out_.size() > largest_output)
      throw Error(ErrorKind::invalid, "template parsing error: it makes too much text");
    return Flow::on;
  }

  Flow walk_branch(const Node& node, const Value& dot) {
    const auto scope = variables_.size();
    const Value value = evaluate(node.pipeline, dot);
    const bool with = node.kind == Node::Kind::with;
    const Flow flow = is_true(value) ? walk(node.body, with ? value : dot) : walk(node.otherwise, dot);
    variables_.resize(scope);
    return flow;
  }

  Flow walk_loop(const Node& node, const Value& dot) {
    const auto scope = variables_.size();
    Pipeline const& pipeline = node.pipeline;
    const Value value = evaluate_commands(pipeline, dot);
    Flow flow = Flow::on;
    const auto step = [&](const json::value& key, const json::value& element) {
      const Value one(value, &element);
      const auto& names = pipeline.variables;
      if (names.size() == 1) set(pipeline, names[0], one);
      if (names.size() == 2) set(pipeline, names[0], make_value(key)), set(pipeline, names[1], one);
      flow = walk(node.body, one);
      variables_.resize(pipeline.declares ? scope : variables_.size());
      return flow != Flow::leave;
    };
    if (!is_true(value)) {
      flow = walk(node.otherwise, dot);
      variables_.resize(scope);
      return flow;
    }
    if (const auto* array = value->if_array()) {
      for (std::size_t i = 0; i < array->size(); i++)
        if (!step(static_cast<std::int64_t>(i), (*array)[i])) break;
    } else if (const auto* object = value->if_object()) {
      std::vector<std::string> keys;
      for (const auto& field : *object) keys.emplace_back(field.key());
      std::ranges::sort(keys);
      for (const auto& key : keys)
        if (!step(json::value(key), object->at(key))) break;
    } else {
      fail(pipeline.commands[0][0], format("range can't iterate over {}", printed(value)));
    }
    return Flow::on;
  }

  void set(const Pipeline& pipeline, const std::string& name, const Value& value) {
    if (pipeline.declares) {
      variables_.emplace_back(name, value);
      return;
    }
    const auto known = std::find_if(variables_.rbegin(), variables_.rend(),
                                    [&](const auto& variable) { return variable.first == name; });
    if (known != variables_.rend()) known->second = value;
  }

  Value evaluate(const Pipeline& pipeline, const Value& dot) {
    Value value = evaluate_commands(pipeline, dot);
    for (const auto& name : pipeline.variables) set(pipeline, name, value);
    return value;
  }

  Value evaluate_commands(const Pipeline& pipeline, const Value& dot) {
    Value value;
    for (std::size_t i = 0; i < pipeline.commands.size(); i++)
      value = evaluate(pipeline.commands[i], dot, i == 0 ? nullptr : &value);
    return value;
  }

  // `last` is what the command before it in the pipe made.
  Value evaluate(const Command& command, const Value& dot, const Value* last) {
    const Operand& first = command[0];
    if (first.kind == Operand::Kind::function) return evaluate_call(command, dot, last);
    if (command.size() == 1 && !last) return evaluate(first, dot);
    // Only docker's `.Label "name"`.
    if (first.kind == Operand::Kind::dot && first.path.size() == 1 && dot.get() == root_.get() && lookup_ &&
        command.size() + (last ? 1 : 0) == 2) {
      const Value argument = last ? *last : evaluate(command[1], dot);
      if (argument && argument->is_string())
        if (auto found = lookup_(first.path[0], std::string_view(argument->get_string())))
          return make_value(json::value(*found));
    }
    fail(first, format("can't give argument to non-function {}",
                       text_.substr(first.begin, first.end - first.begin)));
  }

  Value evaluate_call(const Command& command, const Value& dot, const Value* last) {
    const Operand& function = command[0];
    std::vector<Value> arguments;
    const bool stops_at_true = function.name == "or", stops = stops_at_true || function.name == "and";
    const auto is_decided = [&] {
      return stops && !arguments.empty() && is_true(arguments.back()) == stops_at_true;
    };
    for (std::size_t i = 1; i < command.size() && !is_decided(); i++)
      arguments.push_back(evaluate(command[i], dot));
    if (last && !is_decided()) arguments.push_back(*last);
    try {
      return fields_of(call_function(function.name, arguments, part_), function);
    } catch (const Error& error) {
      fail(function, error.text());
    }
  }

  Value evaluate(const Operand& operand, const Value& dot) {
    switch (operand.kind) {
      case Operand::Kind::dot: return fields_of(dot, operand);
      case Operand::Kind::variable: return fields_of(variable(operand.name), operand);
      case Operand::Kind::literal:
        return fields_of(Value(std::shared_ptr<void>(), &operand.literal), operand);
      case Operand::Kind::nothing: return nullptr;
      case Operand::Kind::pipeline: return fields_of(evaluate_commands(*operand.pipeline, dot), operand);
      case Operand::Kind::function: return evaluate_call_alone(operand);
    }
    return nullptr;
  }

  Value evaluate_call_alone(const Operand& function) {
    try {
      return fields_of(call_function(function.name, {}, part_), function);
    } catch (const Error& error) {
      fail(function, error.text());
    }
  }

  Value variable(const std::string& name) const {
    if (name == "$") return root_;
    const auto known = std::find_if(variables_.rbegin(), variables_.rend(),
                                    [&](const auto& one) { return one.first == name; });
    return known == variables_.rend() ? nullptr : known->second;
  }

  Value fields_of(Value value, const Operand& operand) const {
    for (const auto& name : operand.path) value = field_of(value, name, operand);
    return value;
  }

  Value field_of(const Value& value, const std::string& name, const Operand& operand) const {
    const bool may_be_missing = name[0] < 'A' || name[0] > 'Z';
    if (!value || value->is_null()) {
      if (may_be_missing) return nullptr;
      fail(operand, format("nil pointer evaluating interface {{}}.{}", name));
    }
    const auto* object = value->if_object();
    if (!object) fail(operand, format("can't evaluate field {} in type {}", name, type_name(value)));
    if (const json::value* found = object->if_contains(name)) return {value, found};
    if (may_be_missing) return nullptr;
    fail(operand, format("map has no entry for key \"{}\"", name));
  }

  std::string_view text_;
  Value root_;
  const Template::Lookup& lookup_;
  Part part_;
  std::string out_;
  std::vector<std::pair<std::string, Value>> variables_;
};

bool asks(const std::vector<Node>& nodes, std::string_view field);

// Any dot counts as the whole: that it is an element of something else is not worth finding out.
bool asks(const Pipeline& pipeline, std::string_view field) {
  for (const auto& command : pipeline.commands)
    for (const auto& operand : command) {
      const bool may_be_whole = operand.kind == Operand::Kind::dot || operand.name == "$";
      if (may_be_whole && (operand.path.empty() || operand.path[0] == field)) return true;
      if (operand.pipeline && asks(*operand.pipeline, field)) return true;
    }
  return false;
}

bool asks(const std::vector<Node>& nodes, std::string_view field) {
  return std::ranges::any_of(nodes, [&](const Node& node) {
    return asks(node.pipeline, field) || asks(node.body, field) || asks(node.otherwise, field);
  });
}

}  // namespace

Template::Template(std::string_view text) : text_(text), nodes_(syntax::parse(text)) {}

std::string Template::render(const json::value& data, const Lookup& lookup, Part part) const {
  return Execution(text_, data, lookup, part).run(nodes_);
}

bool Template::asks_for(std::string_view field) const { return asks(nodes_, field); }

}  // namespace tare::cli
