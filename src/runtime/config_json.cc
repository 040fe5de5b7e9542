#include "runtime/config_json.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "plan/names.h"
#include "runtime/config_fields.h"

namespace tare::runtime {
namespace {

using json::KnownField;
using json::Node;
using json::read_fields;

constexpr KnownField<oci::Process> console_size_fields[] = {
    {"height", [](const Node& n, oci::Process& p) { p.rows = n.integer<std::uint16_t>(); }},
    {"width", [](const Node& n, oci::Process& p) { p.columns = n.integer<std::uint16_t>(); }},
};

constexpr KnownField<oci::User> user_fields[] = {
    {"uid", [](const Node& n, oci::User& u) { u.uid = n.integer<std::uint32_t>(); }},
    {"gid", [](const Node& n, oci::User& u) { u.gid = n.integer<std::uint32_t>(); }},
    {"umask", [](const Node& n, oci::User& u) { u.umask = n.integer<std::uint32_t>(0, 0777); }},
    {"additionalGids",
     [](const Node& n, oci::User& u) {
       n.for_each_element(
           [&](const Node& gid) { u.additional_gids.push_back(gid.integer<std::uint32_t>()); });
     }},
};

// A name that this program does not know is passed over: "the runtime MUST log a warning and continue" is for
// capabilities that cannot be granted, as those that a newer kernel has.
std::uint64_t read_capability_set(const Node& node) {
  std::uint64_t set = 0;
  node.for_each_element([&](const Node& element) {
    std::string name = element.text();
    if (name.starts_with("CAP_")) name.erase(0, 4);
    if (const auto number = plan::capability_number(name)) set |= std::uint64_t{1} << *number;
  });
  return set;
}

constexpr KnownField<oci::Capabilities> capability_fields[] = {
    {"bounding", [](const Node& n, oci::Capabilities& c) { c.bounding = read_capability_set(n); }},
    {"effective", [](const Node& n, oci::Capabilities& c) { c.effective = read_capability_set(n); }},
    {"permitted", [](const Node& n, oci::Capabilities& c) { c.permitted = read_capability_set(n); }},
    {"inheritable", [](const Node& n, oci::Capabilities& c) { c.inheritable = read_capability_set(n); }},
    {"ambient", [](const Node& n, oci::Capabilities& c) { c.ambient = read_capability_set(n); }},
};

int read_resource(const Node& node) {
  std::string name = node.text();
  if (name.starts_with("RLIMIT_")) {
    name.erase(0, 7);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (const auto number = plan::rlimit_number(name)) return *number;
  }
  node.refuse("unknown resource limit");
}

constexpr KnownField<oci::Rlimit> rlimit_fields[] = {
    {"type", [](const Node& n, oci::Rlimit& limit) { limit.resource = read_resource(n); }},
    {"soft", [](const Node& n, oci::Rlimit& limit) { limit.soft = n.integer<std::uint64_t>(); }},
    {"hard", [](const Node& n, oci::Rlimit& limit) { limit.hard = n.integer<std::uint64_t>(); }},
};

void read_rlimits(const Node& node, oci::Process& process) {
  node.for_each_element([&](const Node& element) {
    oci::Rlimit limit{.resource = -1};
    read_fields(element, limit, rlimit_fields);
    if (limit.resource < 0) element.refuse("type", "it is missing");
    if (limit.soft > limit.hard) element.refuse("soft", "it is above the hard limit");
    if (std::ranges::find(process.rlimits, limit.resource, &oci::Rlimit::resource) != process.rlimits.end())
      element.refuse("type", "there are two limits of this type");
    process.rlimits.push_back(limit);
  });
}

constexpr KnownField<oci::Process> process_fields[] = {
    {"terminal", [](const Node& n, oci::Process& p) { p.terminal = n.flag(); }},
    {"consoleSize", [](const Node& n, oci::Process& p) { read_fields(n, p, console_size_fields); }},
    {"cwd", [](const Node& n, oci::Process& p) { p.cwd = ContainerPath(n.text()); }},
    {"env", [](const Node& n, oci::Process& p) { p.env = n.texts(); }},
    {"args", [](const Node& n, oci::Process& p) { p.args = n.texts(); }},
    {"user", [](const Node& n, oci::Process& p) { read_fields(n, p.user, user_fields); }},
    {"capabilities",
     [](const Node& n, oci::Process& p) { read_fields(n, p.capabilities, capability_fields); }},
    {"rlimits", read_rlimits},
    {"noNewPrivileges", [](const Node& n, oci::Process& p) { p.no_new_privileges = n.flag(); }},
    {"oomScoreAdj", [](const Node& n, oci::Process& p) { p.oom_score_adj = n.integer<int>(-1000, 1000); }},
    {"apparmorProfile", [](const Node& n, oci::Process& p) { p.apparmor_profile = n.text(); }},
    {"selinuxLabel", [](const Node& n, oci::Process& p) { p.selinux_label = n.text(); }},
    {"scheduler", must_be_empty},
    {"ioPriority", must_be_empty},
    {"execCPUAffinity", must_be_empty},
};

constexpr KnownField<oci::Root> root_fields[] = {
    {"path", [](const Node& n, oci::Root& r) { r.path = HostPath(n.text()); }},
    {"readonly", [](const Node& n, oci::Root& r) { r.read_only = n.flag(); }},
};

constexpr KnownField<oci::Mount> mount_fields[] = {
    {"destination", [](const Node& n, oci::Mount& m) { m.destination = ContainerPath(n.text()); }},
    {"type", [](const Node& n, oci::Mount& m) { m.type = n.text(); }},
    {"source", [](const Node& n, oci::Mount& m) { m.source = n.text(); }},
    {"options", [](const Node& n, oci::Mount& m) { m.options = n.texts(); }},
    {"uidMappings", must_be_empty},
    {"gidMappings", must_be_empty},
};

void read_mounts(const Node& node, oci::RuntimeConfig& config) {
  node.for_each_element([&](const Node& element) {
    oci::Mount& mount = config.mounts.emplace_back();
    read_fields(element, mount, mount_fields);
    if (mount.destination.empty()) element.refuse("destination", "it is missing");
  });
}

void read_root(const Node& node, oci::RuntimeConfig& config) {
  read_fields(node, config.root, root_fields);
  if (config.root.path.empty()) node.refuse("path", "it is missing");
}

void read_annotations(const Node& node, oci::RuntimeConfig& config) {
  for (const auto& field : node.fields())
    config.annotations.emplace_back(std::string(field.key()), Node(field.value(), field.key(), node).text());
}

void read_version(const Node& node, oci::RuntimeConfig&) {
  if (!node.text().starts_with("1.")) node.refuse("only versions 1.x of the specification are known");
}

constexpr KnownField<oci::RuntimeConfig> config_fields[] = {
    {"ociVersion", read_version},
    {"root", read_root},
    {"process", [](const Node& n, oci::RuntimeConfig& c) { read_process(n, c.process); }},
    {"hostname", [](const Node& n, oci::RuntimeConfig& c) { c.hostname = n.text(); }},
    {"domainname", [](const Node& n, oci::RuntimeConfig& c) { c.domainname = n.text(); }},
    {"mounts", read_mounts},
    {"hooks", [](const Node& n, oci::RuntimeConfig& c) { read_hooks(n, c.hooks); }},
    {"annotations", read_annotations},
    {"linux", read_linux},
};

}  // namespace

void read_process(const Node& node, oci::Process& process) {
  read_fields(node, process, process_fields);
  if (process.args.empty()) node.refuse("args", "it is missing");
  if (!node.fields().contains("cwd")) node.refuse("cwd", "it is missing");
  if (!process.cwd.value.starts_with('/')) node.refuse("cwd", "it is not an absolute path");
}

oci::RuntimeConfig parse_config(std::string_view text) {
  const json::value document = json::parse(text);
  const Node node(document);
  oci::RuntimeConfig config;
  if (!node.fields().contains("ociVersion")) node.refuse("ociVersion", "it is missing");
  read_fields(node, config, config_fields);
  if (config.root.path.empty()) node.refuse("root", "it is missing");
  return config;
}

oci::Process parse_process(std::string_view text) {
  const json::value document = json::parse(text);
  oci::Process process;
  read_process(Node(document), process);
  return process;
}

void set_user(oci::User& user, std::string_view text) {
  const std::size_t colon = text.find(':');
  user.uid = parse_integer<std::uint32_t>(text.substr(0, colon));
  user.gid = colon == text.npos ? 0 : parse_integer<std::uint32_t>(text.substr(colon + 1));
}

}  // namespace tare::runtime
