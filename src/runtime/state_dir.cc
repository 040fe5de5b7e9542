#include "runtime/state_dir.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/freezer.h"
#include "runtime/start_gate.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/user_names.h"

namespace tare::runtime {
namespace {

constexpr auto state_name = "state.json", config_name = "config.json", unit_name = "unit",
               resctrl_name = "resctrl";
constexpr int layout_version = 1;  // docs/storage-layout.md

ContainerState state_from(const json::object& object) {
  if (json::integer_field(object, "version") != layout_version)
    throw Error(ErrorKind::invalid, "it was written by another version of tare-runtime");
  ContainerState state;
  state.id = json::text_field(object, "id");
  state.bundle = json::text_field(object, "bundle");
  state.rootfs = json::text_field(object, "rootfs");
  state.pid = static_cast<pid_t>(json::integer_field(object, "pid"));
  state.start_ticks = static_cast<std::uint64_t>(json::integer_field(object, "start_ticks"));
  state.boot = json::text_field(object, "boot");
  state.created = parse_time(json::text_field(object, "created"));
  state.owner = static_cast<uid_t>(json::integer_field(object, "owner"));
  state.cgroup = json::text_field(object, "cgroup");
  state.freezer = json::text_field(object, "freezer");
  state.own_pids = json::flag_field(object, "own_pids");
  for (const auto& field : json::object_field(object, "annotations"))
    state.annotations.emplace_back(std::string(field.key()),
                                   json::text_field(json::object_field(object, "annotations"), field.key()));
  if (object.contains("updated_resources"))
    state.updated_resources = json::object_field(object, "updated_resources");
  return state;
}

json::object annotations_of(const ContainerState& state) {
  json::object annotations;
  for (const auto& [key, value] : state.annotations) annotations[key] = value;
  return annotations;
}

std::string user_name(uid_t uid) {
  if (uid == 0) return "root";
  const auto user = sys::find_user(uid);
  return user ? user->name : std::to_string(uid);
}

}  // namespace

std::string_view status_name(Status status) {
  constexpr std::string_view names[] = {"creating", "created", "running", "paused", "stopped"};
  return names[static_cast<std::size_t>(status)];
}

void check_id(const std::string& id) {
  constexpr auto good = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-";
  if (id.empty() || id.size() > 1024 || id == "." || id == ".." ||
      id.find_first_not_of(good) != std::string::npos)
    throw Error(ErrorKind::invalid, format("invalid container ID \"{}\"", id), 0,
                "letters, digits, and _ + . - are allowed");
}

StateDirectory StateDirectory::claim(const HostPath& root, const std::string& id) {
  check_id(id);
  const HostPath path = root / id;
  if (!sys::exists(sys::here, root.value)) sys::make_directories(sys::here, root.value, 0711);
  if (!sys::try_make_directory(sys::here, path.value, 0711))
    throw Error(ErrorKind::conflict, format("container with id exists: {}", id), 0,
                "delete it, or use another id");
  StateDirectory made = open(root, id);
  // Between the making and the locking, somebody who deletes may have taken it for one whose maker was
  // killed.
  made.locked_ = sys::try_lock(made.directory_);
  if (!made.locked_ || !made.is_there())
    throw Error(ErrorKind::conflict, format("container {} was deleted while it was being made", id));
  return made;
}

StateDirectory StateDirectory::open(const HostPath& root, const std::string& id) {
  auto found = try_open(root, id);
  if (!found) throw Error(ErrorKind::not_found, format("container {} does not exist", id));
  return std::move(*found);
}

std::optional<StateDirectory> StateDirectory::try_open(const HostPath& root, const std::string& id) {
  check_id(id);
  const std::string path = (root / id).value;
  sys::UniqueFd directory = sys::try_open_at(sys::here, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory && errno != ENOENT) throw system_error(format("cannot open {}", path));
  if (!directory) return std::nullopt;
  return StateDirectory(root, id, std::move(directory));
}

void StateDirectory::lock() {
  for (int waited = 0; !sys::try_lock(directory_); waited++) {
    if (waited == 1000)
      throw Error(ErrorKind::conflict, format("container {} is being made, started or deleted", id_));
    const timespec pause{.tv_sec = 0, .tv_nsec = 10'000'000};
    ::nanosleep(&pause, nullptr);
  }
  locked_ = true;
}

void StateDirectory::unlock() {
  ::flock(directory_.number(), LOCK_UN);
  locked_ = false;
}

bool StateDirectory::is_there() const noexcept {
  struct stat status{};
  return ::fstat(directory_.number(), &status) != 0 || status.st_nlink > 0;
}

std::optional<ContainerState> StateDirectory::try_read() const {
  const auto text = sys::try_read_at_once(directory_, state_name);
  if (!text && errno != ENOENT) throw system_error(format("cannot read the state of container {}", id_));
  if (!text) return std::nullopt;
  Step step("read the state of container", id_);
  const json::value value = json::parse(*text);
  return state_from(json::as_object(value));
}

void StateDirectory::write(const ContainerState& state) const {
  json::object object{{"version", layout_version},
                      {"id", state.id},
                      {"bundle", state.bundle},
                      {"rootfs", state.rootfs},
                      {"pid", state.pid},
                      {"start_ticks", state.start_ticks},
                      {"boot", state.boot},
                      {"created", format_time(state.created)},
                      {"owner", state.owner},
                      {"cgroup", state.cgroup},
                      {"freezer", state.freezer},
                      {"own_pids", state.own_pids},
                      {"annotations", annotations_of(state)}};
  if (!state.updated_resources.empty()) object["updated_resources"] = state.updated_resources;
  sys::replace_file(directory_, state_name, json::compact(object) + "\n", 0600);
}

void StateDirectory::write_config(std::string_view text) const {
  sys::create_file(directory_, config_name, text, 0600);
}

std::optional<std::string> StateDirectory::try_read_config() const {
  return sys::try_read_at_once(directory_, config_name);
}

void StateDirectory::note_resctrl_group() const { sys::create_file(directory_, resctrl_name, "", 0600); }

bool StateDirectory::has_resctrl_group() const { return sys::exists(directory_, resctrl_name); }

void StateDirectory::write_unit(std::string_view name) const {
  sys::create_file(directory_, unit_name, name, 0600);
}

std::optional<std::string> StateDirectory::try_read_unit() const {
  // One that is empty is of a maker that was killed between making the file and filling it, so before
  // systemd was asked.
  auto name = sys::try_read_at_once(directory_, unit_name);
  return name && !name->empty() ? std::move(name) : std::nullopt;
}

Status StateDirectory::status(const std::optional<ContainerState>& state) const {
  if (!state) {
    if (locked_) return Status::stopped;  // nobody is making it, then
    const auto again = sys::try_open_at(directory_, ".", O_RDONLY | O_DIRECTORY);
    return again && !sys::try_lock(again) ? Status::creating : Status::stopped;
  }
  const auto process = sys::try_status_of(state->pid);
  if (!process || process->start_ticks != state->start_ticks || process->state == 'Z' ||
      process->state == 'X' || state->boot != sys::boot_id())
    return Status::stopped;
  const auto frozen =
      state->freezer.empty() ? std::nullopt : sys::try_read_at_once(sys::here, state->freezer);
  if (frozen && cgroup::says_frozen(*frozen)) return Status::paused;
  // Whoever starts it removes the gate afterwards; if that was killed in between, the process has another
  // name.
  return process->name == "tare-init" && has_gate(directory_) ? Status::created : Status::running;
}

StateDirectory::Found StateDirectory::find(const std::optional<ContainerState>& state) const {
  Found found;
  // Before it is looked at: whatever is seen then is of the process that is held.
  if (state) found.process = sys::try_open_process(state->pid);
  const int error_number = errno;
  found.status = status(state);
  const bool lives = found.status != Status::stopped && found.status != Status::creating;
  if (!lives) found.process.reset();
  if (lives && !found.process && error_number != ESRCH)
    throw system_error(error_number, format("cannot hold the process of container {}", id_));
  return found;
}

void StateDirectory::remove() {
  const std::string path = (root_ / id_).value;
  // What every one has goes by its name; the rest is looked for.
  for (const char* name : {config_name, state_name}) sys::remove_file(directory_, name);
  if (::rmdir(path.c_str()) != 0) sys::remove_tree(sys::here, path);
}

std::vector<std::string> list_ids(const HostPath& root) { return sys::list_directory(sys::here, root.value); }

StateSummary summarize_state(const StateDirectory& directory, std::optional<ContainerState> state) {
  StateSummary summary{.status = directory.status(state), .owner = {}, .known = {}};
  if (state)
    summary.known = std::move(*state);
  else
    summary.known.id = directory.id();
  summary.owner = user_name(summary.known.owner);
  const bool lives = summary.status != Status::stopped && summary.status != Status::creating;
  if (lives) summary.pid = summary.known.pid;
  return summary;
}

json::object describe_state(const StateDirectory& directory, std::optional<ContainerState> state) {
  const StateSummary summary = summarize_state(directory, std::move(state));
  const ContainerState& known = summary.known;
  json::object described{{"ociVersion", spec_version},
                         {"id", directory.id()},
                         {"pid", summary.pid},
                         {"status", status_name(summary.status)},
                         {"bundle", known.bundle},
                         {"rootfs", known.rootfs},
                         {"created", format_time(known.created)},
                         {"owner", summary.owner}};
  if (!known.annotations.empty()) described["annotations"] = annotations_of(known);
  return described;
}

}  // namespace tare::runtime
