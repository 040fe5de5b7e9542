// The files of /proc: read without surprises, and taken apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sys/unique_fd.h"

namespace tare::explain {

/// At most `limit` bytes: what is in these files is, in part, up to the container. Empty where there is no
/// such file, or its process has ended meanwhile.
std::string read_some(sys::Fd directory, const std::string& path, std::size_t limit = 4 << 20);

/// The next word of a line; blanks and tabs around it go.
std::string_view next_field(std::string_view& line);

/// What stands after "KEY:" in a file such as /proc/PID/status; empty where there is none.
std::string_view value_of(std::string_view text, std::string_view key);

/// 0 where it is none.
std::uint64_t number_from(std::string_view text, int base = 10);

}  // namespace tare::explain
