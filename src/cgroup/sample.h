// What a cgroup uses now, for `stats`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/types.h"
#include "cgroup/layout.h"

namespace tare::cgroup {

/// nullopt: this kernel does not say, or there is no such cgroup. What counts up includes cgroups below it.
struct Sample {
  std::optional<std::uint64_t> cpu_nanoseconds;
  std::optional<std::uint64_t> throttled_periods, throttled_nanoseconds;  ///< held back by its CPU limit
  std::optional<Bytes> memory;                                            ///< without file cache that can go
  std::optional<Bytes> memory_limit;                                      ///< nullopt also when there is none
  std::optional<Bytes> block_read, block_written;
  std::optional<std::uint64_t> processes;  ///< and threads
  /// Percent of the last ten seconds in which something in it waited (v2 with PSI).
  std::optional<std::string> cpu_pressure, memory_pressure, io_pressure;
};
Sample read_sample(const Layout& layout, const std::string& path);

}  // namespace tare::cgroup
