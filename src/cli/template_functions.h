// The functions of templates, and how their values count and look: those of Go's text/template and of docker.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"

namespace tare::cli {

/// Null: no value, as of a label that is not there.
using TemplateValue = std::shared_ptr<const json::value>;

TemplateValue make_value(json::value value);

bool is_function(std::string_view name);
/// `and` and `or` are given what they have to look at only. In a table's header a function that makes a text
/// of its argument leaves it as it is. Throws Error{invalid} saying what is wrong with the arguments.
enum class Part { rows, header };
TemplateValue call_function(std::string_view name, std::span<const TemplateValue> arguments, Part part);

/// Not false, 0, empty or nothing.
bool is_true(const TemplateValue& value);
/// As Go prints it: `[a b]`, `map[k:v]`, `<no value>`.
std::string printed(const TemplateValue& value);
/// "string", "[]interface {}", …: Go's names, for errors.
std::string_view type_name(const TemplateValue& value);

}  // namespace tare::cli
