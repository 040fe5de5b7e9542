#include "cli/template_functions.h"

#include <algorithm>
#include <cmath>
#include <compare>

#include "base/error.h"
#include "base/format.h"
#include "cli/template_printf.h"

namespace tare::cli {
namespace {

using Value = TemplateValue;
using Arguments = std::span<const Value>;

constexpr std::int64_t widest = 10'000;  // of what a function may pad to

[[noreturn]] void refuse(std::string why) { throw Error(ErrorKind::invalid, std::move(why)); }

Value text(std::string_view value) { return make_value(json::value(value)); }

const json::value& given(const Value& value) {
  static const json::value null;
  return value ? *value : null;
}

std::string as_text(const Value& value) {
  if (const auto* string = given(value).if_string()) return std::string(*string);
  refuse(format("wrong type for value; expected string; got {}", type_name(value)));
}

std::int64_t as_integer(const Value& value) {
  if (const auto* integer = given(value).if_int64()) return *integer;
  if (const auto* integer = given(value).if_uint64())
    if (*integer <= static_cast<std::uint64_t>(INT64_MAX)) return static_cast<std::int64_t>(*integer);
  refuse(format("wrong type for value; expected int; got {}", type_name(value)));
}

std::int64_t as_size(const Value& value) {
  const std::int64_t size = as_integer(value);
  if (size < 0 || size > widest) refuse(format("{} is out of range", size));
  return size;
}

// Of ASCII letters; others stay as they are.
std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}
std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}
std::string title(std::string text) {
  bool is_start = true;
  for (char& c : text) {
    if (is_start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    is_start = c == ' ' || c == '\t' || c == '\n' || c == '-';
  }
  return text;
}

Value join(Arguments arguments) {
  const auto* array = given(arguments[0]).if_array();
  if (!array && arguments[0])
    refuse(format("wrong type for value; expected []string; got {}", type_name(arguments[0])));
  std::string joined;
  if (array)
    for (const auto& element : *array)
      joined.append(&element == array->data() ? "" : as_text(arguments[1]))
          .append(printed(make_value(element)));
  return text(joined);
}

Value split(Arguments arguments) {
  const std::string whole = as_text(arguments[0]), separator = as_text(arguments[1]);
  json::array parts;
  for (std::size_t begin = 0;;) {
    const auto end = separator.empty() ? whole.npos : whole.find(separator, begin);
    parts.emplace_back(whole.substr(begin, end - begin));
    if (end == whole.npos) break;
    begin = end + separator.size();
  }
  return make_value(std::move(parts));
}

Value truncate(Arguments arguments) {
  std::string whole = as_text(arguments[0]);
  auto size = static_cast<std::size_t>(as_size(arguments[1]));
  if (size < whole.size()) {
    while (size > 0 && (whole[size] & 0xc0) == 0x80) size--;  // not in the middle of a character
    whole.resize(size);
  }
  return text(whole);
}

Value pad(Arguments arguments) {
  const std::string whole = as_text(arguments[0]);
  if (whole.empty()) return text(whole);
  return text(std::string(static_cast<std::size_t>(as_size(arguments[1])), ' ') + whole +
              std::string(static_cast<std::size_t>(as_size(arguments[2])), ' '));
}

// Go's Print: a space between two that are no strings.
Value print(Arguments arguments) {
  std::string all;
  for (std::size_t i = 0; i < arguments.size(); i++) {
    const bool are_texts = i > 0 && (given(arguments[i - 1]).is_string() || given(arguments[i]).is_string());
    if (i > 0 && !are_texts) all += ' ';
    all += printed(arguments[i]);
  }
  return text(all);
}

Value println(Arguments arguments) {
  std::string all;
  for (const auto& argument : arguments)
    all.append(&argument == arguments.data() ? "" : " ").append(printed(argument));
  return text(all + "\n");
}

Value length(Arguments arguments) {
  const json::value& value = given(arguments[0]);
  if (const auto* string = value.if_string()) return make_value(static_cast<std::int64_t>(string->size()));
  if (const auto* array = value.if_array()) return make_value(static_cast<std::int64_t>(array->size()));
  if (const auto* object = value.if_object()) return make_value(static_cast<std::int64_t>(object->size()));
  if (value.is_null()) return make_value(std::int64_t{0});
  refuse(format("error calling len: len of type {}", type_name(arguments[0])));
}

Value element_of(const Value& value, const Value& key) {
  if (const auto* object = given(value).if_object()) {
    const json::value* found = object->if_contains(as_text(key));
    return found ? Value(value, found) : text("");
  }
  if (const auto* array = given(value).if_array()) {
    const std::int64_t index = as_integer(key);
    if (index < 0 || index >= static_cast<std::int64_t>(array->size()))
      refuse(format("error calling index: index out of range: {}", index));
    return {value, &(*array)[static_cast<std::size_t>(index)]};
  }
  if (given(value).is_null()) return given(key).is_string() ? text("") : nullptr;
  refuse(format("error calling index: can't index item of type {}", type_name(value)));
}

Value index(Arguments arguments) {
  Value value = arguments[0];
  for (const auto& key : arguments.subspan(1)) value = element_of(value, key);
  return value;
}

Value slice(Arguments arguments) {
  const auto* string = given(arguments[0]).if_string();
  const auto* array = given(arguments[0]).if_array();
  if (!string && !array)
    refuse(format("error calling slice: can't slice item of type {}", type_name(arguments[0])));
  const auto size = static_cast<std::int64_t>(string ? string->size() : array->size());
  const std::int64_t begin = arguments.size() > 1 ? as_integer(arguments[1]) : 0;
  const std::int64_t end = arguments.size() > 2 ? as_integer(arguments[2]) : size;
  if (begin < 0 || end > size || begin > end)
    refuse(format("error calling slice: invalid slice index: {} > {}", begin, end));
  if (string) return text(std::string(string->data() + begin, static_cast<std::size_t>(end - begin)));
  return make_value(json::array(array->begin() + begin, array->begin() + end));
}

double as_double(const json::value& value) {
  return value.is_double()  ? value.get_double()
         : value.is_int64() ? static_cast<double>(value.get_int64())
                            : static_cast<double>(value.get_uint64());
}

std::partial_ordering compared(const Value& a, const Value& b) {
  const json::value &left = given(a), &right = given(b);
  if (left.is_number() && right.is_number()) {
    if (left.is_int64() && right.is_int64()) return left.get_int64() <=> right.get_int64();
    return as_double(left) <=> as_double(right);
  }
  if (left.is_string() && right.is_string())
    return std::string_view(left.get_string()) <=> std::string_view(right.get_string());
  refuse("incompatible types for comparison");
}

bool are_equal(const Value& a, const Value& b) {
  const json::value &left = given(a), &right = given(b);
  if (left.is_bool() && right.is_bool()) return left.get_bool() == right.get_bool();
  if (left.is_null() || right.is_null()) return left.is_null() && right.is_null();
  return compared(a, b) == 0;
}

Value equal(Arguments arguments) {
  for (const auto& other : arguments.subspan(1))
    if (are_equal(arguments[0], other)) return make_value(true);
  return make_value(false);
}

template <bool (*Holds)(std::partial_ordering)>
Value comparison(Arguments arguments) {
  return make_value(Holds(compared(arguments[0], arguments[1])));
}

template <std::string (*Change)(std::string)>
Value changed_text(Arguments arguments) {
  return text(Change(as_text(arguments[0])));
}

struct Function {
  std::string_view name;
  std::size_t least, most;  // arguments
  Value (*call)(Arguments arguments);
  bool makes_text = false;  // of its first argument
};

constexpr std::size_t any = 1000;
constexpr Function functions[] = {
    {"and", 1, any, [](Arguments a) { return a.back(); }},
    {"or", 1, any, [](Arguments a) { return a.back(); }},
    {"not", 1, 1, [](Arguments a) { return make_value(!is_true(a[0])); }},
    {"eq", 2, any, equal},
    {"ne", 2, 2, [](Arguments a) { return make_value(!are_equal(a[0], a[1])); }},
    {"lt", 2, 2, comparison<std::is_lt>},
    {"le", 2, 2, comparison<std::is_lteq>},
    {"gt", 2, 2, comparison<std::is_gt>},
    {"ge", 2, 2, comparison<std::is_gteq>},
    {"len", 1, 1, length},
    {"index", 1, any, index},
    {"slice", 1, 3, slice},
    {"print", 0, any, print},
    {"println", 0, any, println},
    {"printf", 1, any, [](Arguments a) { return text(format_as_go(as_text(a[0]), a.subspan(1))); }},
    {"json", 1, 1, [](Arguments a) { return text(json::replace_invalid_utf8(json::compact(given(a[0])))); },
     true},
    {"join", 2, 2, join, true},
    {"split", 2, 2, split, true},
    {"lower", 1, 1, changed_text<lower>, true},
    {"upper", 1, 1, changed_text<upper>, true},
    {"title", 1, 1, changed_text<title>, true},
    {"pad", 3, 3, pad, true},
    {"truncate", 2, 2, truncate, true},
};

const Function* find(std::string_view name) {
  const auto* found = std::ranges::find(functions, name, &Function::name);
  return found == std::end(functions) ? nullptr : found;
}

}  // namespace

