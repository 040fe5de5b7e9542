// Reads JSON that other programs wrote: typed, and an error names the field as a JSON pointer (RFC 6901):
// "/process/args/1: expected a string".
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json.h"

namespace tare::json {

/// A field's name as a part of a pointer: ~ becomes ~0, / becomes ~1.
std::string pointer_part(std::string_view name);

/// A value and the way to it. Nodes live on the stack, each inside the loop over its outer one.
class Node {
 public:
  explicit Node(const value& root) : value_(root) {}
  Node(const value& found, std::string_view name, const Node& outer)
      : value_(found), name_(name), outer_(&outer) {}
  Node(const value& found, std::size_t index, const Node& outer)
      : value_(found), index_(index), outer_(&outer) {}

  /// As the field that `what` reads is understood; each throws Error{invalid} for anything else.
  bool flag() const;
  /// Without NUL bytes: the kernel's strings end there, and what follows would be lost.
  std::string text() const;
  std::vector<std::string> texts() const;
  const object& fields() const;
  const array& elements() const;
  template <std::integral T>
  T integer(T minimum = std::numeric_limits<T>::min(), T maximum = std::numeric_limits<T>::max()) const {
    if constexpr (std::is_signed_v<T>)
      return static_cast<T>(signed_integer(minimum, maximum));
    else
      return static_cast<T>(unsigned_integer(minimum, maximum));
  }

  /// Nothing is said by it: null, false, 0, "", [], {}.
  bool is_empty() const;
  /// "/linux/namespaces/2/type"; "" for the whole document.
  std::string pointer() const;
  /// Throws Error{invalid}: "POINTER: why".
  [[noreturn]] void refuse(std::string_view why) const;
  /// The same for a field of this object, which need not be there.
  [[noreturn]] void refuse(std::string_view field, std::string_view why) const;
  /// Throws Error{unsupported}: "POINTER is not supported yet".
  [[noreturn]] void refuse_unsupported() const;

  template <typename Visit>
  void for_each_element(Visit visit) const {
    std::size_t index = 0;
    for (const value& element : elements()) visit(Node(element, index++, *this));
  }

 private:
  std::int64_t signed_integer(std::int64_t minimum, std::int64_t maximum) const;
  std::uint64_t unsigned_integer(std::uint64_t minimum, std::uint64_t maximum) const;

  const value& value_;
  std::string_view name_;
  std::size_t index_ = 0;
  const Node* outer_ = nullptr;
};

/// A field by name, and how it gets into a T.
template <typename T>
struct KnownField {
  std::string_view name;
  void (*read)(const Node& node, T& into);
};

/// Reads an object by a table of the fields that are known. Others are passed over, and so is null: that is
/// how Go writes what was not set.
template <typename T>
void read_fields(const Node& node, T& into, std::span<const KnownField<std::type_identity_t<T>>> table) {
  for (const auto& field : node.fields()) {
    if (field.value().is_null()) continue;
    for (const auto& row : table)
      if (row.name == std::string_view(field.key())) row.read(Node(field.value(), row.name, node), into);
  }
}

}  // namespace tare::json
