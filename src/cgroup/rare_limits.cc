#include <algorithm>

#include "base/format.h"
#include "cgroup/limit_planner.h"
#include "cgroup/text.h"

namespace tare::cgroup {
namespace {

constexpr std::string_view hugepages_why = "the limit of huge pages", rdma_why = "the limit of RDMA",
                           class_why = "the class of network packets",
                           priority_why = "the priority of network packets",
                           device_weight_why = "the block I/O weight of a device",
                           leaf_why = "the block I/O leaf weight", rate_why = "the rate of block I/O",
                           swappiness_why = "the swappiness", oom_why = "the switch of the OOM killer",
                           unified_why = "the cgroup v2 file";

// What is reserved and never touched counts from Linux 5.7 on, in a file of its own.
void plan_hugepages(LimitPlanner& planner, const oci::Resources& resources) {
  for (const auto& limit : resources.hugepages) {
    const Hierarchy& hierarchy = *planner.need("hugetlb", hugepages_why);
    const std::string_view file = hierarchy.unified ? "max" : "limit_in_bytes";
    const std::string value = std::to_string(limit.limit);
    planner.write(hierarchy, format("hugetlb.{}.{}", limit.page_size, file), value, hugepages_why);
    planner.write(hierarchy, format("hugetlb.{}.rsvd.{}", limit.page_size, file), value, hugepages_why,
                  false);
  }
}

void plan_rdma(LimitPlanner& planner, const oci::Resources& resources) {
  for (const auto& limit : resources.rdma) {
    std::string value = limit.device;
    if (limit.handles) value += format(" hca_handle={}", *limit.handles);
    if (limit.objects) value += format(" hca_object={}", *limit.objects);
    planner.write(*planner.need("rdma", rdma_why), "rdma.max", std::move(value), rdma_why);
  }
}

void plan_network(LimitPlanner& planner, const oci::Resources& resources) {
  if (resources.network_class)
    planner.write(planner.need_v1("net_cls", class_why), "net_cls.classid",
                  std::to_string(*resources.network_class), class_why);
  for (const auto& [name, priority] : resources.network_priorities)
    planner.write(planner.need_v1("net_prio", priority_why), "net_prio.ifpriomap",
                  format("{} {}", name, priority), priority_why);
}

const Hierarchy& block_io(const LimitPlanner& planner, std::string_view why) {
  const Layout& layout = planner.layout();
  return *planner.need(layout.can_limit("io") || layout.mode() == Mode::v2 ? "io" : "blkio", why);
}

void plan_device_weights(LimitPlanner& planner, const oci::Resources& resources) {
  if (resources.leaf_weight)
    planner.write(planner.need_v1("blkio", leaf_why), "blkio.leaf_weight",
                  std::to_string(*resources.leaf_weight), leaf_why);
  for (const auto& device : resources.device_weights) {
    const auto line = [&](std::uint16_t weight) {
      return format("{}:{} {}", device.major, device.minor, weight);
    };
    if (device.weight) {
      const Hierarchy& hierarchy = block_io(planner, device_weight_why);
      if (hierarchy.unified)
        planner.write(hierarchy, "io.bfq.weight", line(*device.weight), device_weight_why);
      else
        planner.write_either(hierarchy, "blkio.bfq.weight_device", line(*device.weight),
                             "blkio.weight_device", line(*device.weight), device_weight_why);
    }
    if (device.leaf_weight)
      planner.write(planner.need_v1("blkio", leaf_why), "blkio.leaf_weight_device", line(*device.leaf_weight),
                    leaf_why);
  }
}

// v2's io.max has all four, by their names.
void plan_device_rates(LimitPlanner& planner, const oci::Resources& resources) {
  const struct {
    const std::vector<oci::DeviceRate>& rates;
    std::string_view v1_file, v2_key;
  } kinds[] = {{resources.read_bps, "blkio.throttle.read_bps_device", "rbps"},
               {resources.write_bps, "blkio.throttle.write_bps_device", "wbps"},
               {resources.read_iops, "blkio.throttle.read_iops_device", "riops"},
               {resources.write_iops, "blkio.throttle.write_iops_device", "wiops"}};
  for (const auto& [rates, v1_file, v2_key] : kinds)
    for (const auto& [major, minor, rate] : rates) {
      const Hierarchy& hierarchy = block_io(planner, rate_why);
      if (hierarchy.unified)
        planner.write(hierarchy, "io.max",
                      format("{}:{} {}={}", major, minor, v2_key, rate == 0 ? "max" : std::to_string(rate)),
                      rate_why);
      else
        planner.write(hierarchy, v1_file, format("{}:{} {}", major, minor, rate), rate_why);
    }
}

void plan_memory_habits(LimitPlanner& planner, const oci::Resources& resources) {
  if (resources.swappiness)
    planner.write(planner.need_v1("memory", swappiness_why), "memory.swappiness",
                  std::to_string(*resources.swappiness), swappiness_why);
  if (resources.no_oom_killer)
    planner.write(planner.need_v1("memory", oom_why), "memory.oom_control", "1", oom_why);
}

std::string_view controller_of(std::string_view file) { return file.substr(0, file.find('.')); }

// Those that every cgroup has, whatever its controllers; moving processes is not limiting them.
bool is_of_cgroups(std::string_view file) { return controller_of(file) == "cgroup"; }

void plan_unified(LimitPlanner& planner, const oci::Resources& resources) {
  if (resources.unified.empty()) return;
  if (planner.layout().mode() != Mode::v2)
    throw Error(ErrorKind::unsupported, "/linux/resources/unified is for cgroup v2 alone, and this is not it",
                0,
                "boot with systemd.unified_cgroup_hierarchy=1, or use the other fields of linux.resources");
  for (const auto& [file, value] : resources.unified) {
    const std::string why = format("{} {}", unified_why, file);
    const Hierarchy& hierarchy =
        is_of_cgroups(file) ? *planner.layout().unified() : *planner.need(controller_of(file), why);
    planner.write(hierarchy, file, value, why);
  }
}

}  // namespace

void plan_rare_limits(LimitPlanner& planner, const oci::Resources& resources) {
  plan_hugepages(planner, resources);
  plan_rdma(planner, resources);
  plan_network(planner, resources);
  plan_device_weights(planner, resources);
  plan_device_rates(planner, resources);
  plan_memory_habits(planner, resources);
  plan_unified(planner, resources);
}

std::vector<std::string> controllers_of_rare_limits(const oci::Resources& resources) {
  std::vector<std::string> needed;
  if (!resources.hugepages.empty()) needed.emplace_back("hugetlb");
  if (!resources.rdma.empty()) needed.emplace_back("rdma");
  if (!resources.device_weights.empty() || !resources.read_bps.empty() || !resources.write_bps.empty() ||
      !resources.read_iops.empty() || !resources.write_iops.empty())
    needed.emplace_back("io");
  for (const auto& [file, value] : resources.unified)
    if (!is_of_cgroups(file)) needed.emplace_back(controller_of(file));
  return needed;
}

}  // namespace tare::cgroup
