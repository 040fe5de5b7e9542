// JSON: Boost.JSON under the project's own name, compiled once (json.cc).
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tare::json {

using boost::json::array;
using boost::json::object;
using boost::json::value;

/// Throws Error{invalid} saying where the text stops being JSON. Strings may hold any bytes.
value parse(std::string_view text);
/// Of every parser here: what it takes, and what is said of a text of which it has read so many bytes.
boost::json::parse_options options();
void check_read(std::string_view text, std::size_t read, const boost::json::error_code& code);
/// Strings keep their bytes, so that parse() gives them back.
std::string compact(const value& value);
/// For other programs: two spaces a level, as inspect prints it; UTF-8 whatever is in it; ends with a
/// newline.
std::string pretty(const value& value);
/// Each byte that belongs to no character becomes U+FFFD.
std::string replace_invalid_utf8(std::string_view text);

/// A field of what may be an object; null where there is none.
const value& part(const value& of, std::string_view name);

/// What a file holds as a whole; throws Error{invalid} when that is anything else.
const object& as_object(const value& value);

/// Typed fields of records the project wrote itself; throw Error{invalid} naming the field.
std::string text_field(const object& object, std::string_view name);
std::int64_t integer_field(const object& object, std::string_view name);
bool flag_field(const object& object, std::string_view name);
std::vector<std::string> texts_field(const object& object, std::string_view name);
const object& object_field(const object& object, std::string_view name);

}  // namespace tare::json
