// Messages of D-Bus as they go over a socket (D-Bus Specification, "Type System" and "Message Protocol"):
// method calls are written, replies and signals are read. Pure.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace tare::cgroup {

/// A value of this type, a character of a signature, begins at a multiple of so many bytes.
std::size_t alignment_of(char type);

/// Values one after the other, in this machine's byte order. Alignment counts from the first of them.
class WireWriter {
 public:
  /// Types y n q b i u x t d; b is an uint32_t of 0 or 1.
  template <typename Number>
  void add_number(Number number) {
    align(sizeof number);
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  /// Types s and o. Throws Error{invalid} when there is a NUL byte in it.
  void add_text(std::string_view text);
  /// Type g, and what a variant begins with, before its value.
  void add_signature(std::string_view signature);
  /// Before the members of a struct; nothing comes after them.
  void begin_struct() { align(alignment_of('(')); }
  /// `fill` writes elements of the type whose signature begins with that character.
  template <typename Fill>
  void add_array(char element, Fill fill) {
    add_number(std::uint32_t{0});
    const std::size_t after_length = bytes_.size();
    // The length counts neither itself nor the padding, which is there for no elements, too.
    align(alignment_of(element));
    const std::size_t begin = bytes_.size();
    fill();
    const auto length = static_cast<std::uint32_t>(bytes_.size() - begin);
    std::memcpy(&bytes_[after_length - sizeof length], &length, sizeof length);
  }
  void align(std::size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to); }

  const std::string& bytes() const noexcept { return bytes_; }

 private:
  std::string bytes_;
};

struct MethodCall {
  std::string_view destination, object, interface, member;
  std::string_view signature = {};  ///< of the arguments
  WireWriter arguments = {};
};
/// `serial`: the call's own number, not 0.
std::string to_bytes(const MethodCall& call, std::uint32_t serial);

/// Values one after the other, as WireWriter writes them. Throws Error{system} where the bytes cannot be it.
class WireReader {
 public:
  WireReader(std::string_view bytes, std::endian order) noexcept : bytes_(bytes), order_(order) {}

  template <typename Number>
  Number number() {
    align(sizeof(Number));
    Number read;
    std::memcpy(&read, take(sizeof read).data(), sizeof read);
    return order_ == std::endian::native ? read : std::byteswap(read);
  }
  /// Types s and o.
  std::string_view text();
  /// Type g, and what a variant begins with.
  std::string_view signature();
  /// Over padding, which is zeros.
  void align(std::size_t to);
  /// Over a value of a type of fixed size, or a text.
  void skip(char type);
  std::size_t position() const noexcept { return position_; }

 private:
  std::string_view take(std::size_t size);
  std::string_view take_terminated(std::size_t size);

  std::string_view bytes_;
  std::endian order_;
  std::size_t position_ = 0;
};

struct Message {
  /// What is of another type is to be passed over.
  enum class Type : std::uint8_t { call = 1, reply, error, signal };
  Type type{};
  std::endian order = std::endian::native;
  std::uint32_t replied = 0;      ///< of a reply or an error: the serial of the call
  std::string interface, member;  ///< of a call or a signal
  std::string error;              ///< of an error: its name
  std::string signature, body;

  /// The arguments; `expected` is what the signature must begin with. The message must outlive the reader.
  WireReader read(std::string_view expected) const;
  /// What an error says to people: its text, or else its name.
  std::string error_text() const;
};

/// The specification has 128 MiB; systemd's signals have some hundred bytes.
inline constexpr std::size_t largest_message = 16 << 20;

/// Takes a message off the front of what came; nullopt: it is not complete. Throws Error{system} where there
/// is none, or a larger one.
std::optional<Message> take_message(std::string& bytes);

}  // namespace tare::cgroup
