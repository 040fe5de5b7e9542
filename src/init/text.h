// The few string functions init needs.
#pragma once

#include <stddef.h>

namespace tare::init {

inline constexpr size_t path_limit = 4096;

inline size_t length(const char* text) {
  size_t n = 0;
  while (text[n]) n++;
  return n;
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
  char* text() { return text_; }
  bool too_long() const { return too_long_; }

 private:
  char text_[path_limit] = {};
  size_t size_ = 0;
  bool too_long_ = false;
};

}  // namespace tare::init