TemplateValue make_value(json::value value) { return std::make_shared<const json::value>(std::move(value)); }

bool is_function(std::string_view name) { return find(name) != nullptr; }

TemplateValue call_function(std::string_view name, std::span<const TemplateValue> arguments, Part part) {
  const Function* function = find(name);
  if (!function || arguments.size() < function->least || arguments.size() > function->most)
    refuse(format("wrong number of args for {}: want {}{}; got {}", name,
                  function && function->most == any ? "at least " : "", function ? function->least : 0,
                  arguments.size()));
  if (part == Part::header && function->makes_text) return arguments[0];
  return function->call(arguments);
}

bool is_true(const TemplateValue& value) {
  const json::value& it = given(value);
  switch (it.kind()) {
    case boost::json::kind::null: return false;
    case boost::json::kind::bool_: return it.get_bool();
    case boost::json::kind::int64: return it.get_int64() != 0;
    case boost::json::kind::uint64: return it.get_uint64() != 0;
    case boost::json::kind::double_: return it.get_double() != 0;
    case boost::json::kind::string: return !it.get_string().empty();
    case boost::json::kind::array: return !it.get_array().empty();
    case boost::json::kind::object: return !it.get_object().empty();
  }
  return false;
}

std::string printed(const TemplateValue& value) {
  const json::value& it = given(value);
  switch (it.kind()) {
    case boost::json::kind::null: return "<no value>";
    case boost::json::kind::bool_: return it.get_bool() ? "true" : "false";
    case boost::json::kind::int64: return std::to_string(it.get_int64());
    case boost::json::kind::uint64: return std::to_string(it.get_uint64());
    case boost::json::kind::double_: return format("{}", it.get_double());
    case boost::json::kind::string: return std::string(it.get_string());
    default: break;
  }
  std::string all;
  const auto add = [&](std::string_view words) { all.append(all.empty() ? "" : " ").append(words); };
  if (const auto* array = it.if_array()) {
    for (const auto& element : *array) add(printed(TemplateValue(value, &element)));
    return "[" + all + "]";
  }
  std::vector<std::string> keys;
  for (const auto& field : it.get_object()) keys.emplace_back(field.key());
  std::ranges::sort(keys);
  for (const auto& key : keys) add(key + ":" + printed(TemplateValue(value, &it.get_object().at(key))));
  return "map[" + all + "]";
}

std::string_view type_name(const TemplateValue& value) {
  const json::value& it = given(value);
  switch (it.kind()) {
    case boost::json::kind::null: return "nil";
    case boost::json::kind::bool_: return "bool";
    case boost::json::kind::int64: return "int";
    case boost::json::kind::uint64: return "uint64";
    case boost::json::kind::double_: return "float64";
    case boost::json::kind::string: return "string";
    case boost::json::kind::array: return "[]interface {}";
    case boost::json::kind::object: return "map[string]interface {}";
  }
  return {};
}

}  // namespace tare::cli
