// What a unit of systemd is told about a container: limits and annotations as properties. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cgroup/limits.h"

namespace tare::cgroup {

/// A value of D-Bus: one of a basic type, or an array of them.
struct PropertyValue {
  using Basic = std::variant<std::int64_t, std::uint64_t, double, std::string>;

  std::string type;             ///< its signature: "b", "s", "t", …, or "as", "ay", …
  std::vector<Basic> elements;  ///< signed integers and b: int64_t, unsigned ones: uint64_t
};

struct Property {
  std::string name;
  PropertyValue value;
  /// An older systemd may not know it, and nothing is lost: what it says is written into the cgroup, too.
  bool optional = false;
};

/// "MemoryMax=1048576", as systemd's own files have it; a list of bytes as a number in hexadecimal.
std::string to_text(const Property& property);

Property flag(std::string name, bool value);
Property number(std::string name, std::uint64_t value);
Property text(std::string name, std::string value);

/// Those of plan_limits's list for v2 that systemd has a property for (systemd.resource-control(5)). It must
/// know them, for it writes its own values again when it reloads its configuration.
std::vector<Property> limit_properties(std::span<const Write> limits);

/// The annotations org.systemd.property.NAME, in GVariant's text format: 'text', true, 7, uint64 7, ['a',
/// 'b']. A NAME that ends in Sec is in seconds, and becomes …USec. Throws Error{invalid} naming the
/// annotation.
std::vector<Property> annotation_properties(std::span<const std::pair<std::string, std::string>> annotations);

}  // namespace tare::cgroup
