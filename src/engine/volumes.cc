#include "engine/volumes.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/format.h"
#include "engine/containers.h"
#include "engine/definition.h"
#include "state/names.h"
#include "store/merged.h"
#include "sys/directory.h"
#include "sys/file.h"
#include "sys/path_in_root.h"

namespace tare::engine {
namespace {

constexpr auto anonymous_label = "com.docker.volume.anonymous";  // what docker's tools know them by

Error no_such_volume(const std::string& name) {
  return Error(ErrorKind::not_found, format("get {}: no such volume", name), 0,
               "`tare volume ls` lists them");
}

bool is_mounted_at(const RunOptions& options, const ContainerPath& path) {
  const auto is_there = [&](const auto& mount) { return mount.destination == path; };
  return std::ranges::any_of(options.binds, is_there) || std::ranges::any_of(options.tmpfs, is_there);
}

// Where the root has a directory in that place, seen as the container will see it; else invalid.
sys::UniqueFd open_contents(const store::Rootfs& rootfs, const ContainerPath& destination) {
  const sys::UniqueFd root = store::open_merged(rootfs.layers, store::own_marks());
  sys::UniqueFd from = sys::try_open_in_root(root, destination, O_RDONLY | O_DIRECTORY);
  if (!from && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
    throw system_error(format("cannot open {} in the root file system", destination.value));
  return from;
}

void fill(const store::HeldVolume& volume, const store::Rootfs& rootfs, const ContainerPath& destination) {
  if (const sys::UniqueFd from = open_contents(rootfs, destination)) volume.fill(from);
}

// Its containers whose monitor was killed may be gone once somebody looks.
void settle_users(const state::Place& place, const std::string& name) {
  for (const auto& id : store::users_of(place, name)) settle(place, id);
}

bool is_used(const state::Place& place, const std::string& name) {
  return !store::users_of(place, name).empty();
}

bool label_fits(const Labels& labels, const std::string& text) {
  const auto equals = text.find('=');
  const auto found = labels.find(text.substr(0, equals));
  return found != labels.end() && (equals == std::string::npos || found->second == text.substr(equals + 1));
}

bool parse_flag(const std::string& key, const std::string& value) {
  if (value == "1" || value == "true") return true;
  if (value == "0" || value == "false") return false;
  throw Error(ErrorKind::invalid, format("invalid filter '{}={}'", key, value), 0, "true or false");
}

// What its files take on the disk, without what other names have too.
Bytes size_of(sys::Fd top) {
  Bytes bytes = 0;
  sys::UniqueFd directory = sys::open_at(top, ".", O_RDONLY | O_DIRECTORY);
  struct Level {
    sys::FileIdentity identity;
    std::vector<std::string> directories;
  };
  std::vector<Level> levels;
  const auto enter = [&] {
    levels.push_back({sys::identify(directory), {}});
    for (auto& entry : sys::read_entries(directory)) {
      const auto status = sys::try_status(directory, entry.name, AT_SYMLINK_NOFOLLOW);
      if (!status) continue;
      if (S_ISDIR(status->st_mode))
        levels.back().directories.push_back(std::move(entry.name));
      else if (S_ISREG(status->st_mode) && status->st_nlink == 1)
        bytes += status->st_blocks * 512;
    }
  };
  for (enter(); !levels.empty();) {
    if (levels.back().directories.empty()) {
      levels.pop_back();
      if (!levels.empty()) directory = sys::open_parent(directory, levels.back().identity);
      continue;
    }
    const std::string name = std::move(levels.back().directories.back());
    levels.back().directories.pop_back();
    auto next = sys::try_open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!next) continue;
    directory = std::move(next);
    enter();
  }
  return bytes;
}

}  // namespace

void add_volumes_from(const state::Place& place, RunOptions& options) {
  std::vector<Bind> added;
  for (const auto& from : options.volumes_from) {
    const ContainerId id = find_container(place, from.container).record.id;
    std::optional<Definition> other = read_definition(place.directory_of(id));
    if (!other) throw Error(ErrorKind::not_found, format("No such container: {}", from.container));
    for (Bind& bind : other->options.binds) {
      if (is_mounted_at(options, bind.destination)) continue;
      // The last one that has a place in a container's list wins it.
      std::erase_if(added, [&](const Bind& earlier) { return earlier.destination == bind.destination; });
      if (from.read_only) bind.options.emplace_back("ro");
      bind.copies_up = false;
      added.push_back(std::move(bind));
    }
  }
  options.volumes_from.clear();
  std::ranges::move(added, std::back_inserter(options.binds));
}

void prepare_volumes(const state::Place& place, const ContainerId& id, const store::Rootfs& rootfs,
                     RunOptions& options) {
  for (auto& bind : options.binds) {
    if (!bind.is_volume) continue;
    Step step("mount", bind.destination.value);
    if (bind.volume.empty()) bind.volume = state::random_id().value;
    store::note_use(place, id, bind.volume, bind.anonymous);
    const store::HeldVolume volume(place.root, {.name = bind.volume,
                                                .created = now(),
                                                .labels = label_map(bind.labels),
                                                .anonymous = bind.anonymous});
    if (bind.copies_up) fill(volume, rootfs, bind.destination);
    bind.source = store::volume_data(place.root, bind.volume).value;
  }
}

std::vector<plan::HostStep> plan_volumes(const state::Place& place, const ContainerId& id,
                                         const store::Rootfs* rootfs, RunOptions& options) {
  using What = plan::HostStep::What;
  std::vector<plan::HostStep> steps;
  for (auto& bind : options.binds) {
    if (!bind.is_volume) continue;
    if (bind.volume.empty()) bind.volume = state::random_id().value;
    bind.source = store::volume_data(place.root, bind.volume).value;
    const std::string use = store::use_path(place, id, bind.volume).value;
    if (steps.empty())
      steps.push_back({.what = What::make_directory, .path = use.substr(0, use.find_last_of('/'))});
    steps.push_back({.what = What::write_file, .path = use, .value = bind.anonymous ? "anonymous" : ""});
    if (!store::read_volume(place.root, bind.volume))
      steps.push_back({.what = What::make_volume, .path = bind.source, .value = bind.volume});
    if (bind.copies_up && sys::list_directory(sys::here, bind.source).empty() &&
        (!rootfs || open_contents(*rootfs, bind.destination)))
      steps.push_back({.what = What::fill_volume, .path = bind.source, .value = bind.destination.value});
  }
  return steps;
}

Labels label_map(const std::vector<std::string>& texts) {
  Labels labels;
  for (const auto& text : texts) {
    const std::string label = parse_label(text);
    const auto equals = label.find('=');
    labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  return labels;
}

std::string create_volume(const state::Place& place, const std::string& name, const Labels& labels) {
  const bool anonymous = name.empty();
  const std::string made = anonymous ? state::random_id().value : name;
  check_volume_name(made);
  const store::HeldVolume volume(place.root,
                                 {.name = made, .created = now(), .labels = labels, .anonymous = anonymous});
  return made;
}

VolumeFilter::VolumeFilter(const std::vector<std::string>& texts,
                           const std::vector<std::string_view>& known_keys) {
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    Condition condition{.key = text.substr(0, equals), .value = {}};
    if (equals == std::string::npos)
      throw Error(ErrorKind::invalid, "bad format of filter (expected name=value)");
    condition.value = text.substr(equals + 1);
    if (std::ranges::find(known_keys, condition.key) == known_keys.end()) {
      std::string known;
      for (const auto key : known_keys) known.append(known.empty() ? "" : ", ").append(key);
      throw Error(ErrorKind::invalid, format("invalid filter '{}'", condition.key), 0, "one of " + known);
    }
    if (condition.key == "dangling" || condition.key == "all")
      (void)parse_flag(condition.key, condition.value);
    conditions_.push_back(std::move(condition));
  }
}

bool VolumeFilter::has(std::string_view key) const {
  return std::ranges::any_of(conditions_, [&](const Condition& condition) {
    return condition.key == key && condition.value != "0" && condition.value != "false";
  });
}

bool VolumeFilter::fits(const state::Place& place, const store::Volume& volume) const {
  const auto holds = [&](const Condition& condition) {
    if (condition.key == "name") return volume.name.contains(condition.value);
    if (condition.key == "driver") return condition.value == "local";
    if (condition.key == "label") return label_fits(volume.labels, condition.value);
    if (condition.key == "label!") return !label_fits(volume.labels, condition.value);
    if (condition.key == "dangling")
      return is_used(place, volume.name) != parse_flag(condition.key, condition.value);
    return true;
  };
  return std::ranges::all_of(conditions_, [&](const Condition& condition) {
    // Of names any one, of labels all, as docker has it.
    if (!condition.key.starts_with("label"))
      return std::ranges::any_of(
          conditions_, [&](const Condition& other) { return other.key == condition.key && holds(other); });
    return holds(condition);
  });
}

std::vector<store::Volume> list_volumes(const state::Place& place, const VolumeFilter& filter) {
  std::vector<store::Volume> volumes;
  for (const auto& name : store::list_volumes(place.root))
    if (auto volume = store::read_volume(place.root, name); volume && filter.fits(place, *volume))
      volumes.push_back(std::move(*volume));
  return volumes;
}

json::value inspect_volume(const state::Place& place, const std::string& name) {
  const auto volume = store::read_volume(place.root, name);
  if (!volume) throw no_such_volume(name);
  json::object labels;
  for (const auto& [key, value] : volume->labels) labels[key] = value;
  if (volume->anonymous) labels[anonymous_label] = "";
  return json::object{{"CreatedAt", format_time(volume->created)},
                      {"Driver", "local"},
                      {"Labels", std::move(labels)},
                      {"Mountpoint", store::volume_data(place.root, name).value},
                      {"Name", name},
                      {"Options", json::object{}},
                      {"Scope", "local"}};
}

void remove_volume(const state::Place& place, const std::string& name) {
  settle_users(place, name);
  if (!store::remove_volume(place, name)) throw no_such_volume(name);
}

Pruned prune_volumes(const state::Place& place, const VolumeFilter& filter, bool all) {
  Pruned pruned;
  for (const auto& volume : list_volumes(place, filter)) {
    if (!all && !volume.anonymous) continue;
    try {
      settle_users(place, volume.name);
      if (is_used(place, volume.name)) continue;
      const Bytes bytes = size_of(
          sys::open_at(sys::here, store::volume_data(place.root, volume.name).value, O_RDONLY | O_DIRECTORY));
      if (!store::remove_volume(place, volume.name)) continue;
      pruned.bytes += bytes;
      pruned.names.push_back(volume.name);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::conflict) pruned.problems.emplace_back(error.what());
    }
  }
  return pruned;
}

}  // namespace tare::engine
