// Messages of D-Bus, written down by hand for the tests, right or wrong.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tare::cgroup {

inline std::string words_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// RawBytes written down by hand: numbers in the order of `order`, everything else as it is.
class RawBytes {
 public:
  explicit RawBytes(std::endian order = std::endian::native) : order_(order) {}

  RawBytes& number(std::uint32_t value) {
    const std::uint32_t written = order_ == std::endian::native ? value : std::byteswap(value);
    text_.append(reinterpret_cast<const char*>(&written), sizeof written);
    return *this;
  }
  RawBytes& raw(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }
  RawBytes& zeros(std::size_t count) {
    text_.append(count, '\0');
    return *this;
  }
  const std::string& text() const { return text_; }
  std::size_t size() const { return text_.size(); }

 private:
  std::endian order_;
  std::string text_;
};

/// A message of the program's, with each part as it is given, right or wrong.
struct Written {
  std::endian order = std::endian::native;
  std::uint8_t type = 2, version = 1;
  std::uint32_t serial = 7;
  RawBytes fields = RawBytes(order), body = RawBytes(order);
  std::optional<std::uint32_t> fields_size = {}, body_size = {};
  char padding = '\0';

  Written& field(std::uint8_t number, std::string_view type_of_it, const RawBytes& value) {
    fields.raw(std::string((8 - fields.size() % 8) % 8, padding));
    fields.raw({reinterpret_cast<const char*>(&number), 1}).raw("\1").raw(type_of_it).zeros(1);
    fields.raw(value.text());
    return *this;
  }
  Written& text(std::uint8_t number, std::string_view type_of_it, std::string_view value) {
    return field(number, type_of_it,
                 RawBytes(order).number(static_cast<std::uint32_t>(value.size())).raw(value).zeros(1));
  }
  Written& signature(std::string_view value) {
    const auto size = static_cast<char>(value.size());
    return field(8, "g", RawBytes(order).raw({&size, 1}).raw(value).zeros(1));
  }
  Written& replied(std::uint32_t number) { return field(5, "u", RawBytes(order).number(number)); }
  Written& argument(std::string_view value) {
    body.zeros((4 - body.size() % 4) % 4)
        .number(static_cast<std::uint32_t>(value.size()))
        .raw(value)
        .zeros(1);
    return *this;
  }

  std::string bytes() const {
    RawBytes all(order);
    all.raw(order == std::endian::little ? "l" : "B").raw({reinterpret_cast<const char*>(&type), 1}).zeros(1);
    all.raw({reinterpret_cast<const char*>(&version), 1});
    all.number(body_size.value_or(static_cast<std::uint32_t>(body.size()))).number(serial);
    all.number(fields_size.value_or(static_cast<std::uint32_t>(fields.size()))).raw(fields.text());
    return all.raw(std::string((8 - all.size() % 8) % 8, padding)).raw(body.text()).text();
  }
};

inline Written reply_to(std::uint32_t serial, std::endian order = std::endian::native) {
  Written written{.order = order};
  return written.replied(serial).text(7, "s", ":1.1").signature("o").argument("/job/1");
}

inline Written error_to(std::uint32_t serial, std::endian order = std::endian::native) {
  Written written{.order = order, .type = 3};
  return written.text(4, "s", "a.b.NoSuchUnit").replied(serial).signature("s").argument("There is none.");
}

inline Written job_removed(std::endian order = std::endian::native) {
  Written written{.order = order, .type = 4};
  written.text(1, "o", "/org/freedesktop/systemd1").text(2, "s", "a.b.Manager").text(3, "s", "JobRemoved");
  written.signature("uoss").body.number(1);
  return written.argument("/job/1").argument("a.scope").argument("done");
}

}  // namespace tare::cgroup
