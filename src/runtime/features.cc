#include "runtime/features.h"

#include <span>

#include "base/error.h"
#include "base/format.h"
#include "plan/names.h"
#include "runtime/call_numbers.h"
#include "runtime/config_fields.h"
#include "runtime/config_json.h"
#include "runtime/mount_options.h"
#include "runtime/seccomp_names.h"

namespace tare::runtime {
namespace {

// The words of the specification that may be refused.
constexpr std::string_view hooks[] = {"prestart",       "createRuntime", "createContainer",
                                      "startContainer", "poststart",     "poststop"};
constexpr std::string_view memory_modes[] = {
    "MPOL_DEFAULT",   "MPOL_BIND",           "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
    "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL"};
constexpr std::string_view memory_flags[] = {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES",
                                             "MPOL_F_STATIC_NODES"};

/// Whether a config.json with this in it is read without objection.
bool accepts(std::string_view fields) {
  try {
    parse_config(format(R"({{"ociVersion": "1.0.0", "root": {{"path": "/"}}, {}}})", fields));
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool accepts_linux(std::string_view fields) { return accepts(format(R"("linux": {{{}}})", fields)); }

template <typename Names>
json::array list(const Names& names) {
  json::array all;
  for (const auto& name : names) all.emplace_back(name);
  return all;
}

json::array accepted(std::span<const std::string_view> words, bool (*is_accepted)(std::string_view word)) {
  json::array all;
  for (const auto word : words)
    if (is_accepted(word)) all.emplace_back(json::value(word));
  return all;
}

json::array capabilities() {
  json::array all;
  for (const auto& name : plan::capability_names(plan::every_capability())) all.emplace_back("CAP_" + name);
  return all;
}

json::object cgroups() {
  return {{"v1", true},
          {"v2", true},
          {"systemd", true},
          {"systemdUser", true},
          {"rdma", accepts_linux(R"("resources": {"rdma": {"mlx5_1": {"hcaHandles": 1}}})")}};
}

json::object seccomp() {
  const json::array flags = list(known_flags());
  return {{"enabled", true},
          {"actions", list(known_actions())},
          {"operators", list(known_operators())},
          {"archs", list(known_architectures())},
          {"knownFlags", flags},
          {"supportedFlags", flags}};
}

json::object memory_policy() {
  return {{"modes", accepted(memory_modes,
                             [](std::string_view mode) {
                               return accepts_linux(
                                   format(R"("memoryPolicy": {{"mode": "{}", "nodes": "0"}})", mode));
                             })},
          {"flags", accepted(memory_flags, [](std::string_view flag) {
             return accepts_linux(
                 format(R"("memoryPolicy": {{"mode": "MPOL_BIND", "nodes": "0", "flags": ["{}"]}})", flag));
           })}};
}

json::object linux_features() {
  constexpr auto process = R"("process": {"args": ["x"], "cwd": "/", )";
  const bool has_rdt = accepts_linux(R"("intelRdt": {"closID": "x"})");
  json::object features{
      {"namespaces", list(known_namespaces())},
      {"capabilities", capabilities()},
      {"cgroup", cgroups()},
      {"seccomp", seccomp()},
      {"apparmor", {{"enabled", accepts(std::string(process) + R"("apparmorProfile": "x"})")}}},
      {"selinux", {{"enabled", accepts(std::string(process) + R"("selinuxLabel": "x"})")}}},
      {"intelRdt",
       {{"enabled", has_rdt},
        {"schemata", accepts_linux(R"("intelRdt": {"schemata": ["L3:0=f"]})")},
        {"monitoring", accepts_linux(R"("intelRdt": {"enableMonitoring": true})")}}},
      {"memoryPolicy", memory_policy()},
      {"mountExtensions",
       {{"idmap",
         {{"enabled",
           accepts(R"("mounts": [{"destination": "/x", "type": "bind", "source": "/", "options": ["bind"],
             "uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}],
             "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}])")}}}}},
      {"netDevices", {{"enabled", accepts_linux(R"("netDevices": {"eth0": {"name": "x"}})")}}}};
  return features;
}

}  // namespace

json::object describe_features() {
  return {{"ociVersionMin", "1.0.0"},
          {"ociVersionMax", "1.3.0"},
          {"hooks", accepted(hooks,
                             [](std::string_view hook) {
                               return accepts(format(R"("hooks": {{"{}": [{{"path": "/x"}}]}})", hook));
                             })},
          {"mountOptions", list(known_mount_options())},
          {"linux", linux_features()},
          {"annotations",
           {{"tare.version", TARE_VERSION}, {"org.opencontainers.runc.checkpoint.enabled", "true"}}}};
}

}  // namespace tare::runtime
