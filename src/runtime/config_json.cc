#include "runtime/config_json.h"

#include "base/error.h"
#include "base/units.h"
#include "runtime/config_fields.h"

namespace tare::runtime {
namespace {

using json::KnownField;
using json::Node;
using json::read_fields;

constexpr KnownField<oci::Root> root_fields[] = {
    {"path", [](const Node& n, oci::Root& r) { r.path = HostPath(n.text()); }},
    {"readonly", [](const Node& n, oci::Root& r) { r.read_only = n.flag(); }},
};

constexpr KnownField<oci::Mount> mount_fields[] = {
    {"destination",
     [](const Node& n, oci::Mount& m) { m.destination = ContainerPath(clean_path(n.text())); }},
    {"type", [](const Node& n, oci::Mount& m) { m.type = n.text(); }},
    {"source", [](const Node& n, oci::Mount& m) { m.source = n.text(); }},
    {"options", [](const Node& n, oci::Mount& m) { m.options = n.texts(); }},
    {"uidMappings", [](const Node& n, oci::Mount& m) { read_mappings(n, m.uid_mappings); }},
    {"gidMappings", [](const Node& n, oci::Mount& m) { read_mappings(n, m.gid_mappings); }},
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
