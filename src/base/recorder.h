// The record of a run while it is made: what tare's processes do and which calls of the kernel that takes,
// each with its time, in memory that they share. Off unless it was switched on; then all of this costs a look
// at a pointer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tare::recorder {

/// Whose time it is.
enum class Lane : std::uint8_t { tare, monitor, init };

/// From now on, in this process and those that it forks. Throws when there is no memory.
void switch_on();
bool is_on() noexcept;
/// What this process does from now on is nobody's to read.
void switch_off() noexcept;

/// Nanoseconds of CLOCK_MONOTONIC.
std::int64_t now() noexcept;

struct Event {
  enum class Kind : std::uint8_t {
    process,  ///< at: the pid whose lane it is from now on
    begin,    ///< of the operation `text`; those that begin before its end are parts of it
    end,      ///< of the operation that began last
    call,     ///< of the kernel: `text` is its name and arguments as strace(1) writes them
  };
  Kind kind{};
  Lane lane{};
  bool waits = false;      ///< begin: for another lane, without work of its own
  std::int64_t at = 0;     ///< now()
  std::int64_t until = 0;  ///< call
  std::string_view text = {}, result = {};
};
/// Nothing when it is off or there is no room left. Allocates nothing.
void add(const Event& event) noexcept;

struct Recorded {
  Event event;  ///< without its texts
  std::string text, result;
};
/// All so far; each lane's in the order in which they were added.
std::vector<Recorded> recorded();
/// Whether there was no room for some.
bool is_full() noexcept;

/// This process, and its own lane from now on.
void enter(Lane lane) noexcept;
Lane own_lane() noexcept;

/// An operation of this process's own, while it lives.
class Span {
 public:
  enum class Kind : std::uint8_t {
    work,
    wait,
    relay,  ///< a wait that passes on what others write: those bytes are not shown
  };
  explicit Span(std::string_view verb, std::string_view object = {}, Kind kind = Kind::work) noexcept
      : kind_(kind) {
    if (is_on()) begin(verb, object);
  }
  ~Span() {
    if (is_on()) end();
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  void begin(std::string_view verb, std::string_view object) noexcept;
  void end() noexcept;

  Kind kind_;
};
/// Within a Span that is a relay.
bool hides_bytes() noexcept;

}  // namespace tare::recorder
