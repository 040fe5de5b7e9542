#include "store/volumes.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "state/names.h"
#include "store/copy_metadata.h"
#include "store/copy_tree.h"
#include "store/layers.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace tare::store {
namespace {

constexpr int layout_version = 1;
// What lies in volumes may be set-user-id: nobody but root gets near it from outside.
constexpr mode_t private_mode = 0700;
constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
constexpr auto record_name = "volume.json", data_name = "_data", new_name = "new", full_name = "full";

HostPath path_of(const HostPath& root, const std::string& name) { return root / "volumes" / name; }

HostPath uses_path(const state::Place& place, const ContainerId& id) {
  return place.directory_of(id) / "volumes";
}

json::value to_json(const Volume& volume) {
  json::object labels;
  for (const auto& [key, value] : volume.labels) labels[key] = value;
  return json::object{{"version", layout_version},
                      {"created", format_time(volume.created)},
                      {"labels", std::move(labels)},
                      {"anonymous", volume.anonymous}};
}

void read_record(const std::string& text, Volume& volume) {
  const json::value value = json::parse(text);
  const json::object& object = json::as_object(value);
  volume.created = parse_time(json::text_field(object, "created"));
  volume.anonymous = json::flag_field(object, "anonymous");
  for (const auto& label : json::object_field(object, "labels"))
    volume.labels[label.key()] = json::text_field(json::object_field(object, "labels"), label.key());
}

// A lock counts only on the directory that still has the name: it may have been moved away to be removed.
sys::UniqueFd try_hold(const HostPath& path) {
  for (;;) {
    sys::UniqueFd fd = sys::try_open_at(sys::here, path.value, directory_flags);
    if (!fd && errno == ENOENT) return fd;
    if (!fd) throw system_error(format("cannot open {}", path.value));
    sys::lock(fd);
    const auto named = sys::try_status(sys::here, path.value, AT_SYMLINK_NOFOLLOW);
    if (named && sys::identify(fd) == sys::FileIdentity{named->st_dev, named->st_ino}) return fd;
  }
}

struct statx status_of(sys::Fd file) {
  struct statx status;
  if (::statx(file.number(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) != 0)
    throw system_error("cannot read its status");
  return status;
}

// The copy is whole; entry by entry it becomes the volume's, however often that is begun.
void move_contents(sys::Fd volume, sys::Fd data) {
  const sys::UniqueFd full = sys::open_at(volume, full_name, directory_flags);
  for (const auto& name : sys::list_directory(full, "."))
    if (::renameat2(full.number(), name.c_str(), data.number(), name.c_str(), RENAME_NOREPLACE) != 0 &&
        errno != EEXIST)
      throw system_error(format("cannot move {} into the volume", name));
  copy_metadata(full, data, status_of(full));
  sys::remove_tree(volume, full_name);
}

Error in_use(const std::string& name, const std::vector<ContainerId>& users) {
  std::string ids;
  for (const auto& id : users) ids.append(ids.empty() ? "" : ", ").append(id.value);
  return Error(ErrorKind::conflict, format("remove {}: volume is in use - [{}]", name, ids), 0,
               "remove what uses it first");
}

std::vector<ContainerId> users_besides(const state::Place& place, const std::string& volume,
                                       const ContainerId* besides) {
  std::vector<ContainerId> users = users_of(place, volume);
  if (besides) std::erase(users, *besides);
  return users;
}

bool remove_unless_used(const state::Place& place, const std::string& name, const ContainerId* besides) {
  // Before waiting for one who holds it, and again when nobody else can.
  const auto check = [&] {
    if (const auto users = users_besides(place, name, besides); !users.empty()) throw in_use(name, users);
  };
  check();
  const sys::UniqueFd held = try_hold(path_of(place.root, name));
  if (!held) return false;
  check();
  remove_at_once(place.root, path_of(place.root, name));
  return true;
}

}  // namespace

HostPath volume_data(const HostPath& root, const std::string& name) {
  return path_of(root, name) / data_name;
}

std::vector<std::string> list_volumes(const HostPath& root) {
  std::vector<std::string> names = sys::list_directory(sys::here, (root / "volumes").value);
  std::erase_if(names, [](const std::string& name) { return !state::is_name(name); });
  return names;
}

std::optional<Volume> read_volume(const HostPath& root, const std::string& name) {
  if (!state::is_name(name)) return std::nullopt;
  const HostPath path = path_of(root, name);
  const auto status = sys::try_status(sys::here, path.value, AT_SYMLINK_NOFOLLOW);
  if (!status || !S_ISDIR(status->st_mode)) return std::nullopt;
  Volume volume{.name = name,
                .created = {.seconds = status->st_mtim.tv_sec,
                            .nanoseconds = static_cast<std::int32_t>(status->st_mtim.tv_nsec)},
                .labels = {}};
  if (const auto text = sys::try_read_file(sys::here, (path / record_name).value)) {
    Volume recorded{.name = name, .created = {}, .labels = {}};
    try {
      read_record(*text, recorded);
      volume = std::move(recorded);
    } catch (const Error&) {
      // As a power cut leaves it; the data is not the worse for it.
    }
  }
  return volume;
}

HeldVolume::HeldVolume(const HostPath& root, const Volume& volume) {
  Step step("volume", volume.name);
  const HostPath path = path_of(root, volume.name);
  while (!directory_) {
    directory_ = try_hold(path);
    if (directory_) break;
    sys::make_directories(sys::here, root.value, 0711);
    sys::try_make_directory(sys::here, (root / "volumes").value, private_mode);
    was_made_ = sys::try_make_directory(sys::here, path.value, private_mode);
  }
  sys::try_make_directory(directory_, data_name, 0755);
  if (!sys::exists(directory_, record_name))
    sys::replace_file(directory_, record_name, json::compact(to_json(volume)) + "\n", 0600);
}

void HeldVolume::fill(sys::Fd from) const {
  const sys::UniqueFd data = sys::open_at(directory_, data_name, directory_flags);
  if (!sys::exists(directory_, full_name)) {
    if (!sys::list_directory(data, ".").empty()) return;
    sys::remove_tree(directory_, new_name);
    sys::make_directory(directory_, new_name, private_mode);
    copy_tree(from, sys::open_at(directory_, new_name, directory_flags));
    if (::renameat(directory_.number(), new_name, directory_.number(), full_name) != 0)
      throw system_error("cannot rename the volume's first contents");
  }
  move_contents(directory_, data);
}

HostPath use_path(const state::Place& place, const ContainerId& id, const std::string& volume) {
  return uses_path(place, id) / volume;
}

void note_use(const state::Place& place, const ContainerId& id, const std::string& volume, bool anonymous) {
  const HostPath path = use_path(place, id, volume);
  sys::try_make_directory(sys::here, uses_path(place, id).value, private_mode);
  if (!sys::exists(sys::here, path.value))
    sys::create_file(sys::here, path.value, anonymous ? "anonymous" : "", 0600);
}

std::vector<Use> uses_of(const state::Place& place, const ContainerId& id) {
  std::vector<Use> uses;
  const HostPath path = uses_path(place, id);
  for (auto& name : sys::list_directory(sys::here, path.value))
    if (state::is_name(name)) {
      const bool anonymous = sys::try_read_file(sys::here, (path / name).value) == "anonymous";
      uses.push_back({.volume = std::move(name), .anonymous = anonymous});
    }
  return uses;
}

std::vector<ContainerId> users_of(const state::Place& place, const std::string& volume) {
  std::vector<ContainerId> users = state::list(place);
  std::erase_if(users, [&](const ContainerId& id) {
    return !sys::exists(sys::here, (uses_path(place, id) / volume).value);
  });
  return users;
}

bool remove_volume(const state::Place& place, const std::string& name) {
  return state::is_name(name) && remove_unless_used(place, name, nullptr);
}

void remove_anonymous_volumes(const state::Place& place, const ContainerId& id) {
  for (const auto& use : uses_of(place, id)) {
    if (!use.anonymous) continue;
    try {
      remove_unless_used(place, use.volume, &id);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::conflict) throw;
    }
  }
}

}  // namespace tare::store
