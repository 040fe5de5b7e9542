// File descriptors: UniqueFd owns one, Fd borrows one. No bare int descriptor above sys/.
#pragma once

#include <unistd.h>
#include <utility>

namespace tare::sys {

/// A borrowed descriptor; the owner outlives it. Also carries AT_FDCWD.
class Fd {
 public:
  constexpr explicit Fd(int number) noexcept : number_(number) {}
  constexpr int number() const noexcept { return number_; }
  constexpr bool valid() const noexcept { return number_ >= 0; }

 private:
  int number_;
};

/// Owns a descriptor and closes it.
class UniqueFd {
 public:
  constexpr UniqueFd() noexcept = default;
  constexpr explicit UniqueFd(int number) noexcept : number_(number) {}
  UniqueFd(UniqueFd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  ~UniqueFd() { reset(); }

  constexpr operator Fd() const noexcept { return Fd(number_); }
  constexpr int number() const noexcept { return number_; }
  constexpr bool valid() const noexcept { return number_ >= 0; }
  constexpr explicit operator bool() const noexcept { return valid(); }
  void reset() noexcept {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

}  // namespace tare::sys
