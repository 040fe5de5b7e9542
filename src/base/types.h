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

/// How a process gets processor time, as sched_setattr(2) takes it; times in nanoseconds.
struct Scheduler {
  std::uint32_t size = 48;  ///< bytes of what the kernel knows since 3.14
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
};

}  // namespace tare
