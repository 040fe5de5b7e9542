#include "base/json.h"

#include <algorithm>
#include <boost/json/src.hpp>

#include "base/error.h"
#include "base/format.h"
#include "base/text.h"

namespace tare::json {
namespace {

void print(std::string& out, const value& value, std::size_t level) {
  const auto line = [&](std::size_t depth) { out.append("\n").append(depth * 2, ' '); };
  if (const auto* fields = value.if_object(); fields && !fields->empty()) {
    out.push_back('{');
    for (bool first = true; const auto& field : *fields) {
      if (!std::exchange(first, false)) out.push_back(',');
      line(level + 1);
      out.append(boost::json::serialize(field.key())).append(": ");
      print(out, field.value(), level + 1);
    }
    line(level);
    out.push_back('}');
  } else if (const auto* elements = value.if_array(); elements && !elements->empty()) {
    out.push_back('[');
    for (bool first = true; const auto& element : *elements) {
      if (!std::exchange(first, false)) out.push_back(',');
      line(level + 1);
      print(out, element, level + 1);
    }
    line(level);
    out.push_back(']');
  } else {
    out.append(boost::json::serialize(value));
  }
}

const value& field(const object& object, std::string_view name) {
  const value* found = object.if_contains(name);
  if (!found) throw Error(ErrorKind::invalid, format("the field {} is missing", name));
  return *found;
}

}  // namespace

boost::json::parse_options options() {
  boost::json::parse_options options;
  options.allow_invalid_utf8 = true;  // records keep names and arguments byte for byte
  return options;
}

void check_read(std::string_view text, std::size_t read, const boost::json::error_code& code) {
  const bool has_more = text.find_first_not_of(" \t\r\n", read) != std::string_view::npos;
  const auto wrong = !code && has_more ? boost::json::make_error_code(boost::json::error::extra_data) : code;
  if (wrong) throw Error(ErrorKind::invalid, format("not JSON near byte {}: {}", read, wrong.message()));
}

value parse(std::string_view text) {
  boost::json::error_code code;
  // Its scratch space first: a record needs no other.
  unsigned char scratch[4096];
  boost::json::stream_parser parser({}, options(), scratch);
  parser.reset(boost::json::make_shared_resource<boost::json::monotonic_resource>(text.size() * 4 + 512));
  const std::size_t read = parser.write_some(text.data(), text.size(), code);
  if (!code) parser.finish(code);
  check_read(text, read, code);
  return parser.release();
}

std::string compact(const value& value) { return boost::json::serialize(value); }

std::string pretty(const value& value) {
  std::string out;
  print(out, value, 0);
  out.push_back('\n');
  return replace_invalid_utf8(out);
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = first_character(text).size;
    out.append(size == 0 ? "\xef\xbf\xbd" : text.substr(0, size));
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

const value& part(const value& of, std::string_view name) {
  static const value none;
  const auto* object = of.if_object();
  const value* found = object ? object->if_contains(name) : nullptr;
  return found ? *found : none;
}

const object& as_object(const value& value) {
  if (const auto* object = value.if_object()) return *object;
  throw Error(ErrorKind::invalid, "it is JSON, but no object");
}

std::string text_field(const object& object, std::string_view name) {
  const auto* text = field(object, name).if_string();
  if (!text) throw Error(ErrorKind::invalid, format("the field {} is no string", name));
  return std::string(*text);
}

std::int64_t integer_field(const object& object, std::string_view name) {
  const auto* integer = field(object, name).if_int64();
  if (!integer) throw Error(ErrorKind::invalid, format("the field {} is no integer", name));
  return *integer;
}

bool flag_field(const object& object, std::string_view name) {
  const auto* flag = field(object, name).if_bool();
  if (!flag) throw Error(ErrorKind::invalid, format("the field {} is neither true nor false", name));
  return *flag;
}

std::vector<std::string> texts_field(const object& object, std::string_view name) {
  std::vector<std::string> texts;
  const auto* array = field(object, name).if_array();
  if (!array) throw Error(ErrorKind::invalid, format("the field {} is no array", name));
  for (const auto& element : *array) {
    const auto* text = element.if_string();
    if (!text)
      throw Error(ErrorKind::invalid, format("the field {} holds something else than strings", name));
    texts.emplace_back(*text);
  }
  return texts;
}

const object& object_field(const object& object, std::string_view name) {
  const auto* inner = field(object, name).if_object();
  if (!inner) throw Error(ErrorKind::invalid, format("the field {} is no object", name));
  return *inner;
}

}  // namespace tare::json
