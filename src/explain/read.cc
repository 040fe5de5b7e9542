#include "explain/read.h"

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "explain/limits.h"
#include "explain/mounts.h"
#include "explain/namespaces.h"
#include "explain/ports.h"
#include "explain/proc_text.h"
#include "explain/processes.h"
#include "explain/rights.h"
#include "runtime/process_list.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::explain {
namespace {

using json::part;

/// What the kernel does not know, from the container's config.json (docs/storage-layout.md).
struct Recorded {
  std::string seccomp = "default";  ///< as Seccomp::policy
  std::vector<std::string> layers;
};

sys::UniqueFd open_process(pid_t pid) {
  return sys::try_open_at(sys::here, format("/proc/{}", pid), O_RDONLY | O_DIRECTORY);
}

std::vector<std::string> texts_of(const json::value& value) {
  std::vector<std::string> texts;
  if (const auto* array = value.if_array())
    for (const auto& one : *array)
      if (const auto* text = one.if_string()) texts.emplace_back(*text);
  return texts;
}

// Of a record that cannot be read nothing is known; the kernel tells the rest.
Recorded read_recorded(const HostPath& directory) {
  Recorded recorded;
  const auto text = sys::try_read_file(sys::here, (directory / "config.json").value);
  if (!text) return {.seccomp = "unknown", .layers = {}};
  try {
    const json::value config = json::parse(*text);
    const json::value& host = part(config, "HostConfig");
    if (const auto* privileged = part(host, "Privileged").if_bool(); privileged && *privileged)
      recorded.seccomp = "privileged";
    for (const auto& option : texts_of(part(host, "SecurityOpt")))
      if (option.starts_with("seccomp") && option.size() > 8 && (option[7] == '=' || option[7] == ':'))
        recorded.seccomp = option.substr(8);
    recorded.layers = texts_of(part(part(part(config, "GraphDriver"), "Data"), "Layers"));
  } catch (const Error&) {
    return {.seccomp = "unknown", .layers = {}};
  }
  return recorded;
}

std::vector<Neighbour> find_neighbours(const state::Place& place, const ContainerId& own) {
  std::vector<Neighbour> neighbours;
  for (const auto& id : state::list_locked(place)) {
    const auto running = id == own ? std::nullopt : state::read_running(place, id);
    if (!running || !sys::try_hold(running->pid, running->start_ticks)) continue;
    neighbours.push_back({.name = state::name_of(place, id), .process = open_process(running->pid)});
  }
  return neighbours;
}

// With --init the first process is tare's own, which keeps the rights that it was born with: what counts is
// the program that it looks after.
pid_t program_of(pid_t first, sys::Fd process) {
  if (!sys::try_read_link(process, "exe").value_or("").starts_with("/memfd:tare-init")) return first;
  const std::string children = read_some(sys::here, format("/proc/{}/task/{}/children", first, first));
  std::string_view rest = children;
  const auto child = static_cast<pid_t>(number_from(next_field(rest)));
  return child == 0 ? first : child;
}

}  // namespace

Container read(const state::Place& place, const state::Record& record, const state::Running& running) {
  Step step("explain", record.name);
  const auto ended = [&] {
    return Error(ErrorKind::conflict, "it has ended", 0,
                 format("`tare start {}` starts it again", record.name));
  };
  const sys::UniqueFd held = sys::try_hold(running.pid, running.start_ticks);
  const sys::UniqueFd process = open_process(running.pid);
  if (!held || !process) throw ended();
  const HostPath directory = place.directory_of(record.id);
  const Recorded recorded = read_recorded(directory);
  const sys::UniqueFd program = open_process(program_of(running.pid, process));

  Container container{.id = record.id.value, .name = record.name, .pid = running.pid};
  container.namespaces = read_namespaces(process, find_neighbours(place, record.id));
  container.uid_mappings = parse_id_map(read_some(process, "uid_map"));
  container.gid_mappings = parse_id_map(read_some(process, "gid_map"));
  container.limits = read_limits(std::to_string(running.pid), record.cgroup);
  container.mounts = explain_mounts(parse_mountinfo(read_some(process, "mountinfo")),
                                    {.host = parse_mountinfo(read_some(sys::here, "/proc/self/mountinfo")),
                                     .volumes = place.root / "volumes",
                                     .own_directory = directory,
                                     .layers = recorded.layers});
  container.rights = read_rights(program, recorded.seccomp);
  container.processes = read_processes(
      runtime::list_processes(cgroup::read_layout(), record.cgroup, running.pid), container.uid_mappings);
  container.ports = read_ports(process);
  // What ended in between has left empty files.
  if (sys::wait_for_end(held, 0)) throw ended();
  return container;
}

}  // namespace tare::explain
