#include "engine/moment.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"

namespace tare::engine {
namespace {

constexpr std::int64_t billion = 1'000'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<Time> read_seconds(std::string_view text) {
  Time time;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, time.seconds);
  if (error != std::errc()) return std::nullopt;
  if (stop == end) return time;
  std::string decimals(stop + 1, end);
  if (*stop != '.' || decimals.empty() || decimals.size() > 9) return std::nullopt;
  if (!std::ranges::all_of(decimals, is_digit)) return std::nullopt;
  decimals.resize(9, '0');
  std::from_chars(decimals.data(), decimals.data() + 9, time.nanoseconds);
  return time;
}

// Of a date and a time of day without a zone.
Time local_time(Time as_if_utc) {
  std::tm parts{};
  const std::time_t seconds = as_if_utc.seconds;
  ::gmtime_r(&seconds, &parts);
  parts.tm_isdst = -1;
  return {::mktime(&parts), as_if_utc.nanoseconds};
}

struct Completion {
  std::size_t length;  // of what is written, without zone
  std::string_view rest;
};
constexpr Completion completions[] = {{10, "T00:00:00"}, {13, ":00:00"}, {16, ":00"}};

// RFC 3339, of which the end of the time of day and the zone may be missing.
std::optional<Time> read_date(std::string_view text) {
  if (const auto time = try_parse_time(text)) return time;
  if (text.size() < 10) return std::nullopt;
  const auto zone = std::min(text.find_first_of("Zz+-", 10), text.size());
  std::string whole(text.substr(0, zone));
  for (const auto& completion : completions)
    if (whole.size() == completion.length) whole += completion.rest;
  if (zone < text.size()) return try_parse_time(whole.append(text.substr(zone)));
  const auto time = try_parse_time(whole + "Z");
  return time ? std::optional(local_time(*time)) : std::nullopt;
}

}  // namespace

Time parse_moment(std::string_view text, Time now) {
  if (const auto seconds = read_seconds(text)) return *seconds;
  if (const auto duration = try_parse_duration(text)) {
    std::int64_t nanoseconds = now.nanoseconds - duration->count() % billion;
    std::int64_t seconds = now.seconds - duration->count() / billion;
    if (nanoseconds < 0) nanoseconds += billion, seconds--;
    if (nanoseconds >= billion) nanoseconds -= billion, seconds++;
    return {seconds, static_cast<std::int32_t>(nanoseconds)};
  }
  if (const auto date = read_date(text)) return *date;
  throw Error(ErrorKind::invalid, format("invalid time: '{}'", text), 0,
              "as in 10m, 2024-02-29, 2024-02-29T12:00:00Z or 1709208000");
}

}  // namespace tare::engine
