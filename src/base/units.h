// Quantities as people write and read them: sizes, whole numbers, CPUs, durations. Pure.
#pragma once

#include <charconv>
#include <chrono>
#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "base/types.h"

namespace tare {

/// A size as docker takes it: "512", "512b", "64k", "64kb", "64KiB", "1.5g", "1 g"; units b k m g t p, powers
/// of 1024, a fraction of a byte is dropped. Throws Error{invalid} naming the text; never negative.
Bytes parse_size(std::string_view text);
/// The same in powers of 1000, as docker reads the sizes of logs.
Bytes parse_size_decimal(std::string_view text);
/// The same, and "-1" for no limit, which comes back as -1 (`--memory-swap -1`).
Bytes parse_size_or_unlimited(std::string_view text);

/// "953.7MiB": four digits, powers of 1024 (docker stats).
std::string format_size(Bytes size);
/// "72.8MB": three digits, powers of 1000 (docker images, docker ps --size).
std::string format_size_decimal(Bytes size);

/// Billionths of a CPU, as docker's API counts them.
using NanoCpus = std::int64_t;
/// `--cpus 1.5`: a plain decimal number with at most nine decimals, exact. Throws Error{invalid}.
NanoCpus parse_cpus(std::string_view text);
/// The cgroup's quota in microseconds for a period in microseconds, rounded down.
std::int64_t cpu_quota(NanoCpus cpus, std::int64_t period = 100'000);

/// As Go reads durations, numbers with units one after the other: "5s", "1h30m", "1.5ms", "-2us"; nullopt for
/// anything else.
std::optional<std::chrono::nanoseconds> try_parse_duration(std::string_view text);
/// "Less than a second", "5 seconds", "About a minute", "2 hours", "3 weeks": docker's words. Negative counts
/// as 0.
std::string format_duration(std::chrono::seconds duration);
/// The same with " ago".
std::string human_ago(std::chrono::seconds age);

/// Throws what parse_integer throws.
[[noreturn]] void refuse_integer(std::string_view text, std::errc reason, std::string range);

/// The whole text as a decimal number: no spaces, no `+`, no `0x`, no `_`. Throws Error{invalid} naming the
/// text.
template <std::integral T>
T parse_integer(std::string_view text, T minimum = std::numeric_limits<T>::min(),
                T maximum = std::numeric_limits<T>::max()) {
  T number{};
  const char* const end = text.data() + text.size();
  auto [stop, reason] = std::from_chars(text.data(), end, number);
  if (stop != end || text.empty()) reason = std::errc::invalid_argument;
  if (reason == std::errc{} && (number < minimum || number > maximum))
    reason = std::errc::result_out_of_range;
  if (reason == std::errc{}) return number;
  refuse_integer(text, reason, "from " + std::to_string(minimum) + " to " + std::to_string(maximum));
}

}  // namespace tare
