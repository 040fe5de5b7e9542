#include "explain/limits.h"

#include "cgroup/layout.h"
#include "cgroup/sample.h"
#include "cgroup/text.h"
#include "cgroup/usage.h"
#include "explain/proc_text.h"
#include "sys/file.h"

namespace tare::explain {
namespace {

using cgroup::next_word, cgroup::to_number, cgroup::trimmed;

/// The container's cgroup in the hierarchy of one controller.
struct Group {
  sys::UniqueFd directory;
  std::string path;
  bool unified = false;

  std::string text(const char* v1_file, const char* v2_file) const {
    const char* file = unified ? v2_file : v1_file;
    if (!directory || !file) return {};
    return std::string(trimmed(read_some(directory, file)));
  }
  // "max", and v1's largest number of pages, are no limit.
  std::optional<std::uint64_t> number(const char* v1_file, const char* v2_file) const {
    constexpr std::uint64_t no_limit = INT64_MAX / 65536 * 65536;
    const auto found = to_number(text(v1_file, v2_file));
    return found && *found < no_limit ? found : std::nullopt;
  }
  std::optional<Bytes> bytes(const char* v1_file, const char* v2_file) const {
    const auto found = number(v1_file, v2_file);
    return found ? std::optional(static_cast<Bytes>(*found)) : std::nullopt;
  }
};

// v1's root has none of the files of limits; v2's neither.
Group find_group(const cgroup::Layout& layout, std::string_view controller) {
  const cgroup::Hierarchy* hierarchy = layout.find(controller);
  if (!hierarchy && layout.mode() == cgroup::Mode::v2) hierarchy = layout.unified();
  if (!hierarchy) return {};
  return {.directory = sys::try_open_at(sys::here, hierarchy->mount.value + hierarchy->own_path,
                                        O_RDONLY | O_DIRECTORY),
          .path = hierarchy->own_path,
          .unified = hierarchy->unified};
}

void read_memory(const cgroup::Layout& layout, Limits& limits) {
  const Group group = find_group(layout, "memory");
  limits.memory = cgroup::read_sample(layout, group.path).memory;
  const cgroup::Usage usage = cgroup::read_usage(layout, group.path);
  limits.memory_limit = usage.memory_limit;
  limits.memory_peak = usage.memory_peak;
  limits.memory_kills = usage.oom_kills;
  limits.swap_limit = group.bytes("memory.memsw.limit_in_bytes", "memory.swap.max");
  // v1 limits both together.
  if (!group.unified && limits.swap_limit) *limits.swap_limit -= limits.memory_limit.value_or(0);
}

void read_cpu(const cgroup::Layout& layout, Limits& limits) {
  const Group group = find_group(layout, "cpu");
  const cgroup::Sample sample = cgroup::read_sample(layout, group.path);
  limits.cpu_nanoseconds = sample.cpu_nanoseconds;
  limits.throttled_periods = sample.throttled_periods;
  limits.throttled_nanoseconds = sample.throttled_nanoseconds;
  limits.cpu_shares = group.number("cpu.shares", nullptr);
  limits.cpu_weight = group.number(nullptr, "cpu.weight");
  if (group.unified) {
    const std::string max = group.text(nullptr, "cpu.max");
    std::string_view rest = max;
    limits.cpu_quota = to_number(next_word(rest, ' '));  // "max" is none
    limits.cpu_period = to_number(rest);
  } else {
    limits.cpu_quota = group.number("cpu.cfs_quota_us", nullptr);  // -1 is none
    limits.cpu_period = group.number("cpu.cfs_period_us", nullptr);
  }
}

void read_others(const cgroup::Layout& layout, Limits& limits) {
  const Group processes = find_group(layout, "pids"), cpus = find_group(layout, "cpuset"),
              disks = find_group(layout, layout.find("blkio") ? "blkio" : "io");
  limits.processes = processes.number("pids.current", "pids.current");
  limits.processes_limit = processes.number("pids.max", "pids.max");
  limits.processes_peak = processes.number("pids.peak", "pids.peak");
  limits.cpus = cpus.text("cpuset.effective_cpus", "cpuset.cpus.effective");
  limits.memory_nodes = cpus.text("cpuset.effective_mems", "cpuset.mems.effective");
  // "default 100" in v2 and for v1's BFQ.
  for (const char* file : {"blkio.weight", "blkio.bfq.weight"}) {
    std::string text = disks.text(file, file[6] == 'w' ? "io.weight" : "io.bfq.weight");
    std::string_view line = text;
    line = next_word(line, '\n');
    if (line.starts_with("default ")) line.remove_prefix(8);
    if (!limits.block_io_weight) limits.block_io_weight = to_number(line);
  }
}

}  // namespace

Limits read_limits(const std::string& process_name, const std::string& cgroup) {
  cgroup::Layout layout = cgroup::read_layout(HostPath("/proc"), process_name);
  Limits limits;
  for (auto& hierarchy : layout.hierarchies) {
    if (!cgroup.empty() && hierarchy.own_path.starts_with(cgroup + "/")) hierarchy.own_path = cgroup;
    limits.cgroups.push_back({.hierarchy = hierarchy.name, .path = hierarchy.own_path});
  }
  read_memory(layout, limits);
  read_cpu(layout, limits);
  read_others(layout, limits);
  return limits;
}

}  // namespace tare::explain
