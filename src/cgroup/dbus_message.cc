#include "cgroup/dbus_message.h"

#include "base/error.h"
#include "base/format.h"

namespace tare::cgroup {
namespace {

constexpr std::uint8_t protocol_version = 1;
/// Byte order, type, flags and version; the sizes of body and fields around the serial.
constexpr std::size_t fixed_size = 16;
constexpr std::size_t body_alignment = 8;

enum Field : std::uint8_t {
  path = 1,
  interface,
  member,
  error_name,
  reply_serial,
  destination,
  sender,
  signature
};
/// Of each field by its number; the ninth counts descriptors. Number 0 is none.
constexpr std::string_view field_types = " osssussgu";

Error broken(std::string_view why) {
  return Error(ErrorKind::system, format("cannot read a message from systemd: {}", why));
}

constexpr std::size_t rounded_up(std::size_t size, std::size_t to) { return (size + to - 1) / to * to; }

/// What a message of that type cannot be without: a bit for each field's number.
unsigned needed_fields(Message::Type type) {
  switch (type) {
    case Message::Type::call: return 1U << path | 1U << member;
    case Message::Type::reply: return 1U << reply_serial;
    case Message::Type::error: return 1U << error_name | 1U << reply_serial;
    case Message::Type::signal: return 1U << path | 1U << interface | 1U << member;
  }
  return 0;
}

std::string* text_field(Message& message, std::uint8_t number) {
  switch (number) {
    case interface: return &message.interface;
    case member: return &message.member;
    case error_name: return &message.error;
    default: return nullptr;
  }
}

/// Returns its number. One that is not known is passed over, as long as it has no parts of its own.
std::uint8_t read_field(WireReader& reader, Message& message) {
  const auto number = reader.number<std::uint8_t>();
  const std::string_view type = reader.signature();
  if (number == 0 || type.size() != 1 || (number < field_types.size() && type[0] != field_types[number]))
    throw broken(format("a header's field {} of the type {}", number, type));
  if (std::string* place = text_field(message, number))
    *place = reader.text();
  else if (number == reply_serial)
    message.replied = reader.number<std::uint32_t>();
  else if (number == signature)
    message.signature = reader.signature();
  else
    reader.skip(type[0]);
  return number;
}

void read_fields(WireReader& reader, std::size_t end, Message& message) {
  unsigned seen = 0;
  while (reader.position() < end) {
    reader.align(alignment_of('('));
    const std::uint8_t number = read_field(reader, message);
    if (number >= field_types.size()) continue;
    if (seen & 1U << number) throw broken(format("two fields {} in a header", number));
    seen |= 1U << number;
  }
  if (reader.position() != end) throw broken("a header that is longer than it says");
  if (const unsigned needed = needed_fields(message.type); (seen & needed) != needed)
    throw broken("a header without the fields that its type needs");
}

}  // namespace

std::size_t alignment_of(char type) {
  switch (type) {
    case 'n':
    case 'q': return 2;
    case 'b':
    case 'i':
    case 'u':
    case 's':
    case 'o':
    case 'a': return 4;
    case 'x':
    case 't':
    case 'd':
    case '(': return 8;
    default: return 1;  // y g v
  }
}

void WireWriter::add_text(std::string_view text) {
  if (text.contains('\0'))
    throw Error(ErrorKind::invalid, "cannot write a message to systemd: no text there can have a NUL byte");
  add_number(static_cast<std::uint32_t>(text.size()));
  bytes_.append(text) += '\0';
}

void WireWriter::add_signature(std::string_view signature) {
  bytes_ += static_cast<char>(signature.size());
  bytes_.append(signature) += '\0';
}

std::string to_bytes(const MethodCall& call, std::uint32_t serial) {
  WireWriter header;
  const auto begin_field = [&](Field field) {
    header.begin_struct();
    header.add_number(static_cast<std::uint8_t>(field));
    header.add_signature(field_types.substr(field, 1));
  };
  header.add_number(std::endian::native == std::endian::little ? 'l' : 'B');
  header.add_number(static_cast<std::uint8_t>(Message::Type::call));
  header.add_number(std::uint8_t{0});  // no flags: it is to be answered
  header.add_number(protocol_version);
  header.add_number(static_cast<std::uint32_t>(call.arguments.bytes().size()));
  header.add_number(serial);
  header.add_array('(', [&] {
    begin_field(path), header.add_text(call.object);
    begin_field(interface), header.add_text(call.interface);
    begin_field(member), header.add_text(call.member);
    begin_field(destination), header.add_text(call.destination);
    if (!call.signature.empty()) begin_field(signature), header.add_signature(call.signature);
  });
  header.align(body_alignment);
  return header.bytes() + call.arguments.bytes();
}

std::string_view WireReader::take(std::size_t size) {
  if (size > bytes_.size() - position_) throw broken("a value that is longer than the message");
  const std::string_view taken = bytes_.substr(position_, size);
  position_ += size;
  return taken;
}

std::string_view WireReader::take_terminated(std::size_t size) {
  const std::string_view text = take(size);
  if (take(1)[0] != '\0' || text.contains('\0'))
    throw broken("a text that does not end with its only NUL byte");
  return text;
}

std::string_view WireReader::text() { return take_terminated(number<std::uint32_t>()); }

std::string_view WireReader::signature() { return take_terminated(number<std::uint8_t>()); }

void WireReader::align(std::size_t to) {
  const std::string_view padding = take(rounded_up(position_, to) - position_);
  if (padding.find_first_not_of('\0') != padding.npos) throw broken("padding that is not zero");
}

void WireReader::skip(char type) {
  switch (type) {
    case 's':
    case 'o': text(); break;
    case 'g': signature(); break;
    case 'a':
    case 'v':
    case '(': throw broken("a value with parts where there can be none");
    default: align(alignment_of(type)), take(alignment_of(type));  // which are as large as they are aligned
  }
}

WireReader Message::read(std::string_view expected) const {
  if (!signature.starts_with(expected))
    throw broken(format("arguments of the types {}, where they should be {}", signature, expected));
  return {body, order};
}

std::string Message::error_text() const {
  return signature.starts_with('s') ? std::string(read("s").text()) : error;
}

std::optional<Message> take_message(std::string& bytes) {
  if (bytes.size() < fixed_size) return std::nullopt;
  if (bytes[0] != 'l' && bytes[0] != 'B') throw broken("no byte order");
  Message message;
  message.order = bytes[0] == 'l' ? std::endian::little : std::endian::big;
  WireReader reader(bytes, message.order);
  reader.skip('y');
  message.type = static_cast<Message::Type>(reader.number<std::uint8_t>());
  reader.skip('y');
  if (reader.number<std::uint8_t>() != protocol_version) throw broken("another version of the protocol");
  const std::size_t body_size = reader.number<std::uint32_t>();
  if (message.type == Message::Type{} || reader.number<std::uint32_t>() == 0)
    throw broken("no type, or no serial");
  const std::size_t fields_end = fixed_size + reader.number<std::uint32_t>(),
                    body_begin = rounded_up(fields_end, body_alignment), end = body_begin + body_size;
  if (end > largest_message) throw broken(format("it has {} bytes", end));
  if (bytes.size() < end) return std::nullopt;

  read_fields(reader, fields_end, message);
  reader.align(body_alignment);
  message.body = bytes.substr(body_begin, body_size);
  if (message.signature.empty() && body_size > 0) throw broken("arguments without types");
  bytes.erase(0, end);
  return message;
}

}  // namespace tare::cgroup
