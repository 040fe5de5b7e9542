#include "cgroup/limits.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/devices.h"
#include "cgroup/limit_planner.h"
#include "cgroup/text.h"
#include "sys/file.h"

namespace tare::cgroup {
namespace {

bool is_limit(std::optional<std::int64_t> value) { return value && *value >= 0; }

/// A number as the two versions want it: v1 has -1 for "no limit", v2 the word "max".
std::string v1_text(std::int64_t value) { return std::to_string(value < 0 ? -1 : value); }
std::string v2_text(std::int64_t value) { return value < 0 ? "max" : std::to_string(value); }

constexpr std::string_view memory_why = "the memory limit", swap_why = "the swap limit",
                           shares_why = "the share of CPU time", quota_why = "the limit of CPU time",
                           cpus_why = "the choice of CPUs", mems_why = "the choice of memory nodes",
                           pids_why = "the limit of processes", devices_why = "the limit of devices",
                           weight_why = "the block I/O weight", reservation_why = "the memory reservation",
                           burst_why = "the burst of CPU time", idle_why = "the idle class of CPU time",
                           realtime_why = "the limit of realtime CPU time";

void plan_memory_v1(LimitPlanner& planner, const Hierarchy& hierarchy, const oci::Resources& resources,
                    const Facts& facts) {
  auto swap = resources.memory_swap;
  // Memory without limit cannot be more than memory plus swap.
  if (!swap && resources.memory_limit == -1) swap = -1;
  const auto write_limit = [&] {
    if (resources.memory_limit)
      planner.write(hierarchy, "memory.limit_in_bytes", v1_text(*resources.memory_limit), memory_why);
  };
  const auto write_swap = [&] {
    if (swap)
      planner.write(hierarchy, "memory.memsw.limit_in_bytes", v1_text(*swap), swap_why, is_limit(swap));
  };
  const bool grows =
      facts.present_memory_swap && resources.memory_limit &&
      (!is_limit(resources.memory_limit) || *resources.memory_limit > *facts.present_memory_swap);
  if (grows) {
    write_swap(), write_limit();
  } else {
    write_limit(), write_swap();
  }
}

void plan_memory_v2(LimitPlanner& planner, const Hierarchy& hierarchy, const oci::Resources& resources) {
  if (resources.memory_limit)
    planner.write(hierarchy, "memory.max", v2_text(*resources.memory_limit), memory_why);
  if (!resources.memory_swap) return;
  // v2 counts swap alone.
  const bool limited = is_limit(resources.memory_swap);
  const Bytes swap = limited ? *resources.memory_swap - *resources.memory_limit : -1;
  planner.write(hierarchy, "memory.swap.max", v2_text(swap), swap_why, swap > 0);
}

void plan_memory(LimitPlanner& planner, const oci::Resources& resources, const Facts& facts) {
  if (!resources.memory_limit && !resources.memory_swap) return;
  check_memory(resources);
  const bool limiting = is_limit(resources.memory_limit) || is_limit(resources.memory_swap);
  const Hierarchy* hierarchy = planner.need("memory", memory_why, limiting);
  if (!hierarchy) return;
  const bool may_swap = is_limit(resources.memory_swap) && *resources.memory_swap > *resources.memory_limit;
  if (may_swap && !facts.swap_accounting)
    throw Error(ErrorKind::unsupported, "the swap limit needs swap accounting, which this kernel does not do",
                0, "boot it with swapaccount=1");
  if (hierarchy->unified)
    plan_memory_v2(planner, *hierarchy, resources);
  else
    plan_memory_v1(planner, *hierarchy, resources, facts);
}

void plan_reservation(LimitPlanner& planner, const oci::Resources& resources) {
  if (!resources.memory_reservation) return;
  const Hierarchy* hierarchy =
      planner.need("memory", reservation_why, is_limit(resources.memory_reservation));
  if (!hierarchy) return;
  if (hierarchy->unified)
    planner.write(*hierarchy, "memory.low", v2_text(*resources.memory_reservation), reservation_why);
  else
    planner.write(*hierarchy, "memory.soft_limit_in_bytes", v1_text(*resources.memory_reservation),
                  reservation_why);
}

// An idle cgroup has no share; one that no longer is has the usual share until another one is written.
void plan_shares(LimitPlanner& planner, const oci::Resources& resources) {
  if (resources.cpu_idle)
    if (const Hierarchy* hierarchy = planner.need("cpu", idle_why, *resources.cpu_idle != 0))
      planner.write(*hierarchy, "cpu.idle", std::to_string(*resources.cpu_idle), idle_why,
                    *resources.cpu_idle != 0);
  if (resources.cpu_shares.value_or(0) != 0 && resources.cpu_idle.value_or(0) == 0) {
    const Hierarchy* hierarchy = planner.need("cpu", shares_why);
    if (hierarchy->unified)
      planner.write(*hierarchy, "cpu.weight", std::to_string(weight_of_shares(*resources.cpu_shares)),
                    shares_why);
    else
      planner.write(*hierarchy, "cpu.shares", std::to_string(*resources.cpu_shares), shares_why);
  }
}

void plan_realtime(LimitPlanner& planner, const oci::Resources& resources) {
  if (!resources.cpu_realtime_runtime && !resources.cpu_realtime_period) return;
  const Hierarchy* hierarchy = planner.need("cpu", realtime_why);
  if (hierarchy->unified)
    throw Error(ErrorKind::unsupported,
                format("{} needs the cpu controller of cgroup v1; that of v2 has none", realtime_why));
  if (resources.cpu_realtime_period)
    planner.write(*hierarchy, "cpu.rt_period_us", std::to_string(*resources.cpu_realtime_period),
                  realtime_why);
  if (resources.cpu_realtime_runtime)
    planner.write(*hierarchy, "cpu.rt_runtime_us", std::to_string(*resources.cpu_realtime_runtime),
                  realtime_why);
}

void plan_quota(LimitPlanner& planner, const oci::Resources& resources) {
  const auto quota = resources.cpu_quota;
  const auto period = resources.cpu_period;
  const bool limiting = quota && *quota > 0;
  if (!quota && !period) return;
  const Hierarchy* hierarchy = planner.need("cpu", quota_why, limiting);
  if (!hierarchy) return;
  if (hierarchy->unified) {
    // A quota alone leaves the period as it is.
    std::string value = limiting ? std::to_string(*quota) : "max";
    if (period) value.append(" ").append(std::to_string(*period));
    planner.write(*hierarchy, "cpu.max", std::move(value), quota_why);
    return;
  }
  if (period) planner.write(*hierarchy, "cpu.cfs_period_us", std::to_string(*period), quota_why);
  if (quota) planner.write(*hierarchy, "cpu.cfs_quota_us", v1_text(*quota), quota_why);
}

// The kernel keeps the burst from being more than the quota at all times: none while that changes.
void plan_cpu(LimitPlanner& planner, const oci::Resources& resources) {
  plan_shares(planner, resources);
  plan_realtime(planner, resources);
  const auto write_burst = [&](std::uint64_t burst) {
    const Hierarchy* hierarchy = planner.need("cpu", burst_why, burst > 0);
    if (hierarchy)
      planner.write(*hierarchy, hierarchy->unified ? "cpu.max.burst" : "cpu.cfs_burst_us",
                    std::to_string(burst), burst_why, resources.cpu_burst.value_or(0) > 0);
  };
  if (resources.cpu_burst) write_burst(0);
  plan_quota(planner, resources);
  if (resources.cpu_burst.value_or(0) > 0) write_burst(*resources.cpu_burst);
}

void plan_cpuset(LimitPlanner& planner, const oci::Resources& resources) {
  if (!resources.cpuset_cpus.empty())
    planner.write(*planner.need("cpuset", cpus_why), "cpuset.cpus", resources.cpuset_cpus, cpus_why);
  if (!resources.cpuset_mems.empty())
    planner.write(*planner.need("cpuset", mems_why), "cpuset.mems", resources.cpuset_mems, mems_why);
}

void plan_pids(LimitPlanner& planner, const oci::Resources& resources) {
  if (!resources.pids_limit) return;
  if (const Hierarchy* hierarchy = planner.need("pids", pids_why, is_limit(resources.pids_limit)))
    planner.write(*hierarchy, "pids.max", v2_text(*resources.pids_limit), pids_why);
}

// Which of the files there is shows only in a cgroup that is no root.
void plan_block_io(LimitPlanner& planner, const Layout& layout, const oci::Resources& resources) {
  if (!resources.block_io_weight) return;
  const std::uint16_t weight = *resources.block_io_weight;
  const std::string text = std::to_string(weight);
  const bool unified = layout.can_limit("io") || layout.mode() == Mode::v2;
  const Hierarchy& hierarchy = *planner.need(unified ? "io" : "blkio", weight_why);
  if (unified)
    planner.write_either(hierarchy, "io.bfq.weight", text, "io.weight", std::to_string(io_weight_of(weight)),
                         weight_why);
  else
    planner.write_either(hierarchy, "blkio.bfq.weight", text, "blkio.weight", text, weight_why);
}

void plan_devices(LimitPlanner& planner, const Layout& layout, const oci::Resources& resources) {
  if (resources.devices.empty() || layout.device_filter() == DeviceFilter::program) return;
  const Hierarchy& hierarchy = *planner.need("devices", devices_why);
  const DeviceList list = to_device_list(resources.devices);
  planner.write(hierarchy, list.allow_by_default ? "devices.allow" : "devices.deny", "a", devices_why);
  for (const auto& rule : list.exceptions)
    planner.write(hierarchy, rule.allow ? "devices.allow" : "devices.deny", to_text(rule), devices_why);
}

}  // namespace

void check_memory(const oci::Resources& resources) {
  if (!is_limit(resources.memory_swap)) return;
  if (!is_limit(resources.memory_limit))
    throw Error(ErrorKind::invalid, "a swap limit needs a memory limit beside it");
  if (*resources.memory_swap < *resources.memory_limit)
    throw Error(ErrorKind::invalid, "the limit of memory plus swap is smaller than the memory limit");
}

Facts read_facts(const Layout& layout, const std::string& path) {
  Facts facts;
  const Hierarchy* memory = layout.find("memory");
  if (!memory) return facts;
  // v2's root has no limits; a cgroup with a memory limit but no swap limit says that swap is not counted.
  const HostPath own = memory->mount / memory->own_path;
  facts.swap_accounting = memory->unified
                              ? sys::exists(sys::here, (own / "memory.swap.max").value) ||
                                    !sys::exists(sys::here, (own / "memory.max").value)
                              : sys::exists(sys::here, (memory->mount / "memory.memsw.limit_in_bytes").value);
  if (path.empty() || memory->unified) return facts;
  const auto text =
      sys::try_read_file(sys::here, memory->mount.value + path + "/memory.memsw.limit_in_bytes");
  if (const auto number = text ? to_number(trimmed(*text)) : std::nullopt)
    facts.present_memory_swap = static_cast<Bytes>(*number);
  return facts;
}

std::vector<Write> plan_limits(const Layout& layout, const oci::Resources& resources, const Facts& facts) {
  LimitPlanner planner(layout);
  plan_memory(planner, resources, facts);
  plan_reservation(planner, resources);
  plan_cpu(planner, resources);
  plan_cpuset(planner, resources);
  plan_pids(planner, resources);
  plan_block_io(planner, layout, resources);
  plan_devices(planner, layout, resources);
  plan_rare_limits(planner, resources);
  return planner.take();
}

std::vector<std::string> needed_controllers(const oci::Resources& resources) {
  std::vector<std::string> needed;
  if (is_limit(resources.memory_limit) || is_limit(resources.memory_swap) ||
      is_limit(resources.memory_reservation))
    needed.emplace_back("memory");
  if (resources.cpu_shares.value_or(0) != 0 || resources.cpu_quota.value_or(-1) > 0 ||
      resources.cpu_idle.value_or(0) != 0 || resources.cpu_burst.value_or(0) != 0)
    needed.emplace_back("cpu");
  if (!resources.cpuset_cpus.empty() || !resources.cpuset_mems.empty()) needed.emplace_back("cpuset");
  if (is_limit(resources.pids_limit)) needed.emplace_back("pids");
  if (resources.block_io_weight) needed.emplace_back("io");
  std::ranges::move(controllers_of_rare_limits(resources), std::back_inserter(needed));
  return needed;
}

std::uint64_t weight_of_shares(std::uint64_t shares) {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const double l = std::log2(static_cast<double>(shares));
  // (l² + 125 l) / 612 - 7/34 over one denominator, so that 1024 comes out as exactly 2.
  return static_cast<std::uint64_t>(std::ceil(std::pow(10.0, (l * l + 125 * l - 126) / 612)));
}

std::uint64_t io_weight_of(std::uint16_t weight) {
  return 1 + (std::max<std::uint64_t>(weight, 10) - 10) * 9999 / 990;
}

}  // namespace tare::cgroup
