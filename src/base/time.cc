#include "base/time.h"

#include "base/error.h"
#include "base/format.h"

namespace tare {
namespace {

constexpr std::int64_t seconds_per_day = 86'400;

/// Takes the text apart from the front; after the first thing that does not fit, nothing fits.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool fits() const { return fits_; }
  bool at_end() const { return rest_.empty(); }
  bool next_is(std::string_view any_of) const {
    return fits_ && !rest_.empty() && any_of.contains(rest_.front());
  }
  char take(std::string_view any_of) {
    if (!next_is(any_of)) {
      fits_ = false;
      return '\0';
    }
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  bool next_is_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
  char take_digit() {
    if (!next_is_digit()) {
      fits_ = false;
      return '0';
    }
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  int take_number(int digits, int minimum, int maximum) {
    int number = 0;
    for (; digits > 0 && fits_; --digits) number = number * 10 + (take_digit() - '0');
    if (number < minimum || number > maximum) fits_ = false;
    return number;
  }
  std::int32_t take_decimals() {
    if (!next_is_digit()) fits_ = false;
    std::int32_t nanoseconds = 0;
    for (int weight = 100'000'000; next_is_digit(); weight /= 10)
      nanoseconds += (take_digit() - '0') * weight;
    return nanoseconds;
  }

 private:
  std::string_view rest_;
  bool fits_ = true;
};

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
  Reader reader(text);
  const int year = reader.take_number(4, 0, 9999);
  reader.take("-");
  const int month = reader.take_number(2, 1, 12);
  reader.take("-");
  const int day = reader.take_number(2, 1, 31);
  reader.take("Tt ");
  const int hour = reader.take_number(2, 0, 23);
  reader.take(":");
  const int minute = reader.take_number(2, 0, 59);
  reader.take(":");
  const int second = reader.take_number(2, 0, 59);
  Time time;
  if (reader.next_is(".")) {
    reader.take(".");
    time.nanoseconds = reader.take_decimals();
  }
  const char zone = reader.take("Zz+-");
  int offset = 0;
  if (zone == '+' || zone == '-') {
    const int hours = reader.take_number(2, 0, 23);
    reader.take(":");
    offset = (hours * 60 + reader.take_number(2, 0, 59)) * (zone == '-' ? -60 : 60);
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!reader.fits() || !reader.at_end() || !date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  time.seconds = days * seconds_per_day + hour * 3600 + minute * 60 + second - offset;
  return time;
}

Time parse_time(std::string_view text) {
  if (const auto time = try_parse_time(text)) return *time;
  throw Error(ErrorKind::invalid, format("invalid time: '{}'", text), 0, "as in 2024-02-29T12:00:00Z");
}

}  // namespace tare
