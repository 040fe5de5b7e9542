// A call of the kernel as a line of a trace: `openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY|O_CLOEXEC) =
// 3`.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/recorder.h"

namespace tare::recorder {

/// What one is called and how its arguments are to be read; one character for each, see recorder_call.cc.
struct CallKind {
  std::string_view name, arguments;
};
/// As the C library or the kernel names it; one that is not known has its numbers shown as they are.
CallKind call_kind(std::string_view name) noexcept;
/// By the kernel's number, such as SYS_openat2.
CallKind call_kind(long number) noexcept;

/// Where the texts of its arguments are: at most `size` bytes there, or fewer; empty: they cannot be read.
class Memory {
 public:
  virtual std::string_view read(std::uint64_t address, std::size_t size) const noexcept = 0;

 protected:
  ~Memory() = default;
};
/// This process's.
const Memory& own_memory() noexcept;

struct Call {
  CallKind kind;
  long number = -1;  ///< the kernel's, for a call without a name
  std::array<std::uint64_t, 6> arguments{};
  std::int64_t result = 0;  ///< as the kernel gives it: an error is a negative errno
  std::int64_t begin = 0, end = 0;
};
/// Adds it to the trace. Allocates nothing.
void add_call(Lane lane, const Call& call, const Memory& memory) noexcept;

}  // namespace tare::recorder
