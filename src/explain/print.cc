#include "explain/print.h"

#include <algorithm>
#include <bit>
#include <map>

#include "base/format.h"
#include "base/units.h"
#include "explain/capability_words.h"
#include "explain/namespaces.h"
#include "explain/shown.h"

namespace tare::explain {
namespace {

using Row = std::pair<std::string, std::string>;
using Rows = std::vector<Row>;

// Names in a column, what is said of them beside it. The names are shown() already.
std::string section(const std::string& title, const Rows& rows) {
  if (rows.empty()) return {};
  constexpr std::size_t widest = 32;  // a longer name pushes its own words aside only
  std::size_t width = 0;
  for (const auto& [name, words] : rows)
    if (name.size() <= widest) width = std::max(width, name.size());
  std::string text = "\n" + title + "\n";
  for (const auto& [name, words] : rows)
    text += words.empty() ? format("  {}\n", name) : format("  {:{}}  {}\n", name, width, words);
  return text;
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const auto& part : parts) text.append(text.empty() ? "" : separator).append(shown(part));
  return text;
}

bool is_hosts(const Container& container, std::string_view kind) {
  return std::ranges::any_of(container.namespaces,
                             [&](const Namespace& one) { return one.kind == kind && one.is_hosts; });
}

Rows namespace_rows(const Container& container) {
  Rows rows;
  for (const auto& one : container.namespaces)
    rows.emplace_back(one.kind, format("{}  {}", one.inode, sharing_words(one)));
  return rows;
}

Rows id_rows(const Container& container) {
  const std::string users = id_map_words(container.uid_mappings),
                    groups = id_map_words(container.gid_mappings);
  if (users == groups) return {{"users and groups", users}};
  return {{"users", users}, {"groups", groups}};
}

std::string of_limit(const std::string& used, const std::string& limit, const std::string& peak) {
  std::string words = limit.empty() ? used + ", no limit" : format("{} of {}", used, limit);
  if (!peak.empty()) words += format(", {} at most so far", peak);
  return words;
}

std::string bytes(std::optional<Bytes> value) { return value ? format_size(*value) : std::string(); }
std::string number(std::optional<std::uint64_t> value) {
  return value ? std::to_string(*value) : std::string();
}

std::string quota_words(const Limits& limits) {
  std::string words = "no limit";
  if (limits.cpu_quota && limits.cpu_period.value_or(0) != 0)
    words = format("{:.4g} of a CPU: {} of every {} microseconds",
                   static_cast<double>(*limits.cpu_quota) / static_cast<double>(*limits.cpu_period),
                   *limits.cpu_quota, *limits.cpu_period);
  if (limits.throttled_periods.value_or(0) != 0)
    words += format("; held back in {} of them, for {:.3f} seconds", *limits.throttled_periods,
                    static_cast<double>(limits.throttled_nanoseconds.value_or(0)) / 1e9);
  return words;
}

// Most often all hierarchies have the same path.
Rows cgroup_rows(const Limits& limits) {
  std::map<std::string, std::vector<std::string>> hierarchies;
  for (const auto& one : limits.cgroups)
    hierarchies[one.path].push_back(one.hierarchy.empty() ? "unified" : one.hierarchy);
  Rows rows;
  for (const auto& [path, names] : hierarchies)
    rows.emplace_back("cgroup", format("{}  ({})", shown(path), joined(names, " ")));
  return rows;
}

// But for what nearly every mount has.
std::string option_words(const Mount& mount) {
  std::string words;
  for (const auto& option : mount.options)
    if (option != "rw" && option != "ro" && option != "relatime") words += " " + shown(option);
  return (mount.is_read_only ? "  read-only" : "") + (words.empty() ? "" : "  (" + words.substr(1) + ")");
}

std::string source_words(const Mount& mount) {
  if (mount.origin == origin::volume) return "the volume " + shown(mount.from);
  if (mount.origin == origin::own_file) return "made for this container: " + shown(mount.from);
  if (mount.origin == origin::memory)
    return mount.size ? format("{} at most", format_size(*mount.size)) : "no limit of its own";
  return mount.from.empty() ? "a file system of type " + shown(mount.type)
                            : "the host's " + shown(mount.from);
}

Rows root_rows(const Mount& mount) {
  const bool is_overlay = !mount.layers.empty();
  Rows rows{{is_overlay ? "changes" : "directory", shown(mount.from) + option_words(mount)}};
  if (mount.from.empty()) rows = {{"type", shown(mount.type) + option_words(mount)}};
  for (const auto& layer : mount.layers) rows.emplace_back("layer", shown(layer));
  return rows;
}

// A line for each type.
Rows kernel_rows(const std::vector<const Mount*>& mounts) {
  Rows rows;
  for (const Mount* mount : mounts) {
    const std::string name = shown(mount->type) + (mount->is_read_only ? ", read-only" : "");
    const auto known = std::ranges::find(rows, name, &Row::first);
    if (known == rows.end())
      rows.emplace_back(name, shown(mount->where));
    else
      known->second += " " + shown(mount->where);
  }
  return rows;
}

std::string mount_sections(const std::vector<Mount>& mounts) {
  Rows root, host, memory, hidden;
  std::vector<const Mount*> kernel;
  std::vector<std::string> masked, protections;
  for (const auto& mount : mounts) {
    if (mount.origin == origin::root)
      root = root_rows(mount);
    else if (mount.origin == origin::masked)
      masked.push_back(mount.where);
    else if (mount.origin == origin::protection)
      protections.push_back(mount.where);
    else if (mount.origin == origin::kernel)
      kernel.push_back(&mount);
    else
      (mount.origin == origin::memory ? memory : host)
          .emplace_back(shown(mount.where), source_words(mount) + option_words(mount));
  }
  if (!masked.empty()) hidden.emplace_back("hidden", joined(masked, " "));
  if (!protections.empty()) hidden.emplace_back("read-only", joined(protections, " "));
  return section("Root file system", root) + section("From the host", host) + section("In memory", memory) +
         section("Of the kernel", kernel_rows(kernel)) + section("Protected parts", hidden);
}

std::string capability_section(const Container& container) {
  const Rights& rights = container.rights;
  const std::uint64_t effective = rights.capabilities.effective;
  Rows rows;
  for (int i = 0; i <= rights.last_capability && i < 64; i++)
    if (effective >> i & 1) rows.emplace_back(capability_name(i), capability_words(i));
  const int all = rights.last_capability + 1, there = std::popcount(effective);
  if (rows.empty()) rows.emplace_back("none", "");
  const bool has_hosts_ids = is_hosts(container, "user");
  return section(
      format("Capabilities of process {}{}: {}, without {} of this kernel's {}", rights.pid,
             has_hosts_ids ? "" : " (over what belongs to its user namespace)", there, all - there, all),
      rows);
}

std::string seccomp_words(const Seccomp& seccomp) {
  constexpr const char* modes[] = {"none: it may make every system call",
                                   "strict: read, write, exit and no other call"};
  if (seccomp.mode >= 0 && seccomp.mode < 2) return modes[seccomp.mode];
  std::string words =
      seccomp.filters == 1 ? "a filter" : format("{} filters, one over the other", seccomp.filters);
  if (seccomp.filters == 0) words = "filters";
  if (seccomp.calls_allowed)
    return words + format(": the default policy, which allows {} calls", *seccomp.calls_allowed);
  if (seccomp.policy == "unconfined" || seccomp.policy == "privileged")
    return words + format(", not of tare's: it was started {}", seccomp.policy);
  return words + (seccomp.policy == "unknown" ? ", by no record" : ": the profile " + shown(seccomp.policy));
}

Rows rights_rows(const Rights& rights) {
  Rows rows{{"system calls", seccomp_words(rights.seccomp)}};
  if (!rights.seccomp.blocked.empty()) rows.emplace_back("  refused", joined(rights.seccomp.blocked, ", "));
  rows.emplace_back("no_new_privs", rights.no_new_privileges ? "set: set-user-id programs give nothing"
                                                             : "not set: set-user-id programs work");
  rows.emplace_back("label", rights.label.empty() ? "none: no AppArmor, no SELinux" : shown(rights.label));
  if (rights.oom_score_adjustment)
    rows.emplace_back("OOM score", format("{:+}", *rights.oom_score_adjustment));
  for (const auto& limit : rights.resource_limits)
    rows.emplace_back(shown(limit.name),
                      format("{} soft, {} hard (the host's: {}, {})", shown(limit.soft), shown(limit.hard),
                             shown(limit.host_soft), shown(limit.host_hard)));
  return rows;
}

std::string user_words(const Process& process) {
  std::string user = shown(process.user_name);
  if (process.inner_user == process.user) return user;
  return user + (process.inner_user ? format(" ({} inside)", *process.inner_user) : " (nobody inside)");
}

std::string process_section(const std::vector<Process>& processes) {
  std::size_t width = 4;
  for (const auto& process : processes) width = std::max(width, user_words(process).size());
  std::string text =
      format("\nProcesses\n  {:>8} {:>8}  {:{}}  STATE  COMMAND\n", "OUTSIDE", "INSIDE", "USER", width);
  for (const auto& process : processes)
    text += format("  {:>8} {:>8}  {:{}}  {:5}  {}\n", process.pid, process.inner_pid, user_words(process),
                   width, shown(process.state), shown(process.command));
  return text;
}

Rows port_rows(const std::vector<Port>& ports) {
  Rows rows;
  for (const auto& port : ports) {
    const bool is_v6 = port.address.find(':') != std::string::npos;
    rows.emplace_back(port.protocol, port.protocol == "unix" ? shown(port.address)
                                     : is_v6                 ? format("[{}]:{}", port.address, port.port)
                                                             : format("{}:{}", port.address, port.port));
  }
  if (rows.empty()) rows.emplace_back("nothing", "");
  return rows;
}

}  // namespace

