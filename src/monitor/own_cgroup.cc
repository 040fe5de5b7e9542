#include "monitor/own_cgroup.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/format.h"
#include "base/recorder.h"
#include "sys/file.h"

namespace tare::monitor {
namespace {

const cgroup::Hierarchy* watched_hierarchy(const cgroup::Layout& layout) {
  if (layout.mode() == cgroup::Mode::v2) return layout.unified();
  for (const auto& hierarchy : layout.hierarchies)
    if (hierarchy.name == "name=systemd") return &hierarchy;
  return layout.unified();
}

constexpr std::string_view prefix = "tare-", suffix = ".monitor";

std::string name_for(const ContainerId& id) { return format("{}{}{}", prefix, id.value, suffix); }

bool is_name_for_some(std::string_view name) {
  return name.size() == prefix.size() + 64 + suffix.size() && name.starts_with(prefix) &&
         name.ends_with(suffix);
}

// A cgroup that nobody is in yet may be removed by one who takes it for a left-over.
constexpr int attempts = 5;

// Without the C library's fork, which cannot choose a cgroup.
pid_t fork_into(sys::Fd cgroup) {
  clone_args arguments{};
  arguments.flags = CLONE_INTO_CGROUP;
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<std::uint64_t>(cgroup.number());
  return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

sys::UniqueFd open_directory(const std::string& path) {
  return sys::try_open_at(sys::here, path, O_RDONLY | O_DIRECTORY);
}

// Before the new process does anything: what it does is its own lane's. Its birth ends where it begins its
// life.
void note_birth(std::int64_t begin) {
  if (!recorder::is_on()) return;
  recorder::enter(recorder::Lane::monitor);
  recorder::add({.kind = recorder::Event::Kind::begin,
                 .lane = recorder::Lane::monitor,
                 .at = begin,
                 .text = "be forked"});
}

const cgroup::Hierarchy* hierarchy_for_own(const cgroup::Layout& layout) {
  const cgroup::Hierarchy* hierarchy = watched_hierarchy(layout);
  return hierarchy && hierarchy->writable && hierarchy->own_path != "/" ? hierarchy : nullptr;
}

}  // namespace

std::optional<OwnCgroupPlan> plan_own_cgroup(const cgroup::Layout& layout, const ContainerId& id) {
  const cgroup::Hierarchy* hierarchy = hierarchy_for_own(layout);
  if (!hierarchy) return std::nullopt;
  const HostPath directory = hierarchy->mount / name_for(id);
  return OwnCgroupPlan{directory, hierarchy->unified ? HostPath() : directory / "tasks"};
}

OwnCgroup::OwnCgroup(const cgroup::Layout& layout, const ContainerId& id) {
  const cgroup::Hierarchy* hierarchy = hierarchy_for_own(layout);
  if (!hierarchy) return;
  const HostPath path = hierarchy->mount / name_for(id);
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return;
  path_ = path;
  origin_ = HostPath(hierarchy->mount.value + hierarchy->own_path);
  root_ = hierarchy->mount;
  unified_ = hierarchy->unified;
}

sys::UniqueFd OwnCgroup::open_or_make() const {
  if (sys::UniqueFd directory = open_directory(path_.value)) return directory;
  ::mkdir(path_.c_str(), 0755);
  return open_directory(path_.value);
}

pid_t OwnCgroup::fork() const {
  const std::int64_t begin = recorder::is_on() ? recorder::now() : 0;
  const auto born = [&](pid_t pid) {
    if (pid == 0) note_birth(begin);
    return pid;
  };
  if (path_.empty()) return born(::fork());
  for (int attempt = 0; unified_ && attempt < attempts; attempt++)
    if (const pid_t pid = fork_into(open_or_make()); pid >= 0) return born(pid);
  const pid_t pid = born(::fork());
  // A thread that moves itself takes no lock. A failure leaves it where the caller is: no reason not to go
  // on.
  for (int attempt = 0; pid == 0 && attempt < attempts; attempt++)
    if (sys::try_write_to(open_or_make(), unified_ ? "cgroup.procs" : "tasks", "0")) break;
  return pid;
}

void OwnCgroup::leave_removal() const noexcept {
  if (path_.empty()) return;
  if (!unified_) {
    sys::try_write_to(open_directory(root_.value), "tasks", "0");
    return remove();
  }
  const sys::UniqueFd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  if (!self) return;
  // The root takes no processes where it is another cgroup seen as one (cgroup_namespaces(7)); the session's
  // is gone where the session is.
  pid_t pid = fork_into(open_directory(root_.value));
  if (pid < 0) pid = fork_into(open_directory(origin_.value));
  if (pid != 0) return;
  recorder::switch_off();
  pollfd ended{self.number(), POLLIN, 0};
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
  remove();
  ::_exit(0);
}

void OwnCgroup::remove() const noexcept {
  if (!path_.empty()) ::rmdir(path_.c_str());
}

void remove_own_cgroup(const cgroup::Layout& layout, const ContainerId& id) noexcept {
  if (const cgroup::Hierarchy* hierarchy = watched_hierarchy(layout))
    ::rmdir((hierarchy->mount / name_for(id)).c_str());
}

void remove_left_cgroups(const cgroup::Layout& layout) {
  const cgroup::Hierarchy* hierarchy = watched_hierarchy(layout);
  if (!hierarchy || !hierarchy->writable) return;
  for (const auto& name : sys::list_directory(sys::here, hierarchy->mount.value))
    if (is_name_for_some(name)) ::rmdir((hierarchy->mount / name).c_str());
}

}  // namespace tare::monitor
