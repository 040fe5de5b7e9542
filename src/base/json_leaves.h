// JSON read into a plain struct without a tree in between, by a table of the leaves it may have: for small
// records, of which there may be thousands.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/format.h"

namespace tare::json {

/// A text, a number, a truth or nothing, and the names that lead there: "exit.code". The elements of an array
/// have its path, and one without any is a leaf itself.
struct Leaf {
  /// Neither null nor a number that is no int64 has a value.
  std::variant<std::monostate, std::string_view, std::int64_t, bool> value;
  std::string_view path;
  bool is_element = false, is_empty_array = false;

  /// These throw Error{invalid} naming the field.
  std::string_view text() const;
  std::int64_t integer() const;
  bool flag() const;
  /// Added to the end; nothing for an empty array.
  void add_to(std::vector<std::string>& texts) const;
};

/// Tells of each in the order of the text. Throws as parse() does, and Error{invalid} where it is no object.
void for_each_leaf(std::string_view text, const std::function<void(const Leaf&)>& tell);

template <typename Struct>
struct LeafField {
  std::string_view path;
  void (*set)(Struct& into, const Leaf& leaf);
  /// Whether it may be missing. A field of an object, "exit.code", can only be missing where that object is
  /// not.
  bool is_optional = false;
};

/// What `fields` does not know is ignored. Throws Error{invalid} naming the field that is missing or of
/// another kind.
template <typename Struct, std::size_t N>
Struct from_leaves(std::string_view text, const LeafField<Struct> (&fields)[N]) {
  Struct result{};
  bool is_there[N] = {};
  for_each_leaf(text, [&](const Leaf& leaf) {
    for (std::size_t i = 0; i < N; i++)
      if (fields[i].path == leaf.path) {
        is_there[i] = true;
        return fields[i].set(result, leaf);
      }
  });
  const auto object_of = [&](std::size_t i) {
    return fields[i].path.substr(0, fields[i].path.rfind('.') + 1);
  };
  const auto has_object = [&](std::string_view object) {
    if (object.empty()) return true;
    for (std::size_t i = 0; i < N; i++)
      if (is_there[i] && fields[i].path.starts_with(object)) return true;
    return false;
  };
  for (std::size_t i = 0; i < N; i++)
    if (!is_there[i] && !fields[i].is_optional && has_object(object_of(i)))
      throw Error(ErrorKind::invalid, format("the field {} is missing", fields[i].path));
  return result;
}

}  // namespace tare::json
