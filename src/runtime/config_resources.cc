// The object "linux.resources" of config.json (config-linux.md, "Control groups").
#include <algorithm>

#include "base/format.h"
#include "runtime/config_fields.h"

namespace tare::runtime {
namespace {

using json::KnownField;
using json::Node;
using json::read_fields;
using oci::Resources;

// For a field of a table: known, and the container is the same with it as without.
template <typename T>
void ignore(const Node&, T&) {}

// -1 is any number, as is none.
std::optional<std::uint32_t> read_device_number(const Node& node) {
  const auto number = node.integer<std::int64_t>(-1, UINT32_MAX);
  if (number < 0) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

constexpr KnownField<oci::DeviceRule> device_rule_fields[] = {
    {"allow", [](const Node& n, oci::DeviceRule& r) { r.allow = n.flag(); }},
    {"type",
     [](const Node& n, oci::DeviceRule& r) {
       const std::string type = n.text();
       if (!type.empty() && type != "a" && type != "b" && type != "c")
         n.refuse(format("unknown type of device \"{}\"", type));
       r.type = type.empty() ? 'a' : type[0];
     }},
    {"major", [](const Node& n, oci::DeviceRule& r) { r.major = read_device_number(n); }},
    {"minor", [](const Node& n, oci::DeviceRule& r) { r.minor = read_device_number(n); }},
    {"access",
     [](const Node& n, oci::DeviceRule& r) {
       const std::string access = n.text();
       if (access.find_first_not_of("rwm") != access.npos) n.refuse("expected letters of rwm");
       r.read = access.find('r') != access.npos;
       r.write = access.find('w') != access.npos;
       r.mknod = access.find('m') != access.npos;
     }},
};

void read_device_rules(const Node& node, Resources& resources) {
  node.for_each_element([&](const Node& element) {
    oci::DeviceRule rule;
    if (!element.fields().contains("access")) rule.read = rule.write = rule.mknod = true;
    read_fields(element, rule, device_rule_fields);
    resources.devices.push_back(rule);
  });
}

// 0 is how callers in Go write "not set" for these.
template <typename T>
void set_unless_zero(std::optional<T>& into, T value) {
  if (value != 0) into = value;
}

constexpr KnownField<Resources> memory_fields[] = {
    {"limit", [](const Node& n, Resources& r) { set_unless_zero(r.memory_limit, n.integer<Bytes>(-1)); }},
    {"swap", [](const Node& n, Resources& r) { set_unless_zero(r.memory_swap, n.integer<Bytes>(-1)); }},
    {"reservation",
     [](const Node& n, Resources& r) { set_unless_zero(r.memory_reservation, n.integer<Bytes>(-1)); }},
    {"swappiness",
     [](const Node& n, Resources& r) {
       const auto value = n.integer<std::uint64_t>();
       if (value == UINT64_MAX) return;  // -1, as callers in Go have it
       if (value > 100) n.refuse("expected a number from 0 to 100");
       r.swappiness = value;
     }},
    {"disableOOMKiller", [](const Node& n, Resources& r) { r.no_oom_killer = n.flag(); }},
    {"kernel", ignore},     // gone from the kernel, and with it the other one
    {"kernelTCP", ignore},  //
    {"useHierarchy", ignore},
    {"checkBeforeUpdate", [](const Node& n, Resources& r) { r.check_before_update = n.flag(); }},
};

constexpr KnownField<Resources> cpu_fields[] = {
    {"shares",
     [](const Node& n, Resources& r) { set_unless_zero(r.cpu_shares, n.integer<std::uint64_t>()); }},
    {"quota", [](const Node& n, Resources& r) { set_unless_zero(r.cpu_quota, n.integer<std::int64_t>(-1)); }},
    {"period",
     [](const Node& n, Resources& r) { set_unless_zero(r.cpu_period, n.integer<std::uint64_t>()); }},
    {"cpus", [](const Node& n, Resources& r) { r.cpuset_cpus = n.text(); }},
    {"mems", [](const Node& n, Resources& r) { r.cpuset_mems = n.text(); }},
    {"burst", [](const Node& n, Resources& r) { r.cpu_burst = n.integer<std::uint64_t>(); }},
    {"idle", [](const Node& n, Resources& r) { r.cpu_idle = n.integer<std::int64_t>(0, 1); }},
    {"realtimeRuntime",
     [](const Node& n, Resources& r) {
       set_unless_zero(r.cpu_realtime_runtime, n.integer<std::int64_t>(-1));
     }},
    {"realtimePeriod",
     [](const Node& n, Resources& r) { set_unless_zero(r.cpu_realtime_period, n.integer<std::uint64_t>()); }},
};

constexpr KnownField<Resources> pids_fields[] = {
    {"limit", [](const Node& n, Resources& r) { r.pids_limit = n.integer<std::int64_t>(-1); }},
};

constexpr KnownField<oci::DeviceWeight> device_weight_fields[] = {
    {"major", [](const Node& n, oci::DeviceWeight& d) { d.major = n.integer<std::uint32_t>(); }},
    {"minor", [](const Node& n, oci::DeviceWeight& d) { d.minor = n.integer<std::uint32_t>(); }},
    {"weight", [](const Node& n,
                  oci::DeviceWeight& d) { set_unless_zero(d.weight, n.integer<std::uint16_t>(0, 1000)); }},
    {"leafWeight",
     [](const Node& n, oci::DeviceWeight& d) {
       set_unless_zero(d.leaf_weight, n.integer<std::uint16_t>(0, 1000));
     }},
};

void read_device_weights(const Node& node, Resources& resources) {
  node.for_each_element([&](const Node& element) {
    read_fields(element, resources.device_weights.emplace_back(), device_weight_fields);
  });
}

constexpr KnownField<oci::DeviceRate> device_rate_fields[] = {
    {"major", [](const Node& n, oci::DeviceRate& d) { d.major = n.integer<std::uint32_t>(); }},
    {"minor", [](const Node& n, oci::DeviceRate& d) { d.minor = n.integer<std::uint32_t>(); }},
    {"rate", [](const Node& n, oci::DeviceRate& d) { d.rate = n.integer<std::uint64_t>(); }},
};

template <std::vector<oci::DeviceRate> Resources::* rates>
void read_device_rates(const Node& node, Resources& resources) {
  node.for_each_element([&](const Node& element) {
    read_fields(element, (resources.*rates).emplace_back(), device_rate_fields);
  });
}

constexpr KnownField<Resources> block_io_fields[] = {
    {"weight", [](const Node& n,
                  Resources& r) { set_unless_zero(r.block_io_weight, n.integer<std::uint16_t>(0, 1000)); }},
    {"leafWeight",
     [](const Node& n, Resources& r) { set_unless_zero(r.leaf_weight, n.integer<std::uint16_t>(0, 1000)); }},
    {"weightDevice", read_device_weights},
    {"throttleReadBpsDevice", read_device_rates<&Resources::read_bps>},
    {"throttleWriteBpsDevice", read_device_rates<&Resources::write_bps>},
    {"throttleReadIOPSDevice", read_device_rates<&Resources::read_iops>},
    {"throttleWriteIOPSDevice", read_device_rates<&Resources::write_iops>},
};

constexpr KnownField<oci::HugepageLimit> hugepage_fields[] = {
    {"pageSize",
     [](const Node& n, oci::HugepageLimit& limit) {
       limit.page_size = n.text();
       const std::size_t digits = limit.page_size.find_first_not_of("0123456789");
       constexpr std::string_view units[] = {"KB", "MB", "GB"};
       if (digits == 0 || digits == limit.page_size.npos || limit.page_size[0] == '0' ||
           std::ranges::find(units, std::string_view(limit.page_size).substr(digits)) == std::end(units))
         n.refuse("expected a size of pages such as 2MB or 1GB");
     }},
    {"limit", [](const Node& n, oci::HugepageLimit& limit) { limit.limit = n.integer<std::uint64_t>(); }},
};

void read_hugepages(const Node& node, Resources& resources) {
  node.for_each_element([&](const Node& element) {
    oci::HugepageLimit limit;
    read_fields(element, limit, hugepage_fields);
    if (limit.page_size.empty()) element.refuse("pageSize", "it is missing");
    resources.hugepages.push_back(std::move(limit));
  });
}

constexpr KnownField<oci::RdmaLimit> rdma_fields[] = {
    {"hcaHandles", [](const Node& n, oci::RdmaLimit& limit) { limit.handles = n.integer<std::uint32_t>(); }},
    {"hcaObjects", [](const Node& n, oci::RdmaLimit& limit) { limit.objects = n.integer<std::uint32_t>(); }},
};

void read_rdma(const Node& node, Resources& resources) {
  for (const auto& field : node.fields()) {
    const Node device(field.value(), field.key(), node);
    oci::RdmaLimit limit{.device = std::string(field.key()), .handles = {}, .objects = {}};
    read_fields(device, limit, rdma_fields);
    if (limit.device.empty() || limit.device.find_first_of(" \n") != limit.device.npos)
      device.refuse("this is no device's name");
    if (limit.handles || limit.objects) resources.rdma.push_back(std::move(limit));
  }
}

// By name, into the container's own cgroup; the words are runc's.
void read_unified(const Node& node, Resources& resources) {
  constexpr std::string_view of_processes[] = {"cgroup.procs", "cgroup.threads", "cgroup.kill"};
  for (const auto& field : node.fields()) {
    const Node entry(field.value(), field.key(), node);
    const std::string_view file = field.key();
    const auto point = file.find('.');
    if (file.contains('/')) entry.refuse("it must be a file name (no slashes)");
    if (point == 0 || point == file.npos || point + 1 == file.size())
      entry.refuse("it must be in the form CONTROLLER.PARAMETER");
    if (std::ranges::find(of_processes, file) != std::end(of_processes))
      entry.refuse("this file moves or ends processes, and limits nothing");
    resources.unified.emplace_back(std::string(file), entry.text());
  }
}

struct Priority {
  std::string name;
  std::uint32_t priority = 0;
};
constexpr KnownField<Priority> priority_fields[] = {
    {"name", [](const Node& n, Priority& p) { p.name = n.text(); }},
    {"priority", [](const Node& n, Priority& p) { p.priority = n.integer<std::uint32_t>(); }},
};

void read_priorities(const Node& node, Resources& resources) {
  node.for_each_element([&](const Node& element) {
    Priority priority;
    read_fields(element, priority, priority_fields);
    if (priority.name.empty() || priority.name.find_first_of(" \n") != priority.name.npos)
      element.refuse("name", "this is no interface's name");
    resources.network_priorities.emplace_back(std::move(priority.name), priority.priority);
  });
}

constexpr KnownField<Resources> network_fields[] = {
    {"classID",
     [](const Node& n, Resources& r) { set_unless_zero(r.network_class, n.integer<std::uint32_t>()); }},
    {"priorities", read_priorities},
};

constexpr KnownField<Resources> resources_fields[] = {
    {"devices", read_device_rules},
    {"memory", [](const Node& n, Resources& r) { read_fields(n, r, memory_fields); }},
    {"cpu", [](const Node& n, Resources& r) { read_fields(n, r, cpu_fields); }},
    {"pids", [](const Node& n, Resources& r) { read_fields(n, r, pids_fields); }},
    {"blockIO", [](const Node& n, Resources& r) { read_fields(n, r, block_io_fields); }},
    {"network", [](const Node& n, Resources& r) { read_fields(n, r, network_fields); }},
    {"hugepageLimits", read_hugepages},
    {"rdma", read_rdma},
    {"unified", read_unified},
};

}  // namespace

Resources read_resources(const Node& node) {
  Resources resources;
  read_fields(node, resources, resources_fields);
  return resources;
}

}  // namespace tare::runtime
