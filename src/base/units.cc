#include "base/units.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "base/format.h"

namespace tare {
namespace {

__extension__ using Wide = __int128;
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// A plain decimal number as billionths; whatever follows the ninth decimal is only asked whether it is zero.
struct Decimal {
  std::int64_t whole = 0;
  std::int64_t billionths = 0;
  bool exact = true;
  bool overflow = false;
};

/// Takes digits, at most one point, at least one digit off the front of `text`.
std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal number;
  std::size_t digits = 0;
  const auto digit_follows = [&] { return !text.empty() && is_digit(text.front()); };
  const auto take_digit = [&] {
    const int digit = text.front() - '0';
    text.remove_prefix(1);
    ++digits;
    return digit;
  };
  while (digit_follows()) {
    const int digit = take_digit();
    if (number.whole > (largest - digit) / 10)
      number.overflow = true;
    else
      number.whole = number.whole * 10 + digit;
  }
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    for (std::int64_t weight = 100'000'000; digit_follows(); weight /= 10) {
      const int digit = take_digit();
      number.billionths += digit * weight;
      if (weight == 0 && digit != 0) number.exact = false;
    }
  }
  if (digits == 0) return std::nullopt;
  return number;
}

/// The power of 1024 (or 1000) a suffix stands for; nullopt when it is none. `b` and the empty suffix are 0.
std::optional<int> size_exponent(std::string_view suffix) {
  if (suffix.empty()) return 0;
  constexpr std::string_view units = "bkmgtp";
  const auto exponent = units.find(lower(suffix.front()));
  if (exponent == units.npos) return std::nullopt;
  suffix.remove_prefix(1);
  const bool plain = suffix.empty();
  const bool with_b = exponent > 0 && suffix.size() == 1 && lower(suffix[0]) == 'b';
  const bool with_ib =
      exponent > 0 && suffix.size() == 2 && lower(suffix[0]) == 'i' && lower(suffix[1]) == 'b';
  if (!plain && !with_b && !with_ib) return std::nullopt;
  return static_cast<int>(exponent);
}

Bytes read_size(std::string_view text, int base) {
  std::string_view rest = text;
  const auto number = take_decimal(rest);
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  const auto exponent = size_exponent(rest);
  if (!number || !exponent)
    throw Error(ErrorKind::invalid, format("invalid size: '{}'", text), 0,
                "a number with one of b, k, m, g, t, p, as in 512m");
  Wide unit = 1;
  for (int i = 0; i < *exponent; ++i) unit *= base;
  const Wide size = number->whole * unit + number->billionths * unit / 1'000'000'000;
  if (number->overflow || size > largest)
    throw Error(ErrorKind::invalid, format("size is too large: '{}'", text), 0, "less than 8192p");
  return static_cast<Bytes>(size);
}

std::string counted(std::int64_t count, std::string_view unit) {
  return std::to_string(count).append(" ").append(unit);
}

struct TimeUnit {
  std::string_view name;
  double nanoseconds;
};
// A name comes before those it begins with.
constexpr TimeUnit time_units[] = {{"ns", 1},   {"us", 1e3}, {"µs", 1e3}, {"μs", 1e3},
                                   {"ms", 1e6}, {"s", 1e9},  {"m", 60e9}, {"h", 3600e9}};

}  // namespace

Bytes parse_size(std::string_view text) { return read_size(text, 1024); }
Bytes parse_size_decimal(std::string_view text) { return read_size(text, 1000); }

Bytes parse_size_or_unlimited(std::string_view text) { return text == "-1" ? -1 : parse_size(text); }

std::string format_size(Bytes size) {
  constexpr std::array<std::string_view, 7> units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double scaled = static_cast<double>(size);
  std::size_t unit = 0;
  for (; scaled >= 1024 && unit + 1 < units.size(); ++unit) scaled /= 1024;
  return format("{:.4g}{}", scaled, units[unit]);
}

std::string format_size_decimal(Bytes size) {
  constexpr std::array<std::string_view, 7> units = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  double scaled = static_cast<double>(size);
  std::size_t unit = 0;
  // From 999.5 on, three digits would read 1e+03.
  for (; scaled >= 999.5 && unit + 1 < units.size(); ++unit) scaled /= 1000;
  return format("{:.3g}{}", scaled, units[unit]);
}

NanoCpus parse_cpus(std::string_view text) {
  std::string_view rest = text;
  const auto number = take_decimal(rest);
  if (!number || !rest.empty())
    throw Error(ErrorKind::invalid, format("invalid number of CPUs: '{}'", text), 0, "as in 2 or 0.5");
  if (!number->exact)
    throw Error(ErrorKind::invalid, format("number of CPUs is too precise: '{}'", text), 0,
                "at most nine decimals");
  if (number->overflow || number->whole > 1'000'000)
    throw Error(ErrorKind::invalid, format("number of CPUs is too large: '{}'", text));
  return number->whole * 1'000'000'000 + number->billionths;
}

std::int64_t cpu_quota(NanoCpus cpus, std::int64_t period) {
  return static_cast<std::int64_t>(static_cast<Wide>(cpus) * period / 1'000'000'000);
}

std::optional<std::chrono::nanoseconds> try_parse_duration(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    if (!is_digit(text.front()) && text.front() != '.') return std::nullopt;
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const auto* unit =
        std::ranges::find_if(time_units, [&](const TimeUnit& one) { return text.starts_with(one.name); });
    if (unit == std::end(time_units)) return std::nullopt;
    text.remove_prefix(unit->name.size());
    total += number * unit->nanoseconds;
  }
  if (total > 9.2e18) return std::nullopt;  // 292 years, as in Go
  return std::chrono::nanoseconds(static_cast<std::int64_t>(is_negative ? -total : total));
}

std::string format_duration(std::chrono::seconds duration) {
  const std::int64_t seconds = duration.count();
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return counted(seconds, "seconds");
  const std::int64_t minutes = seconds / 60;
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return counted(minutes, "minutes");
  // Hours are rounded to the nearest, everything above is cut: so docker counts.
  const std::int64_t hours = seconds / 3600 + (seconds % 3600 >= 1800 ? 1 : 0);
  if (hours == 1) return "About an hour";
  if (hours < 48) return counted(hours, "hours");
  if (hours < 24 * 7 * 2) return counted(hours / 24, "days");
  if (hours < 24 * 30 * 2) return counted(hours / 24 / 7, "weeks");
  if (hours < 24 * 365 * 2) return counted(hours / 24 / 30, "months");
  return counted(seconds / 3600 / 24 / 365, "years");
}

std::string human_ago(std::chrono::seconds age) { return format_duration(age) + " ago"; }

void refuse_integer(std::string_view text, std::errc reason, std::string range) {
  if (reason == std::errc::result_out_of_range)
    throw Error(ErrorKind::invalid, format("number is out of range: '{}'", text), 0, std::move(range));
  throw Error(ErrorKind::invalid, format("not a whole number: '{}'", text));
}

}  // namespace tare
