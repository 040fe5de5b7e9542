#include "cgroup/tree.h"

#include <cerrno>
#include <csignal>
#include <dirent.h>
#include <functional>
#include <memory>
#include <sys/syscall.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/text.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::cgroup {
namespace {

sys::UniqueFd try_open_directory(sys::Fd parent, const std::string& name) {
  return sys::try_open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/// Pid 0 stands for a process that our pid namespace does not see.
std::vector<pid_t> read_pids(sys::Fd directory) {
  std::vector<pid_t> pids;
  // A threaded cgroup has no such list (EOPNOTSUPP when read); its processes are in the domain above.
  const auto file = sys::try_open_at(directory, "cgroup.procs", O_RDONLY);
  std::string text;
  char buffer[4096];
  ssize_t n;
  while (file && (n = ::read(file.number(), buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<std::size_t>(n));
  for (std::string_view rest = text; !rest.empty();)
    if (const auto pid = to_number(next_word(rest, '\n'))) pids.push_back(static_cast<pid_t>(*pid));
  return pids;
}

/// A pid may be given to another process between reading it and using it. So: hold the process, look whether
/// the pid is still listed, and only then signal the one that is held.
bool kill_members(sys::Fd directory) {
  const auto pids = read_pids(directory);
  std::vector<sys::UniqueFd> held;
  held.reserve(pids.size());
  for (pid_t pid : pids) held.push_back(sys::try_open_process(pid));
  if (pids.empty()) return false;
  const auto still = read_pids(directory);
  for (std::size_t i = 0; i < pids.size(); ++i)
    for (pid_t pid : still)
      if (pid == pids[i] && held[i]) sys::kill_process(held[i]);
  return true;
}

/// The cgroups directly below.
std::vector<std::string> child_cgroups(sys::Fd directory) {
  std::vector<std::string> names;
  // kernfs counts directories as links: two for the directory itself, one for each child.
  struct stat status;
  if (::fstat(directory.number(), &status) == 0 && status.st_nlink == 2) return names;
  sys::UniqueFd again = try_open_directory(directory, ".");
  const std::unique_ptr<DIR, int (*)(DIR*)> list(again ? ::fdopendir(again.number()) : nullptr, ::closedir);
  if (!list) return names;
  (void)again.release();
  while (const dirent* entry = ::readdir(list.get()))
    if (entry->d_type == DT_DIR && std::string_view(entry->d_name) != "." &&
        std::string_view(entry->d_name) != "..")
      names.emplace_back(entry->d_name);
  return names;
}

/// Visits a cgroup and all below it; only the one being visited is open, so that no depth runs out of
/// descriptors. `enter` comes to the outer ones first, and ends the visit by saying false; `leave` is told an
/// inner one's name in its parent when all below it has been left.
void visit(sys::Fd top, const std::function<bool(sys::Fd)>& enter,
           const std::function<void(sys::Fd parent, const std::string& name)>& leave = {}) {
  struct Level {
    std::string name;
    std::vector<std::string> children;
  };
  sys::UniqueFd current = try_open_directory(top, ".");
  if (!current || !enter(current)) return;
  std::vector<Level> levels;
  levels.push_back({"", child_cgroups(current)});
  for (;;) {
    if (auto& children = levels.back().children; !children.empty()) {
      std::string name = std::move(children.back());
      children.pop_back();
      sys::UniqueFd child = try_open_directory(current, name);
      if (!child) continue;
      if (!enter(child)) return;
      levels.push_back({std::move(name), child_cgroups(child)});
      current = std::move(child);
      continue;
    }
    const std::string name = std::move(levels.back().name);
    levels.pop_back();
    if (levels.empty()) return;
    current = try_open_directory(current, "..");  // of a cgroup that is removed meanwhile, too
    if (!current) return;
    if (leave) leave(current, name);
  }
}

/// False when it is in use.
bool try_remove(sys::Fd parent, const std::string& name) {
  if (::unlinkat(parent.number(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
  if (errno != EBUSY && errno != ENOTEMPTY) throw system_error(format("cannot remove the cgroup {}", name));
  return false;
}

}  // namespace

bool is_populated(sys::Fd directory, bool unified) {
  if (unified) {
    const auto events = sys::try_read_file(directory, "cgroup.events");
    return events && number_of(*events, "populated") == 1u;
  }
  bool populated = false;
  visit(directory, [&](sys::Fd cgroup) {
    populated = !read_pids(cgroup).empty();
    return !populated;
  });
  return populated;
}

bool kill_processes(sys::Fd directory, bool unified) {
  // One write kills all, forks of this moment included (Linux 5.14).
  if (unified && is_populated(directory, true) && sys::try_write_to(directory, "cgroup.kill", "1"))
    return true;
  bool any = false;
  visit(directory, [&](sys::Fd cgroup) {
    any |= kill_members(cgroup);
    return true;
  });
  return any;
}

void thaw(sys::Fd directory) {
  visit(directory, [](sys::Fd cgroup) {
    // Writing where nothing is frozen would visit all that is below, at every level.
    const auto frozen = sys::try_read_file(cgroup, "freezer.self_freezing");
    if (!frozen || trimmed(*frozen) != "0") sys::try_write_to(cgroup, "freezer.state", "THAWED");
    return true;
  });
}

bool try_remove_tree(sys::Fd parent, const std::string& name) {
  if (try_remove(parent, name)) return true;
  const auto directory = try_open_directory(parent, name);
  if (!directory) return errno == ENOENT;
  visit(
      directory, [](sys::Fd) { return true; },
      [](sys::Fd above, const std::string& inner) { try_remove(above, inner); });
  return try_remove(parent, name);
}

std::vector<pid_t> processes_below(sys::Fd directory) {
  std::vector<pid_t> pids;
  visit(directory, [&](sys::Fd below) {
    for (const pid_t pid : read_pids(below))
      if (pid > 0) pids.push_back(pid);
    return true;
  });
  return pids;
}

bool is_marked_as_made(const std::string& path) {
  const auto status = sys::try_status(sys::here, path, AT_SYMLINK_NOFOLLOW);
  return status && (status->st_mode & mark_of_made) != 0;
}

}  // namespace tare::cgroup
