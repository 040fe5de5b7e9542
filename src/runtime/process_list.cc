#include "runtime/process_list.h"

#include <algorithm>
#include <map>
#include <optional>

#include "cgroup/text.h"
#include "cgroup/usage.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::runtime {
namespace {

using cgroup::to_number;

std::optional<std::string> pid_namespace(const std::string& process) {
  return sys::try_read_link(sys::here, "/proc/" + process + "/ns/pid");
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  for (const auto& name : sys::list_directory(sys::here, "/proc"))
    if (const auto pid = to_number(name)) pids.push_back(static_cast<pid_t>(*pid));
  std::ranges::sort(pids);
  return pids;
}

// Without a cgroup: those that see what its first process sees. With the host's processes in sight, its
// descendants.
std::vector<pid_t> without_cgroup(pid_t first) {
  const auto space = pid_namespace(std::to_string(first));
  std::vector<pid_t> found;
  if (space && space != pid_namespace("self")) {
    for (const pid_t pid : all_processes())
      if (pid_namespace(std::to_string(pid)) == space) found.push_back(pid);
    return found;
  }
  std::map<pid_t, pid_t> parents;
  for (const pid_t pid : all_processes())
    if (const auto status = sys::try_status_of(pid)) parents[pid] = status->parent;
  for (const auto& [pid, unused] : parents) {
    pid_t ancestor = pid;
    while (ancestor != first && parents.contains(ancestor)) ancestor = parents[ancestor];
    if (ancestor == first) found.push_back(pid);
  }
  return found;
}

}  // namespace

std::vector<pid_t> list_processes(const cgroup::Layout& layout, const std::string& cgroup, pid_t first) {
  std::vector<pid_t> pids;
  if (!cgroup.empty()) pids = cgroup::list_processes(layout, cgroup);
  return pids.empty() ? without_cgroup(first) : pids;
}

}  // namespace tare::runtime
