#include "cgroup/usage.h"

#include <algorithm>

#include "cgroup/text.h"
#include "cgroup/tree.h"
#include "sys/file.h"

namespace tare::cgroup {
namespace {

std::optional<Bytes> read_bytes(sys::Fd directory, const char* file) {
  const auto text = sys::try_read_file(directory, file);
  const auto number = text ? to_number(trimmed(*text)) : std::nullopt;
  // v1 says the largest number of pages for "no limit", v2 says "max".
  constexpr std::uint64_t no_limit = INT64_MAX / 65536 * 65536;
  if (!number || *number >= no_limit) return std::nullopt;
  return static_cast<Bytes>(*number);
}

}  // namespace

Usage read_usage(const Layout& layout, const std::string& path) {
  Usage usage;
  const Hierarchy* memory = layout.find("memory");
  if (!memory) return usage;
  const auto directory = sys::try_open_at(sys::here, memory->mount.value + path, O_RDONLY | O_DIRECTORY);
  if (!directory) return usage;
  const auto events = sys::try_read_file(directory, memory->unified ? "memory.events" : "memory.oom_control");
  if (events) usage.oom_kills = number_of(*events, "oom_kill");
  usage.memory_peak = read_bytes(directory, memory->unified ? "memory.peak" : "memory.max_usage_in_bytes");
  usage.memory_limit = read_bytes(directory, memory->unified ? "memory.max" : "memory.limit_in_bytes");
  return usage;
}

std::optional<Bytes> read_memory(const Layout& layout, const std::string& path) {
  const Hierarchy* memory = layout.find("memory");
  if (!memory) return std::nullopt;
  const auto directory = sys::try_open_at(sys::here, memory->mount.value + path, O_RDONLY | O_DIRECTORY);
  if (!directory) return std::nullopt;
  return read_bytes(directory, memory->unified ? "memory.current" : "memory.usage_in_bytes");
}

std::vector<pid_t> list_processes(const Layout& layout, const std::string& path) {
  std::vector<pid_t> pids;
  // They are in all hierarchies alike, unless somebody moved them in one; any that has them will do.
  for (const auto& hierarchy : layout.hierarchies) {
    const auto directory = sys::try_open_at(sys::here, hierarchy.mount.value + path, O_RDONLY | O_DIRECTORY);
    if (directory) pids = processes_below(directory);
    if (!pids.empty()) break;
  }
  std::ranges::sort(pids);
  return pids;
}

bool has_processes(const Layout& layout, const std::string& path) {
  for (const auto& hierarchy : layout.hierarchies) {
    const auto directory = sys::try_open_at(sys::here, hierarchy.mount.value + path, O_RDONLY | O_DIRECTORY);
    if (directory && is_populated(directory, hierarchy.unified)) return true;
  }
  return false;
}

}  // namespace tare::cgroup
