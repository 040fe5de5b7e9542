// What a cgroup has used, and whether anything is in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/types.h"
#include "cgroup/layout.h"

namespace tare::cgroup {

/// nullopt: this kernel does not say.
struct Usage {
  std::optional<std::uint64_t> oom_kills;  ///< processes killed because the memory limit was reached
  std::optional<Bytes> memory_peak;
  std::optional<Bytes> memory_limit;  ///< nullopt also when there is none
};
Usage read_usage(const Layout& layout, const std::string& path);

/// The memory in use now, with the page cache; nullopt as above.
std::optional<Bytes> read_memory(const Layout& layout, const std::string& path);

/// The processes in the cgroup and in those below it, sorted. None when there is no such cgroup.
std::vector<pid_t> list_processes(const Layout& layout, const std::string& path);

/// Whether a process is in the cgroup or in one below it. False when there is no such cgroup.
bool has_processes(const Layout& layout, const std::string& path);

}  // namespace tare::cgroup