std::string sharing_words(const Namespace& one) {
  const std::size_t others = one.containers.size();
  if (one.is_hosts && others != 0)
    return format("the host's, as that of {} other container{}", others, others == 1 ? "" : "s");
  if (one.is_hosts) return "the host's";
  return others == 0 ? "its own" : "shared with " + joined(one.containers, ", ");
}

std::vector<std::pair<std::string, std::string>> limit_rows(const Limits& limits) {
  Rows rows;
  if (limits.memory)
    rows.emplace_back("memory",
                      of_limit(bytes(limits.memory), bytes(limits.memory_limit), bytes(limits.memory_peak)));
  if (limits.swap_limit) rows.emplace_back("swap", bytes(limits.swap_limit) + " at most");
  if (limits.memory_kills.value_or(0) != 0)
    rows.emplace_back("out of memory", format("{} processes were killed", *limits.memory_kills));
  if (limits.processes)
    rows.emplace_back("processes", of_limit(number(limits.processes), number(limits.processes_limit),
                                            number(limits.processes_peak)));
  if (limits.cpu_period) rows.emplace_back("CPU time", quota_words(limits));
  if (limits.cpu_nanoseconds)
    rows.emplace_back("  used", format("{:.3f} seconds", static_cast<double>(*limits.cpu_nanoseconds) / 1e9));
  if (limits.cpu_shares) rows.emplace_back("CPU shares", format("{} (1024 is normal)", *limits.cpu_shares));
  if (limits.cpu_weight) rows.emplace_back("CPU weight", format("{} (100 is normal)", *limits.cpu_weight));
  if (limits.block_io_weight) rows.emplace_back("disk weight", number(limits.block_io_weight));
  if (!limits.cpus.empty()) rows.emplace_back("CPUs", shown(limits.cpus));
  if (!limits.memory_nodes.empty()) rows.emplace_back("memory nodes", shown(limits.memory_nodes));
  return rows;
}

std::string print(const Container& container) {
  Rows limits = limit_rows(container.limits);
  for (auto& row : cgroup_rows(container.limits)) limits.push_back(std::move(row));
  return format("{} ({}), process {}\n", shown(container.name), container.id.substr(0, 12), container.pid) +
         section("Namespaces", namespace_rows(container)) + section("Ids", id_rows(container)) +
         section("Limits", limits) + mount_sections(container.mounts) + capability_section(container) +
         section("Other rights", rights_rows(container.rights)) + process_section(container.processes) +
         section(is_hosts(container, "net") ? "Listening (in the host's network)" : "Listening",
                 port_rows(container.ports));
}

}  // namespace tare::explain
