// Points in time, in UTC, and their RFC 3339 form.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tare {

/// A point in time. Not a chrono time_point of nanoseconds: those end in the years 1677 and 2262, and image
/// configurations say "0001-01-01T00:00:00Z" for never.
struct Time {
  std::int64_t seconds = 0;      ///< since 1970-01-01T00:00:00Z
  std::int32_t nanoseconds = 0;  ///< 0 … 999 999 999, added
  auto operator<=>(const Time&) const = default;
};

/// The wall clock.
Time now();

/// Whole seconds from one to the other, rounded down; negative when `to` is earlier.
std::chrono::seconds seconds_between(Time from, Time to);

/// "2024-02-29T12:00:00.000000001Z": always nine decimals, so that the texts sort as the times do (years 0 …
/// 9999).
std::string format_time(Time time);

/// RFC 3339: any offset, decimals optional (those beyond nine are dropped), no leap second (as Go's parser).
std::optional<Time> try_parse_time(std::string_view text);
/// The same; throws Error{invalid} naming the text.
Time parse_time(std::string_view text);

}  // namespace tare
