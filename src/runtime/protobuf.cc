#include "runtime/protobuf.h"

#include "base/error.h"
#include "base/format.h"

namespace tare::runtime::protobuf {
namespace {

// The low bits of what a field begins with; above them is its number.
enum class Type : unsigned { varint = 0, eight_bytes = 1, sized = 2, four_bytes = 5 };
constexpr unsigned type_bits = 3;
constexpr unsigned most_fields = (1U << 29) - 1;

constexpr unsigned head(unsigned field, Type type) {
  return field << type_bits | static_cast<unsigned>(type);
}

Error malformed(std::string_view what) {
  return Error(ErrorKind::invalid, format("malformed message: {}", what));
}

}  // namespace

// Seven bits in each byte, the lowest first; the eighth says that there are more.
void Writer::add_varint(std::uint64_t value) {
  for (; value > 0x7f; value >>= 7) bytes_ += static_cast<char>(0x80 | (value & 0x7f));
  bytes_ += static_cast<char>(value);
}

void Writer::add(unsigned field, std::int64_t value) {
  add_varint(head(field, Type::varint));
  add_varint(static_cast<std::uint64_t>(value));
}

void Writer::add(unsigned field, std::string_view text) {
  add_varint(head(field, Type::sized));
  add_varint(text.size());
  bytes_ += text;
}

// A negative one is written with 64 bits.
std::int32_t Field::as_number() const {
  const auto* number_there = std::get_if<std::uint64_t>(&value);
  if (!number_there) throw malformed(format("field {} is no number", number));
  return static_cast<std::int32_t>(*number_there);
}

std::string_view Field::as_bytes() const {
  const auto* bytes = std::get_if<std::string_view>(&value);
  if (!bytes) throw malformed(format("field {} is no text", number));
  return *bytes;
}

std::uint64_t Reader::take_varint() {
  constexpr unsigned last_shift = 63;
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift <= last_shift; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1).front());
    if (shift == last_shift && byte > 1) break;
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return value;
  }
  throw malformed("a number has more than 64 bits");
}

std::string_view Reader::take(std::uint64_t size) {
  if (size > rest_.size()) throw malformed("it ends too early");
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

std::optional<Field> Reader::next() {
  while (!rest_.empty()) {
    const std::uint64_t begin = take_varint(), number = begin >> type_bits;
    if (number == 0 || number > most_fields) throw malformed("there is no such field");
    Field field{.number = static_cast<unsigned>(number), .value = {}};
    switch (static_cast<Type>(begin & ((1U << type_bits) - 1))) {
      case Type::varint: field.value = take_varint(); return field;
      case Type::sized: field.value = take(take_varint()); return field;
      case Type::eight_bytes: take(8); break;
      case Type::four_bytes: take(4); break;
      default: throw malformed(format("field {} has a type that is not known", number));
    }
  }
  return std::nullopt;
}

}  // namespace tare::runtime::protobuf
