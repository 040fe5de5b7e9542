// Plain structs to JSON objects and back, by a table of their fields:
//   template <> inline constexpr auto json::fields<Size> = std::tuple{json::Field{"rows", &Size::rows}, …};
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"

namespace tare::json {

template <typename Struct, typename Member>
struct Field {
  const char* name;
  Member Struct::* member;
};
template <typename Struct, typename Member>
Field(const char*, Member Struct::*) -> Field<Struct, Member>;

/// The table of a struct's fields; specialised where the struct is written and read.
template <typename Struct>
inline constexpr auto fields = nullptr;

template <typename T>
concept HasFields = !std::is_same_v<std::remove_cv_t<decltype(fields<T>)>, std::nullptr_t>;
/// A path or an id: a text under a type of its own.
template <typename T>
concept NamedText = requires(T t) {
  { t.value } -> std::same_as<std::string&>;
} && !HasFields<T>;

template <typename T>
inline constexpr bool is_optional = false;
template <typename T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <typename T>
inline constexpr bool is_vector = false;
template <typename T>
inline constexpr bool is_vector<std::vector<T>> = true;

/// What a field holds, as JSON; an optional without a value is null.
template <typename T>
value to_json(const T& from) {
  if constexpr (std::same_as<T, bool>) {
    return from;
  } else if constexpr (std::same_as<T, std::string>) {
    return value(from);
  } else if constexpr (std::same_as<T, char>) {
    return value(std::string(1, from));
  } else if constexpr (std::is_enum_v<T> || std::integral<T>) {
    return static_cast<std::conditional_t<std::unsigned_integral<T>, std::uint64_t, std::int64_t>>(from);
  } else if constexpr (is_optional<T>) {
    return from ? to_json(*from) : value(nullptr);
  } else if constexpr (is_vector<T>) {
    array all;
    for (const auto& one : from) all.push_back(to_json(one));
    return all;
  } else if constexpr (HasFields<T>) {
    object all;
    std::apply([&](const auto&... field) { ((all[field.name] = to_json(from.*field.member)), ...); },
               fields<T>);
    return all;
  } else {
    static_assert(NamedText<T>);
    return value(from.value);
  }
}

/// The other way round. What is missing in an object keeps the value it has; throws Error{invalid} naming the
/// field that is of another kind.
template <typename T>
void from_json(const value& from, T& to, std::string_view name) {
  const auto expect = [&](bool is_so, const char* kind) {
    if (!is_so) throw Error(ErrorKind::invalid, format("\"{}\" is not {}", name, kind));
  };
  if constexpr (std::same_as<T, bool>) {
    expect(from.is_bool(), "true or false");
    to = from.get_bool();
  } else if constexpr (std::same_as<T, std::string>) {
    expect(from.is_string(), "a text");
    to = std::string(from.get_string());
  } else if constexpr (std::same_as<T, char>) {
    expect(from.is_string() && from.get_string().size() == 1, "a character");
    to = from.get_string()[0];
  } else if constexpr (std::is_enum_v<T> || std::integral<T>) {
    boost::system::error_code error;
    using Number = std::conditional_t<std::is_enum_v<T>, std::int64_t, T>;
    const Number number = from.to_number<Number>(error);
    expect(!error, "a number that fits");
    to = static_cast<T>(number);
  } else if constexpr (is_optional<T>) {
    to.reset();
    if (!from.is_null()) from_json(from, to.emplace(), name);
  } else if constexpr (is_vector<T>) {
    expect(from.is_array(), "an array");
    to.clear();
    for (const auto& one : from.get_array()) from_json(one, to.emplace_back(), name);
  } else if constexpr (HasFields<T>) {
    expect(from.is_object(), "an object");
    std::apply(
        [&](const auto&... field) {
          const auto read = [&](const auto& one) {
            if (const value* found = from.get_object().if_contains(one.name))
              from_json(*found, to.*one.member, one.name);
          };
          (read(field), ...);
        },
        fields<T>);
  } else {
    static_assert(NamedText<T>);
    expect(from.is_string(), "a text");
    to = T(std::string(from.get_string()));
  }
}

}  // namespace tare::json
