#include "explain/compare.h"

#include <algorithm>
#include <map>

#include "base/format.h"
#include "base/units.h"
#include "explain/capability_words.h"
#include "explain/shown.h"

namespace tare::explain {
namespace {

using Values = std::map<std::string, std::string>;

std::vector<std::string> in_both(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> both;
  for (const auto& one : a)
    if (std::ranges::find(b, one) != b.end() && std::ranges::find(both, one) == both.end())
      both.push_back(one);
  return both;
}

// Of all namespaces that both are in; those of the host are shared by everybody who has it.
std::vector<std::string> shared_namespaces(const Container& first, const Container& second) {
  std::vector<std::string> kinds;
  for (const auto& one : first.namespaces)
    for (const auto& other : second.namespaces)
      if (one.kind == other.kind && one.inode == other.inode)
        kinds.push_back(one.kind + (one.is_hosts ? " (the host's)" : ""));
  return kinds;
}

std::vector<std::string> layers_of(const Container& container) {
  for (const auto& mount : container.mounts)
    if (mount.origin == origin::root)
      return mount.layers.empty() && !mount.from.empty() ? std::vector{mount.from} : mount.layers;
  return {};
}

std::vector<std::string> volumes_of(const Container& container) {
  std::vector<std::string> names;
  for (const auto& mount : container.mounts)
    if (mount.origin == origin::volume) names.push_back(mount.from.substr(0, mount.from.find('/')));
  return names;
}

std::vector<std::string> parents_of(const Container& container) {
  std::vector<std::string> parents;
  for (const auto& one : container.limits.cgroups) {
    const std::string parent = one.path.substr(0, one.path.find_last_of('/'));
    if (std::ranges::find(parents, parent) == parents.end()) parents.push_back(parent);
  }
  for (auto& parent : parents)
    if (parent.empty()) parent = "/";
  return parents;
}

void put(Values& values, const char* what, std::optional<std::uint64_t> number) {
  if (number) values[what] = std::to_string(*number);
}

void put_bytes(Values& values, const char* what, std::optional<Bytes> bytes) {
  if (bytes) values[what] = format_size(*bytes);
}

Values values_of(const Container& container) {
  Values values;
  const Limits& limits = container.limits;
  put_bytes(values, "memory limit", limits.memory_limit);
  put_bytes(values, "swap limit", limits.swap_limit);
  put(values, "process limit", limits.processes_limit);
  put(values, "CPU shares", limits.cpu_shares);
  put(values, "CPU weight", limits.cpu_weight);
  if (limits.cpu_quota && limits.cpu_period)
    values["CPU time"] = format("{}/{}", *limits.cpu_quota, *limits.cpu_period);
  put(values, "disk weight", limits.block_io_weight);
  values["CPUs"] = limits.cpus;
  values["memory nodes"] = limits.memory_nodes;
  const Rights& rights = container.rights;
  for (const auto& limit : rights.resource_limits) values[limit.name] = limit.soft + "/" + limit.hard;
  values["label"] = rights.label;
  values["no_new_privs"] = rights.no_new_privileges ? "set" : "";
  values["seccomp"] = rights.seccomp.mode == 0 ? "none" : rights.seccomp.policy;
  if (rights.oom_score_adjustment) values["OOM score"] = std::to_string(*rights.oom_score_adjustment);
  for (const auto& mount : container.mounts)
    values["mount " + mount.where] =
        format("{}{}{}{}", mount.is_read_only ? "read-only " : "", mount.origin,
               mount.from.empty() || mount.origin == origin::root || mount.origin == origin::own_file
                   ? ""
                   : " " + mount.from,
               mount.size ? " of " + format_size(*mount.size) : "");
  return values;
}

std::string line(const char* what, const std::vector<std::string>& shared) {
  std::string text = format("  {:15} ", what);
  if (shared.empty()) return text + "none\n";
  for (std::size_t i = 0; i < shared.size(); i++) text += (i == 0 ? "" : ", ") + shown(shared[i]);
  return text + "\n";
}

// Only those that the other one lacks.
std::string capabilities_beyond(const Container& container, const Container& other) {
  const std::uint64_t set = container.rights.capabilities.effective & ~other.rights.capabilities.effective;
  std::string names;
  for (int i = 0; i < 64; i++)
    if (set >> i & 1) names += (names.empty() ? "" : " ") + capability_name(i);
  return names;
}

}  // namespace

Comparison compare(const Container& first, const Container& second) {
  Comparison comparison{.first = first.name, .second = second.name};
  comparison.namespaces = shared_namespaces(first, second);
  comparison.layers = in_both(layers_of(first), layers_of(second));
  comparison.volumes = in_both(volumes_of(first), volumes_of(second));
  comparison.cgroup_parents = in_both(parents_of(first), parents_of(second));
  Values ones = values_of(first), others = values_of(second);
  ones["capabilities"] = capabilities_beyond(first, second);
  others["capabilities"] = capabilities_beyond(second, first);
  for (const auto& [what, value] : ones) others.try_emplace(what);
  for (const auto& [what, value] : others)
    if (const std::string& own = ones[what]; own != value)
      comparison.differences.push_back({.what = what, .first = own, .second = value});
  return comparison;
}

std::string print(const Comparison& comparison) {
  std::string text = format("{} and {} share\n", shown(comparison.first), shown(comparison.second)) +
                     line("namespaces", comparison.namespaces) + line("layers", comparison.layers) +
                     line("volumes", comparison.volumes) + line("cgroup parents", comparison.cgroup_parents);
  if (comparison.differences.empty()) return text + "\nThey do not differ.\n";
  text += "\nThey differ in\n";
  const auto words = [](const std::string& value) { return value.empty() ? std::string("-") : shown(value); };
  for (const auto& one : comparison.differences)
    text += format("  {:24}  {}  |  {}\n", shown(one.what), words(one.first), words(one.second));
  return text;
}

}  // namespace tare::explain
