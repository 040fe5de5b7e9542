#include "cgroup/unit_properties.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/number_list.h"
#include "cgroup/text.h"

namespace tare::cgroup {
namespace {

constexpr std::uint64_t infinity = UINT64_MAX;
constexpr std::uint64_t second = 1'000'000;  ///< in microseconds

std::uint64_t number_or_infinity(std::string_view text) { return to_number(text).value_or(infinity); }

/// How a file's value is told to systemd.
using Tell = void (*)(std::string_view property, std::string_view value, std::vector<Property>& into);

void tell_number(std::string_view property, std::string_view value, std::vector<Property>& into) {
  into.push_back(number(std::string(property), number_or_infinity(value)));
}

// It takes no 0, which the file does.
void tell_tasks(std::string_view property, std::string_view value, std::vector<Property>& into) {
  into.push_back(number(std::string(property), std::max<std::uint64_t>(number_or_infinity(value), 1)));
}

// The weight 0 is for who gets time only when nobody else wants it (since systemd 252).
void tell_idle(std::string_view property, std::string_view value, std::vector<Property>& into) {
  if (value != "1") return;
  into.push_back(number(std::string(property), 0));
  into.back().optional = true;
}

// Counted in whole percents of a CPU, so that it is rounded up: less would be less than what was asked for.
void tell_quota(std::string_view property, std::string_view value, std::vector<Property>& into) {
  constexpr std::uint64_t percent = second / 100, usual_period = 100'000;
  const auto quota = to_number(next_word(value, ' '));
  const auto period = to_number(value);
  if (period) {
    into.push_back(number("CPUQuotaPeriodUSec", *period));
    into.back().optional = true;  // since systemd 242
  }
  std::uint64_t per_second = infinity;
  if (quota) {
    per_second = *quota * second / std::max<std::uint64_t>(period.value_or(usual_period), 1);
    per_second = (per_second + percent - 1) / percent * percent;
  }
  into.push_back(number(std::string(property), per_second));
}

// Since systemd 244.
void tell_set(std::string_view property, std::string_view value, std::vector<Property>& into) {
  PropertyValue mask{.type = "ay", .elements = {}};
  for (const std::uint8_t byte : to_bit_mask(value)) mask.elements.emplace_back(std::uint64_t{byte});
  into.push_back({.name = std::string(property), .value = std::move(mask), .optional = true});
}

struct Row {
  std::string_view file, property;
  Tell tell;
};
constexpr Row table[] = {
    {"memory.max", "MemoryMax", tell_number},
    {"memory.high", "MemoryHigh", tell_number},
    {"memory.low", "MemoryLow", tell_number},
    {"memory.min", "MemoryMin", tell_number},
    {"memory.swap.max", "MemorySwapMax", tell_number},
    {"cpu.weight", "CPUWeight", tell_number},
    {"cpu.idle", "CPUWeight", tell_idle},
    {"cpu.max", "CPUQuotaPerSecUSec", tell_quota},
    {"cpuset.cpus", "AllowedCPUs", tell_set},
    {"cpuset.mems", "AllowedMemoryNodes", tell_set},
    {"io.weight", "IOWeight", tell_number},
    {"pids.max", "TasksMax", tell_tasks},
};

constexpr std::string_view annotation_start = "org.systemd.property.";

/// A value in GVariant's text format, as far as properties need it: basic types, and arrays of them.
class ValueReader {
 public:
  explicit ValueReader(std::string_view text) : rest_(text) {}

  PropertyValue read() {
    PropertyValue value = read_value();
    skip_spaces();
    if (!rest_.empty()) refuse();
    return value;
  }

 private:
  [[noreturn]] static void refuse() { throw Error(ErrorKind::invalid, ""); }

