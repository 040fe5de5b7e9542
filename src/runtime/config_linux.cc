// The object "linux" of config.json (config-linux.md).
#include <algorithm>

#include "base/error.h"
#include "base/format.h"
#include "runtime/config_fields.h"
#include "runtime/mount_options.h"
#include "runtime/seccomp_names.h"

namespace tare::runtime {
namespace {

using json::KnownField;
using json::Node;
using json::read_fields;
using oci::RuntimeConfig;

constexpr struct {
  std::string_view name;
  oci::NamespaceKind kind;
} namespace_types[] = {
    {"pid", oci::NamespaceKind::pid},       {"network", oci::NamespaceKind::network},
    {"mount", oci::NamespaceKind::mount},   {"ipc", oci::NamespaceKind::ipc},
    {"uts", oci::NamespaceKind::uts},       {"user", oci::NamespaceKind::user},
    {"cgroup", oci::NamespaceKind::cgroup}, {"time", oci::NamespaceKind::time},
};

struct NamespaceEntry {
  oci::Namespace wanted;
  bool has_type = false;
};

void read_namespace_type(const Node& node, NamespaceEntry& entry) {
  const std::string type = node.text();
  const auto* found =
      std::ranges::find(namespace_types, std::string_view(type), [](const auto& row) { return row.name; });
  if (found == std::end(namespace_types)) node.refuse(format("unknown type of namespace \"{}\"", type));
  entry.wanted.kind = found->kind;
  entry.has_type = true;
}

constexpr KnownField<NamespaceEntry> namespace_fields[] = {
    {"type", read_namespace_type},
    {"path",
     [](const Node& n, NamespaceEntry& e) {
       e.wanted.path = n.text();
       if (!e.wanted.path.empty() && e.wanted.path[0] != '/') n.refuse("it is not an absolute path");
     }},
};

void read_namespaces(const Node& node, RuntimeConfig& config) {
  node.for_each_element([&](const Node& element) {
    NamespaceEntry entry;
    read_fields(element, entry, namespace_fields);
    if (!entry.has_type) element.refuse("type", "it is missing");
    if (std::ranges::find(config.namespaces, entry.wanted.kind, &oci::Namespace::kind) !=
        config.namespaces.end())
      element.refuse("type", "there are two namespaces of this type");
    config.namespaces.push_back(std::move(entry.wanted));
  });
}

constexpr KnownField<oci::IdMapping> mapping_fields[] = {
    {"containerID", [](const Node& n, oci::IdMapping& m) { m.container = n.integer<std::uint32_t>(); }},
    {"hostID", [](const Node& n, oci::IdMapping& m) { m.host = n.integer<std::uint32_t>(); }},
    {"size", [](const Node& n, oci::IdMapping& m) { m.size = n.integer<std::uint32_t>(); }},
};

struct DeviceEntry {
  oci::DeviceNode node;
  std::string type;
};

constexpr KnownField<DeviceEntry> device_fields[] = {
    {"path", [](const Node& n, DeviceEntry& d) { d.node.path = ContainerPath(clean_path(n.text())); }},
    {"type", [](const Node& n, DeviceEntry& d) { d.type = n.text(); }},
    {"major", [](const Node& n, DeviceEntry& d) { d.node.major = n.integer<std::uint32_t>(); }},
    {"minor", [](const Node& n, DeviceEntry& d) { d.node.minor = n.integer<std::uint32_t>(); }},
    {"fileMode", [](const Node& n, DeviceEntry& d) { d.node.mode = n.integer<std::uint32_t>() & 07777; }},
    {"uid", [](const Node& n, DeviceEntry& d) { d.node.uid = n.integer<std::uint32_t>(); }},
    {"gid", [](const Node& n, DeviceEntry& d) { d.node.gid = n.integer<std::uint32_t>(); }},
};

void read_devices(const Node& node, RuntimeConfig& config) {
  node.for_each_element([&](const Node& element) {
    DeviceEntry entry;
    read_fields(element, entry, device_fields);
    if (entry.node.path.empty()) element.refuse("path", "it is missing");
    constexpr std::string_view types[] = {"c", "u", "b", "p"};  // u: c without a buffer, as it once was
    if (std::ranges::find(types, entry.type) == std::end(types))
      element.refuse("type", format("unknown type of device \"{}\"", entry.type));
    entry.node.type = entry.type == "u" ? 'c' : entry.type[0];
    config.devices.push_back(std::move(entry.node));
  });
}

void read_sysctl(const Node& node, RuntimeConfig& config) {
  for (const auto& field : node.fields())
    config.sysctl.push_back(
        {.name = std::string(field.key()), .value = Node(field.value(), field.key(), node).text()});
}

constexpr KnownField<oci::SeccompRule> seccomp_rule_fields[] = {
    {"names", [](const Node& n, oci::SeccompRule& r) { r.names = n.texts(); }},
    {"action", [](const Node& n, oci::SeccompRule& r) { r.action = read_action(n); }},
    {"errnoRet", [](const Node& n, oci::SeccompRule& r) { r.errno_ret = read_error_number(n); }},
    {"args", [](const Node& n, oci::SeccompRule& r) { r.args = read_arguments(n); }},
};

constexpr KnownField<oci::Seccomp> seccomp_fields[] = {
    {"defaultAction", [](const Node& n, oci::Seccomp& s) { s.default_action = read_action(n); }},
    {"defaultErrnoRet", [](const Node& n, oci::Seccomp& s) { s.default_errno_ret = read_error_number(n); }},
    {"architectures", [](const Node& n, oci::Seccomp& s) { s.architectures = read_architectures(n); }},
    {"flags", [](const Node& n, oci::Seccomp& s) { s.flags = read_flags(n); }},
    {"listenerPath", [](const Node& n, oci::Seccomp& s) { s.listener_path = n.text(); }},
    {"listenerMetadata", [](const Node& n, oci::Seccomp& s) { s.listener_metadata = n.text(); }},
    {"syscalls",
     [](const Node& n, oci::Seccomp& s) {
       n.for_each_element([&](const Node& element) {
         read_fields(element, s.rules.emplace_back(), seccomp_rule_fields);
         if (s.rules.back().action.empty()) element.refuse("action", "it is missing");
       });
     }},
};

void read_seccomp(const Node& node, RuntimeConfig& config) {
  config.seccomp.emplace();
  read_fields(node, *config.seccomp, seccomp_fields);
  const oci::Seccomp& seccomp = *config.seccomp;
  if (seccomp.default_action.empty()) node.refuse("defaultAction", "it is missing");
  if (seccomp.listener_path.empty() && has_notifications(seccomp))
    node.refuse("listenerPath", format("it is missing, and {} needs it", notify_action));
}

constexpr KnownField<oci::TimeOffset> time_offset_fields[] = {
    {"secs", [](const Node& n, oci::TimeOffset& t) { t.seconds = n.integer<std::int64_t>(); }},
    {"nanosecs",
     [](const Node& n, oci::TimeOffset& t) { t.nanoseconds = n.integer<std::uint32_t>(0, 999'999'999); }},
};

void read_time_offsets(const Node& node, RuntimeConfig& config) {
  for (const auto& field : node.fields()) {
    const Node clock(field.value(), field.key(), node);
    const std::string name(field.key());
    if (name != "monotonic" && name != "boottime")
      clock.refuse("there are offsets of monotonic and boottime only");
    read_fields(clock, config.time_offsets.emplace_back(name), time_offset_fields);
  }
}

// As the kernel checks it (dev_valid_name).
bool is_device_name(std::string_view name) {
  return !name.empty() && name.size() < 16 && name != "." && name != ".." &&
         name.find_first_of("/: \t\n\v\f\r") == name.npos;
}

constexpr KnownField<oci::NetDevice> net_device_fields[] = {
    {"name", [](const Node& n, oci::NetDevice& d) { d.name_inside = n.text(); }},
};

void read_net_devices(const Node& node, RuntimeConfig& config) {
  for (const auto& field : node.fields()) {
    const Node entry(field.value(), field.key(), node);
    oci::NetDevice device{.name = std::string(field.key()), .name_inside = {}};
    read_fields(entry, device, net_device_fields);
    if (device.name_inside.empty()) device.name_inside = device.name;
    if (!is_device_name(device.name) || !is_device_name(device.name_inside))
      entry.refuse("this is no network device's name");
    if (std::ranges::find(config.net_devices, device.name_inside, &oci::NetDevice::name_inside) !=
        config.net_devices.end())
      entry.refuse(format("there are two devices called \"{}\" in the container", device.name_inside));
    config.net_devices.push_back(std::move(device));
  }
}

void read_schema(const Node& node, oci::IntelRdt& rdt) {
  std::string line = node.text();
  if (line.find('\n') != line.npos) node.refuse("it has more than one line");
  if (!line.empty()) rdt.schemata.push_back(std::move(line));
}

constexpr KnownField<oci::IntelRdt> intel_rdt_fields[] = {
    {"closID",
     [](const Node& n, oci::IntelRdt& r) {
       r.group = n.text();
       if (r.group == "." || r.group == ".." || r.group.find_first_of("/\n") != r.group.npos)
         n.refuse("this is no group's name");
     }},
    {"schemata",
     [](const Node& n, oci::IntelRdt& r) {
       n.for_each_element([&](const Node& line) { read_schema(line, r); });
     }},
    {"l3CacheSchema", read_schema},
    {"memBwSchema", read_schema},
    {"enableMonitoring", [](const Node& n, oci::IntelRdt& r) { r.is_monitored = n.flag(); }},
    {"enableCMT", [](const Node& n, oci::IntelRdt& r) { r.is_monitored |= n.flag(); }},
    {"enableMBM", [](const Node& n, oci::IntelRdt& r) { r.is_monitored |= n.flag(); }},
};

void read_intel_rdt(const Node& node, RuntimeConfig& config) {
  read_fields(node, config.intel_rdt.emplace(), intel_rdt_fields);
}

void read_propagation(const Node& node, RuntimeConfig& config) {
  const std::string name = node.text();
  config.root_propagation = propagation_of(name);
  if (!name.empty() && config.root_propagation == 0) node.refuse(format("unknown propagation \"{}\"", name));
}

// The specification has no flags yet.
constexpr KnownField<RuntimeConfig> personality_fields[] = {
    {"domain",
     [](const Node& n, RuntimeConfig& c) {
       c.personality = static_cast<std::uint32_t>(read_name(n, plan::personalities));
     }},
    {"flags", must_be_empty},
};

constexpr KnownField<oci::MemoryPolicy> memory_policy_fields[] = {
    {"mode",
     [](const Node& n, oci::MemoryPolicy& p) {
       p.mode = static_cast<std::uint32_t>(read_name(n, plan::memory_modes));
     }},
    {"nodes", [](const Node& n, oci::MemoryPolicy& p) { p.nodes = read_number_list(n); }},
    {"flags",
     [](const Node& n, oci::MemoryPolicy& p) {
       n.for_each_element([&](const Node& flag) {
         p.flags |= static_cast<std::uint32_t>(read_name(flag, plan::memory_mode_flags));
       });
     }},
};

void read_memory_policy(const Node& node, RuntimeConfig& config) {
  if (node.fields().empty()) return;
  if (!node.fields().contains("mode")) node.refuse("mode", "it is missing");
  read_fields(node, config.memory_policy.emplace(), memory_policy_fields);
}

constexpr KnownField<RuntimeConfig> linux_fields[] = {
    {"namespaces", read_namespaces},
    {"uidMappings", [](const Node& n, RuntimeConfig& c) { read_mappings(n, c.uid_mappings); }},
    {"gidMappings", [](const Node& n, RuntimeConfig& c) { read_mappings(n, c.gid_mappings); }},
    {"devices", read_devices},
    {"cgroupsPath", [](const Node& n, RuntimeConfig& c) { c.cgroups_path = n.text(); }},
    {"resources", [](const Node& n, RuntimeConfig& c) { c.resources = read_resources(n); }},
    {"sysctl", read_sysctl},
    {"seccomp", read_seccomp},
    {"rootfsPropagation", read_propagation},
    {"maskedPaths", [](const Node& n, RuntimeConfig& c) { c.masked_paths = n.texts(); }},
    {"readonlyPaths", [](const Node& n, RuntimeConfig& c) { c.readonly_paths = n.texts(); }},
    {"personality", [](const Node& n, RuntimeConfig& c) { read_fields(n, c, personality_fields); }},
    {"mountLabel", [](const Node& n, RuntimeConfig& c) { c.mount_label = n.text(); }},
    {"intelRdt", read_intel_rdt},
    {"memoryPolicy", read_memory_policy},
    {"netDevices", read_net_devices},
    {"timeOffsets", read_time_offsets},
};

}  // namespace

void read_mappings(const Node& node, std::vector<oci::IdMapping>& mappings) {
  node.for_each_element(
      [&](const Node& element) { read_fields(element, mappings.emplace_back(), mapping_fields); });
}

void read_linux(const Node& node, RuntimeConfig& config) { read_fields(node, config, linux_fields); }

std::vector<std::string_view> known_namespaces() {
  std::vector<std::string_view> names;
  for (const auto& row : namespace_types) names.push_back(row.name);
  return names;
}

}  // namespace tare::runtime
