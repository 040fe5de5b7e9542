// The few string functions init needs.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace tare::init {

inline constexpr size_t path_limit = 4096;

inline size_t length(const char* text) {
  size_t n = 0;
  while (text[n]) n++;
  return n;
}

/// What follows `prefix` in `text`; null where that begins otherwise.
inline const char* after_prefix(const char* text, const char* prefix) {
  for (; *prefix; text++, prefix++)
    if (*text != *prefix) return nullptr;
  return text;
}
inline bool is_same(const char* a, const char* b) {
  const char* rest = after_prefix(a, b);
  return rest && *rest == '\0';
}
inline bool contains(const char* text, char wanted) {
  while (*text && *text != wanted) text++;
  return *text != '\0';
}

/// The decimal number at its beginning.
inline uint64_t number_in(const char* text) {
  uint64_t number = 0;
  for (; *text >= '0' && *text <= '9'; text++) number = number * 10 + static_cast<uint64_t>(*text - '0');
  return number;
}

inline const char* after_terminator(const char* text) { return text + length(text) + 1; }

/// A path being put together in place; what does not fit is remembered, not written.
class PathBuffer {
 public:
  void clear() { size_ = 0, text_[0] = 0; }
  void append(const char* text, size_t size) {
    if (size >= path_limit - size_) {
      too_long_ = true;
      return;
    }
    for (size_t i = 0; i < size; i++) text_[size_ + i] = text[i];
    size_ += size;
    text_[size_] = 0;
  }
  void append(const char* text) { append(text, length(text)); }
  void append_number(int number) {
    if (number >= 10) append_number(number / 10);
    const char digit = static_cast<char>('0' + number % 10);
    append(&digit, 1);
  }
  char* text() { return text_; }
  bool too_long() const { return too_long_; }

 private:
  char text_[path_limit] = {};
  size_t size_ = 0;
  bool too_long_ = false;
};

}  // namespace tare::init