  void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size())); }

  bool take(char c) {
    skip_spaces();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  PropertyValue read_value() {
    if (!take('[')) return read_basic();
    PropertyValue all{.type = {}, .elements = {}};
    do {
      PropertyValue one = read_basic();
      if (!all.elements.empty() && all.type.substr(1) != one.type) refuse();
      all.type = "a" + one.type;
      all.elements.push_back(std::move(one.elements.front()));
    } while (take(','));
    if (!take(']')) refuse();
    return all;
  }

  PropertyValue read_basic() {
    skip_spaces();
    if (rest_.starts_with('\'') || rest_.starts_with('"')) return {.type = "s", .elements = {read_text()}};
    const std::string_view word = read_word();
    if (word == "true" || word == "false")
      return {.type = "b", .elements = {std::int64_t{word == "true" ? 1 : 0}}};
    for (const auto& [name, type] : types) {
      if (word != name) continue;
      skip_spaces();
      return {.type = type, .elements = {to_basic(type[0], read_word())}};
    }
    const bool has_point = word.contains('.');
    return {.type = has_point ? "d" : "i", .elements = {to_basic(has_point ? 'd' : 'i', word)}};
  }

  std::string read_text() {
    const char quote = rest_.front();
    std::string text;
    for (std::size_t i = 1; i < rest_.size(); i++) {
      if (rest_[i] == quote) {
        rest_.remove_prefix(i + 1);
        return text;
      }
      if (rest_[i] == '\\') i++;
      if (i < rest_.size()) text += rest_[i];
    }
    refuse();
  }

  std::string_view read_word() {
    const std::string_view word = rest_.substr(0, rest_.find_first_of(" \t\n,]"));
    if (word.empty()) refuse();
    rest_.remove_prefix(word.size());
    return word;
  }

  template <typename T>
  static T parsed(std::string_view word) {
    T value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) refuse();
    return value;
  }

  template <typename T>
  static PropertyValue::Basic integer(std::string_view word) {
    if constexpr (std::is_signed_v<T>)
      return std::int64_t{parsed<T>(word)};
    else
      return std::uint64_t{parsed<T>(word)};
  }

  static PropertyValue::Basic to_basic(char type, std::string_view word) {
    switch (type) {
      case 'y': return integer<std::uint8_t>(word);
      case 'n': return integer<std::int16_t>(word);
      case 'q': return integer<std::uint16_t>(word);
      case 'i': return integer<std::int32_t>(word);
      case 'u': return integer<std::uint32_t>(word);
      case 'x': return integer<std::int64_t>(word);
      case 't': return integer<std::uint64_t>(word);
      default: return decimal(word);
    }
  }

  // With the C library's strtod: from_chars brings 30 KB of tables.
  static double decimal(std::string_view word) {
    const std::string text(word);
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (word.find_first_not_of("0123456789.-") != word.npos || *end != '\0') refuse();
    return value;
  }

  struct Type {
    std::string_view name;
    const char* type;
  };
  static constexpr Type types[] = {{"byte", "y"},   {"int16", "n"}, {"uint16", "q"}, {"int32", "i"},
                                   {"uint32", "u"}, {"int64", "x"}, {"uint64", "t"}, {"double", "d"}};

  std::string_view rest_;
};

// systemd counts in microseconds.
void convert_seconds(Property& property) {
  if (!property.name.ends_with("Sec") || property.name.ends_with("USec")) return;
  property.name.insert(property.name.size() - 3, "U");
  const bool is_number = property.value.elements.size() == 1 && property.value.type.size() == 1 &&
                         property.value.type != "s" && property.value.type != "b";
  const auto to_microseconds = [](const auto& seconds) -> std::uint64_t {
    if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(seconds)>>)
      if (seconds >= 0 && static_cast<double>(seconds) < 1e13)
        return static_cast<std::uint64_t>(seconds * second);
    throw Error(ErrorKind::invalid, "");
  };
  if (!is_number) throw Error(ErrorKind::invalid, "");
  property.value = {.type = "t", .elements = {std::visit(to_microseconds, property.value.elements.front())}};
}

bool is_property_name(std::string_view name) {
  return name.size() >= 3 &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

}  // namespace

std::string to_text(const Property& property) {
  const PropertyValue& told = property.value;
  const auto one = [&](const auto& value) -> std::string {
    using Value = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_same_v<Value, std::string>)
      return value;
    else if constexpr (std::is_same_v<Value, std::uint64_t>)
      return value == infinity ? "infinity" : std::to_string(value);
    else
      return told.type == "b" ? (value != 0 ? "yes" : "no") : std::to_string(value);
  };
  std::string text;
  if (told.type == "ay") {
    for (const auto& byte : told.elements) text.insert(0, format("{:02x}", std::get<std::uint64_t>(byte)));
    text.insert(0, "0x");
  } else {
    for (const auto& element : told.elements)
      text.append(text.empty() ? "" : " ").append(std::visit(one, element));
  }
  return format("{}={}", property.name, text);
}

Property flag(std::string name, bool value) {
  return {.name = std::move(name), .value = {.type = "b", .elements = {std::int64_t{value}}}};
}
Property number(std::string name, std::uint64_t value) {
  return {.name = std::move(name), .value = {.type = "t", .elements = {value}}};
}
Property text(std::string name, std::string value) {
  return {.name = std::move(name), .value = {.type = "s", .elements = {std::move(value)}}};
}

std::vector<Property> limit_properties(std::span<const Write> limits) {
  std::vector<Property> properties;
  for (const Write& limit : limits)
    for (const Row& row : table) {
      if (row.file == limit.file) row.tell(row.property, limit.value, properties);
      if (row.file == limit.other_file) row.tell(row.property, limit.other_value, properties);
    }
  return properties;
}

std::vector<Property> annotation_properties(
    std::span<const std::pair<std::string, std::string>> annotations) {
  std::vector<Property> properties;
  for (const auto& [key, value] : annotations) {
    if (!key.starts_with(annotation_start)) continue;
    Property property{.name = key.substr(annotation_start.size()), .value = {}};
    if (!is_property_name(property.name))
      throw Error(ErrorKind::invalid, format("annotations.{}: this is no name of a property", key));
    try {
      property.value = ValueReader(value).read();
      convert_seconds(property);
    } catch (const Error&) {
      throw Error(
          ErrorKind::invalid, format("annotations.{}: cannot read the value {}", key, value), 0,
          "it is text in quotes, a number, true or false, or a list of them: 'a', uint64 5, ['a', 'b']");
    }
    properties.push_back(std::move(property));
  }
  return properties;
}

}  // namespace tare::cgroup
