#include "engine/own_namespace.h"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "engine/user_namespace.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/search_path.h"
#include "sys/user_names.h"
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

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// Without the programs that map them there are no other ids. They know users by name, and want the group to
// be the one in passwd(5).
runtime::OwnIds available_ids(uid_t uid, gid_t gid) {
  const auto user = sys::find_user_anywhere(uid);
  const bool can_map = user && user->group == gid && ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 &&
                       sys::is_in_path("newuidmap") && sys::is_in_path("newgidmap");
  const auto text = [&](const char* file) {
    return can_map ? sys::try_read_file(sys::here, file).value_or("") : std::string();
  };
  return ids_of({.name = user ? user->name : "", .uid = uid, .gid = gid}, text("/etc/subuid"),
                text("/etc/subgid"));
}

// Not another user's, as it is after su(1).
std::optional<std::string> own_directory(const std::string& path) {
  const auto status = path.empty() ? std::nullopt : sys::try_status(sys::here, path);
  return status && status->st_uid == ::geteuid() ? std::optional(path) : std::nullopt;
}

// What is below is as safe as this one.
void check_is_own(const HostPath& directory) {
  const auto status = sys::try_status(sys::here, directory.value, AT_SYMLINK_NOFOLLOW);
  if (status && S_ISDIR(status->st_mode) && status->st_uid == ::geteuid() && (status->st_mode & 022) == 0)
    return;
  throw Error(ErrorKind::conflict,
              format("{} is not a directory that only user {} can write to", directory.value, ::geteuid()), 0,
              "set XDG_RUNTIME_DIR, or say --run-root");
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

bool could_have_more_ids() {
  const auto gids = sys::own_ids(sys::IdKind::group);
  const auto gid = gids.empty() ? ::getegid() : static_cast<gid_t>(gids.front().outside);
  return available_ids(sys::outside_uid(), gid).uids.size() > 1;
}

std::string standard_root() {
  if (sys::is_root_of_system()) return "/var/lib/tare";
  if (const std::string data = variable("XDG_DATA_HOME"); !data.empty()) return data + "/tare";
  std::string home = variable("HOME");
  if (home.empty()) home = sys::find_user_anywhere(sys::outside_uid()).value_or(sys::User()).home;
  if (home.empty())
    throw Error(ErrorKind::usage, format("user {} has no home to keep containers in", sys::outside_uid()), 0,
                "set HOME, or say --root");
  return home + "/.local/share/tare";
}

std::string standard_run_root() {
  if (sys::is_root_of_system()) return "/run/tare";
  const uid_t uid = sys::outside_uid();
  for (const auto& path : {variable("XDG_RUNTIME_DIR"), format("/run/user/{}", uid)})
    if (const auto own = own_directory(path)) return *own + "/tare";
  return format("/tmp/tare-{}", uid);
}

OwnNamespace::OwnNamespace(const state::Place& place) {
  if (::geteuid() == 0) return;
  const HostPath members = place.run_root / "user-namespace";
  sys::make_directories(sys::here, members.value, 0700);
  check_is_own(place.run_root);
  const sys::UniqueFd directory = sys::open_at(sys::here, members.value, O_RDONLY | O_DIRECTORY);
  sys::lock(directory);
  if (!try_join(place, directory)) runtime::make_own_namespace(available_ids(::geteuid(), ::getegid()));
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
