#include "base/time.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"

namespace tare {
namespace {

constexpr std::int64_t seconds_per_day = 86'400;

// RFC 3339's shape, where 0 stands for any digit and T for what may stand between a date and a time.
constexpr std::string_view moment_shape = "0000-00-00T00:00:00", offset_shape = "00:00";

bool has_shape(std::string_view text, std::string_view shape) {
  if (text.size() < shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); i++) {
    const char c = text[i];
    const bool fits = shape[i] == '0'   ? c >= '0' && c <= '9'
                      : shape[i] == 'T' ? c == 'T' || c == 't' || c == ' '
                                        : c == shape[i];
    if (!fits) return false;
  }
  return true;
}

int number(std::string_view text, std::size_t at, std::size_t digits) {
  int value = 0;
  for (const char c : text.substr(at, digits)) value = value * 10 + (c - '0');
  return value;
}

// Of what follows a point; what is less than a nanosecond is dropped.
std::int32_t nanoseconds_of(std::string_view digits) {
  std::int32_t value = 0, weight = 100'000'000;
  for (const char c : digits) {
    value += (c - '0') * weight;
    weight /= 10;
  }
  return value;
}

// East of Greenwich; nullopt: this is no zone.
std::optional<int> offset_of(std::string_view zone) {
  if (zone == "Z" || zone == "z") return 0;
  if (zone.empty() || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
  const std::string_view offset = zone.substr(1);
  if (offset.size() != offset_shape.size() || !has_shape(offset, offset_shape)) return std::nullopt;
  const int hours = number(offset, 0, 2), minutes = number(offset, 3, 2);
  if (hours > 23 || minutes > 59) return std::nullopt;
  return (hours * 60 + minutes) * (zone[0] == '-' ? -60 : 60);
}

}  // namespace

Time now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const std::chrono::nanoseconds left = since - seconds;
  return {seconds.count(), static_cast<std::int32_t>(left.count())};
}

std::chrono::seconds seconds_between(Time from, Time to) {
  return std::chrono::seconds(to.seconds - from.seconds - (to.nanoseconds < from.nanoseconds ? 1 : 0));
}

std::string format_time(Time time) {
  const std::chrono::sys_seconds moment{std::chrono::seconds(time.seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::int64_t second = (moment - day).count();
  return format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), second / 3600,
                second / 60 % 60, second % 60, time.nanoseconds);
}

std::optional<Time> try_parse_time(std::string_view text) {
  if (!has_shape(text, moment_shape)) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(number(text, 0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(text, 5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(text, 8, 2)))};
  const int hour = number(text, 11, 2), minute = number(text, 14, 2), second = number(text, 17, 2);
  std::string_view zone = text.substr(moment_shape.size());
  Time time;
  if (zone.starts_with('.')) {
    const std::string_view decimals =
        zone.substr(1, std::min(zone.find_first_not_of("0123456789", 1), zone.size()) - 1);
    if (decimals.empty()) return std::nullopt;
    time.nanoseconds = nanoseconds_of(decimals);
    zone.remove_prefix(1 + decimals.size());
  }
  const auto offset = offset_of(zone);
  if (!offset || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  time.seconds = days * seconds_per_day + hour * 3600 + minute * 60 + second - *offset;
  return time;
}

Time parse_time(std::string_view text) {
  if (const auto time = try_parse_time(text)) return *time;
  throw Error(ErrorKind::invalid, format("invalid time: '{}'", text), 0, "as in 2024-02-29T12:00:00Z");
}

}  // namespace tare
