// Protocol buffers as they are on the wire, as far as criu speaks them: whole numbers, texts, and messages in
// messages. What a field means is said by its number, which is that of the .proto file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace tare::runtime::protobuf {

/// A message that is written field by field.
class Writer {
 public:
  /// Of the types int32, uint32, bool and enum.
  void add(unsigned field, std::int64_t value);
  void add(unsigned field, std::string_view text);
  void add(unsigned field, const Writer& message) { add(field, message.bytes()); }
  std::string_view bytes() const noexcept { return bytes_; }

 private:
  void add_varint(std::uint64_t value);

  std::string bytes_;
};

struct Field {
  unsigned number = 0;
  std::variant<std::uint64_t, std::string_view> value;

  /// As an int32, a bool or an enum; throws Error{invalid} where it is a text.
  std::int32_t as_number() const;
  /// A text, or a message; throws Error{invalid} where it is a number.
  std::string_view as_bytes() const;
};

/// A message that is read field by field.
class Reader {
 public:
  /// What it gives are views into `message`.
  explicit Reader(std::string_view message) noexcept : rest_(message) {}
  /// nullopt: there are no more. Those of other types are passed over. Throws Error{invalid} where it is no
  /// message.
  std::optional<Field> next();

 private:
  std::uint64_t take_varint();
  std::string_view take(std::uint64_t size);

  std::string_view rest_;
};

}  // namespace tare::runtime::protobuf
