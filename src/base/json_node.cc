#include "base/json_node.h"

#include "base/error.h"
#include "base/format.h"

namespace tare::json {

std::string pointer_part(std::string_view name) {
  std::string part;
  for (const char c : name) part += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return part;
}

bool Node::flag() const {
  if (const bool* flag = value_.if_bool()) return *flag;
  refuse("expected true or false");
}

std::string Node::text() const {
  const auto* text = value_.if_string();
  if (!text) refuse("expected a string");
  if (text->find('\0') != boost::json::string::npos) refuse("a NUL byte is in it");
  return std::string(*text);
}

std::vector<std::string> Node::texts() const {
  std::vector<std::string> texts;
  texts.reserve(elements().size());
  for_each_element([&](const Node& element) { texts.push_back(element.text()); });
  return texts;
}

const object& Node::fields() const {
  if (const auto* fields = value_.if_object()) return *fields;
  refuse("expected an object");
}

const array& Node::elements() const {
  if (const auto* elements = value_.if_array()) return *elements;
  refuse("expected an array");
}

std::int64_t Node::signed_integer(std::int64_t minimum, std::int64_t maximum) const {
  if (!value_.is_int64() && !value_.is_uint64()) refuse("expected an integer");
  const std::int64_t* number = value_.if_int64();
  if (!number || *number < minimum || *number > maximum)
    refuse(format("expected an integer from {} to {}", minimum, maximum));
  return *number;
}

std::uint64_t Node::unsigned_integer(std::uint64_t minimum, std::uint64_t maximum) const {
  if (!value_.is_int64() && !value_.is_uint64()) refuse("expected an integer");
  std::uint64_t number = 0;
  if (const auto* large = value_.if_uint64())
    number = *large;
  else if (value_.get_int64() >= 0)
    number = static_cast<std::uint64_t>(value_.get_int64());
  else
    refuse(format("expected an integer from {} to {}", minimum, maximum));
  if (number < minimum || number > maximum)
    refuse(format("expected an integer from {} to {}", minimum, maximum));
  return number;
}

bool Node::is_empty() const {
  if (const auto* fields = value_.if_object()) return fields->empty();
  if (const auto* elements = value_.if_array()) return elements->empty();
  if (const auto* text = value_.if_string()) return text->empty();
  if (const auto* flag = value_.if_bool()) return !*flag;
  if (const auto* number = value_.if_int64()) return *number == 0;
  if (const auto* number = value_.if_uint64()) return *number == 0;
  return value_.is_null();
}

std::string Node::pointer() const {
  if (!outer_) return {};
  return outer_->pointer() + "/" + (name_.data() == nullptr ? std::to_string(index_) : pointer_part(name_));
}

void Node::refuse(std::string_view why) const {
  const std::string at = pointer();
  throw Error(ErrorKind::invalid, at.empty() ? std::string(why) : format("{}: {}", at, why));
}

void Node::refuse(std::string_view field, std::string_view why) const {
  Node(value_, field, *this).refuse(why);
}

void Node::refuse_unsupported() const {
  throw Error(ErrorKind::unsupported, format("{} is not supported yet", pointer()));
}

}  // namespace tare::json
