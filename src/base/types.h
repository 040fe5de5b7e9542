// Strong types for strings that must not be mixed up.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace tare {

/// A string with a meaning; Tag keeps two meanings apart.
template <typename Tag>
struct Named {
  std::string value;

  Named() = default;
  explicit Named(std::string text) : value(std::move(text)) {}
  explicit Named(std::string_view text) : value(text) {}
  explicit Named(const char* text) : value(text) {}
  const char* c_str() const noexcept { return value.c_str(); }
  bool empty() const noexcept { return value.empty(); }
  auto operator<=>(const Named&) const = default;
};

/// A path as the host sees it, opened with the host's rules.
struct HostPath : Named<HostPath> {
  using Named::Named;
  HostPath operator/(std::string_view name) const { return HostPath(value + "/" + std::string(name)); }
};

/// A path as the container sees it: hostile, resolved only by sys/path_in_root.h and by init.
struct ContainerPath : Named<ContainerPath> {
  using Named::Named;
};

/// 64 lower-case hexadecimal digits.
struct ContainerId : Named<ContainerId> {
  using Named::Named;
  std::string brief() const { return value.substr(0, 12); }
};

/// A number of bytes.
using Bytes = std::int64_t;

}  // namespace tare
