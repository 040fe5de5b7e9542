#include "engine/own_namespace.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "engine/user_namespace.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/user_namespace.h"

namespace tare::engine {
namespace {

std::vector<oci::IdMapping> mapped(std::uint32_t own, const std::vector<IdRange>& ranges) {
  std::vector<oci::IdMapping> mappings{{.container = 0, .host = own, .size = 1}};
  std::uint32_t next = 1;
  for (const IdRange& range : ranges) {
    if (range.size > 0xfffffffe - next) break;
    mappings.push_back({.container = next, .host = range.first, .size = range.size});
    next += range.size;
  }
  return mappings;
}

std::vector<IdRange> ranges_of(const PlainUser& user, std::string_view text) {
  auto ranges = subordinate_ranges(text, user.name);
  return ranges.empty() ? subordinate_ranges(text, std::to_string(user.uid)) : ranges;
}

// As execvp(3) would.
bool is_in_path(std::string_view program) {
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path ? path : ""; !rest.empty();) {
    const auto end = std::min(rest.find(':'), rest.size());
    if (::access(format("{}/{}", rest.substr(0, end), program).c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

PlainUser caller() {
  PlainUser user{.name = {}, .uid = ::geteuid(), .gid = ::getegid()};
  if (const passwd* entry = ::getpwuid(user.uid)) user.name = entry->pw_name;
  return user;
}

std::string home_of(uid_t uid) {
  const passwd* entry = ::getpwuid(uid);
  if (!entry || !entry->pw_dir[0])
    throw Error(ErrorKind::usage, format("user {} has no home to keep containers in", uid), 0,
                "set HOME, or say --root");
  return entry->pw_dir;
}

HostPath own_in_tmp(uid_t uid) {
  HostPath path(format("/tmp/tare-{}", uid));
  const auto status = sys::try_status(sys::here, path.value, AT_SYMLINK_NOFOLLOW);
  if (status && (status->st_uid != ::geteuid() || !S_ISDIR(status->st_mode) || (status->st_mode & 077) != 0))
    throw Error(ErrorKind::conflict, format("{} is not a directory of user {}'s own", path.value, uid), 0,
                "set XDG_RUNTIME_DIR, or say --run-root");
  return path;
}

// Without the programs that map them there are no other ids.
runtime::OwnIds available_ids() {
  const bool can_map = is_in_path("newuidmap") && is_in_path("newgidmap");
  const auto text = [&](const char* file) {
    return can_map ? sys::try_read_file(sys::here, file).value_or("") : std::string();
  };
  return ids_of(caller(), text("/etc/subuid"), text("/etc/subgid"));
}

bool try_join_process(pid_t pid) {
  try {
    runtime::join_own_namespace(format("/proc/{}/ns/user", pid));
    return true;
  } catch (const Error&) {
    if (::geteuid() == 0) throw;  // half-way
    return false;                 // it has just ended
  }
}

}  // namespace

runtime::OwnIds ids_of(const PlainUser& user, std::string_view subuid, std::string_view subgid) {
  const auto uids = ranges_of(user, subuid), gids = ranges_of(user, subgid);
  const bool both = !uids.empty() && !gids.empty();
  return {.uids = mapped(user.uid, both ? uids : std::vector<IdRange>()),
          .gids = mapped(user.gid, both ? gids : std::vector<IdRange>())};
}

state::Place standard_place() {
  if (sys::is_root_of_system()) return {.root = HostPath("/var/lib/tare"), .run_root = HostPath("/run/tare")};
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  const uid_t uid = sys::outside_uid();
  std::string data = variable("XDG_DATA_HOME"), home = variable("HOME"), run = variable("XDG_RUNTIME_DIR");
  if (data.empty()) data = (home.empty() ? home_of(uid) : home) + "/.local/share";
  if (run.empty() && sys::exists(sys::here, format("/run/user/{}", uid))) run = format("/run/user/{}", uid);
  return {.root = HostPath(data + "/tare"),
          .run_root = run.empty() ? own_in_tmp(uid) : HostPath(run + "/tare")};
}

OwnNamespace::OwnNamespace(const state::Place& place) {
  if (::geteuid() == 0) return;
  const HostPath members = place.run_root / "user-namespace";
  sys::make_directories(sys::here, members.value, 0700);
  const sys::UniqueFd directory = sys::open_at(sys::here, members.value, O_RDONLY | O_DIRECTORY);
  sys::lock(directory);
  if (!try_join(place, directory)) runtime::make_own_namespace(available_ids());
  // A change of ids hides what is in /proc of this process from all others, and with it the namespace.
  ::prctl(PR_SET_DUMPABLE, 1);
  const std::string name = std::to_string(::getpid());
  sys::replace_file(directory, name, std::to_string(sys::start_ticks(::getpid()).value_or(0)), 0600);
  entry_ = members / name;
}

OwnNamespace::~OwnNamespace() {
  if (!entry_.empty()) ::unlink(entry_.c_str());
}

// A living member is in it: another client, or else a container's monitor.
bool OwnNamespace::try_join(const state::Place& place, sys::Fd members) {
  for (const auto& name : sys::list_directory(members, ".")) {
    const auto ticks = sys::try_read_file(members, name);
    const auto pid = static_cast<pid_t>(std::atoi(name.c_str()));
    const bool lives = ticks && sys::start_ticks(pid) == std::strtoull(ticks->c_str(), nullptr, 10);
    if (lives && try_join_process(pid)) return true;
    if (!lives) sys::remove_file(members, name);
  }
  for (const auto& id : state::list_locked(place)) {
    const auto running = state::read_running(place, id);
    if (running && sys::try_hold(running->pid, running->start_ticks) && try_join_process(running->monitor))
      return true;
  }
  return false;
}

}  // namespace tare::engine
