#include "state/containers.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>
#include <utility>

#include "base/error.h"
#include "base/format.h"
#include "state/names.h"
#include "state/paths.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/socket.h"

namespace tare::state {
namespace {

bool is_id(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The lock file is removed by its holder, so a lock is good only on the file that is still there. With 0 for
// `create` only a file that is there is locked.
Attempt lock_file(const std::string& path, int create) {
  while (true) {
    sys::UniqueFd file = sys::try_open_at(sys::here, path, O_RDWR | create, 0600);
    if (!file && create == 0 && errno == ENOENT) return {};
    if (!file) throw system_error(format("cannot open {}", path));
    if (!sys::try_lock(file)) return {.is_held = true};
    struct stat status;
    if (::fstat(file.number(), &status) != 0) throw system_error(format("cannot look at {}", path));
    if (status.st_nlink > 0) return {.lock = Lock(std::move(file))};
  }
}

std::vector<ContainerId> ids_in(const Place& place, const char* directory) {
  std::vector<ContainerId> ids;
  for (auto& name : sys::list_directory(sys::here, (place.root / directory).value))
    if (is_id(name)) ids.emplace_back(std::move(name));
  return ids;
}

// The name's file is a hard link to one that says whose it is: whole from the first moment, and made only if
// the name is free (link(2)).
bool try_take_name(const Place& place, const ContainerId& id, const std::string& name) {
  const std::string owner = id_path(place, id);
  if (::link(owner.c_str(), name_path(place, name).c_str()) == 0) return true;
  if (errno == EEXIST) return false;
  throw system_error(format("cannot take the name {}", name));
}

void drop_other_names(const Place& place, const ContainerId& id, const std::string& kept) {
  for (const auto& name : sys::list_directory(sys::here, (place.root / names).value))
    if (name != kept && find_name(place, name) == id) sys::remove_file(sys::here, name_path(place, name));
}

void take_name(const Place& place, Record& record) {
  if (!record.name.empty()) {
    std::optional<ContainerId> owner;
    for (int attempt = 0; attempt < 10 && !owner; attempt++) {  // the owner may be giving it back
      if (try_take_name(place, record.id, record.name)) return;
      owner = find_name(place, record.name);
    }
    throw Error(ErrorKind::conflict,
                format("Conflict. The container name \"/{}\" is already in use by container \"{}\"",
                       record.name, owner ? owner->value : "?"),
                0, format("remove it with `tare rm {}`, or use another name", record.name));
  }
  for (int attempt = 0; attempt < 1000; attempt++) {
    record.name = random_name();
    if (try_take_name(place, record.id, record.name)) return;
  }
  throw Error(ErrorKind::conflict, "no free name was found", 0, "give one with --name");
}

// Names are links to it.
bool has_more_names_than(const Place& place, const ContainerId& id, nlink_t count) {
  const auto status = sys::try_status(sys::here, id_path(place, id));
  return status && status->st_nlink > 1 + count;
}

// The one of the record, and any that it has besides; where no record says it, whatever is the container's.
void give_names_back(const Place& place, const ContainerId& id, const std::string& known) {
  if (find_name(place, known) == id) sys::remove_file(sys::here, name_path(place, known));
  if (known.empty() || has_more_names_than(place, id, 0)) drop_other_names(place, id, {});
}

// Of a record that may be unreadable.
std::string recorded_name(const Place& place, const ContainerId& id) {
  try {
    const auto record = read_record(place, id);
    return record ? record->name : std::string();
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

Paths paths_of(const Place& place, const ContainerId& id, const std::string& name) {
  return {.lock = HostPath(lock_path(place, id)),
          .names = place.root / names,
          .name = HostPath(name_path(place, name)),
          .running_directory = running_directory(place),
          .running = HostPath(running_path(place, id)),
          .socket = HostPath(socket_path(place, id))};
}

ContainerId random_id() { return ContainerId(sys::random_hex(32)); }

bool has_lock(const Place& place, const ContainerId& id) {
  return sys::exists(sys::here, lock_path(place, id));
}

std::optional<Lock> try_take(const Place& place, const ContainerId& id) {
  return lock_file(lock_path(place, id), O_CREAT).lock;
}

Attempt try_take_left(const Place& place, const ContainerId& id) {
  return lock_file(lock_path(place, id), 0);
}

void await_release(const Place& place, const ContainerId& id) {
  const sys::UniqueFd file = sys::try_open_at(sys::here, lock_path(place, id), O_RDWR);
  if (file) sys::lock(file);
}

Lock claim(const Place& place, Record& record) {
  for (const char* directory : {containers, names, locks})
    sys::make_directories(sys::here, (place.root / directory).value, 0700);
  // Between the making of its lock file and the locking, somebody who settles may take it for a left-over.
  std::optional<Lock> lock;
  while (!lock) {
    record.id = random_id();
    lock = try_take(place, record.id);
  }
  const HostPath directory = place.directory_of(record.id);
  try {
    sys::make_directory(sys::here, directory.value, 0700);
    sys::create_file(sys::here, id_path(place, record.id), record.id.value);
    take_name(place, record);
    write_record(place, record);
  } catch (...) {
    forget(place, record.id, *lock);
    throw;
  }
  return std::move(*lock);
}

void release(const Place& place, const ContainerId& id, Lock& lock) {
  sys::remove_file(sys::here, lock_path(place, id));
  lock.let_go();
}

void forget(const Place& place, const ContainerId& id, const Lock& lock) {
  if (!lock.held()) throw Error(ErrorKind::system, "a container is forgotten without its lock");
  // The record first: a container without one is nothing but something to be removed, so if this is
  // interrupted whoever comes next goes on. The directory last: while there is a trace, somebody does come.
  const std::string name = recorded_name(place, id);
  sys::remove_tree(sys::here, record_path(place, id));
  give_names_back(place, id, name);
  forget_running(place, id);
  sys::remove_tree(sys::here, place.directory_of(id).value);
  sys::remove_file(sys::here, lock_path(place, id));
}

sys::UniqueFd listen(const Place& place, const ContainerId& id) {
  const sys::UniqueFd directory =
      sys::open_at(sys::here, running_directory(place).value, O_PATH | O_DIRECTORY);
  return sys::listen_at(directory, socket_name(id));
}

sys::UniqueFd try_connect(const Place& place, const ContainerId& id) {
  const sys::UniqueFd directory =
      sys::try_open_at(sys::here, running_directory(place).value, O_PATH | O_DIRECTORY);
  return directory ? sys::try_connect_at(directory, socket_name(id)) : sys::UniqueFd();
}

void rename(const Place& place, Record& record, const std::string& name) {
  if (find_name(place, name) == record.id) return;
  Record renamed = record;
  renamed.name = name;
  take_name(place, renamed);
  const std::string old = std::exchange(record.name, name);
  write_record(place, record);
  sys::remove_file(sys::here, name_path(place, old));
}

void forget_half_renames(const Place& place, const Record& record) {
  if (has_more_names_than(place, record.id, 1)) drop_other_names(place, record.id, record.name);
}

bool exists(const Place& place, const ContainerId& id) {
  return sys::exists(sys::here, place.directory_of(id).value);
}

std::vector<ContainerId> list_locked(const Place& place) { return ids_in(place, locks); }

std::vector<ContainerId> list(const Place& place) { return list(place, list_locked(place)); }

std::vector<ContainerId> list(const Place& place, const std::vector<ContainerId>& locked) {
  const auto present = ids_in(place, containers);
  std::vector<ContainerId> ids;
  ids.reserve(present.size() + locked.size());
  std::ranges::set_union(present, locked, std::back_inserter(ids));
  return ids;
}

std::string name_of(const Place& place, const ContainerId& id) {
  for (auto& name : sys::list_directory(sys::here, (place.root / names).value))
    if (find_name(place, name) == id) return std::move(name);
  return {};
}

std::optional<ContainerId> find_name(const Place& place, const std::string& name) {
  if (!is_name(name)) return std::nullopt;
  auto id = sys::try_read_file(sys::here, name_path(place, name), 64);
  if (!id || !is_id(*id)) return std::nullopt;
  return ContainerId(std::move(*id));
}

ContainerId find(const Place& place, const std::string& name_or_id) {
  const std::string wanted = name_or_id.starts_with('/') ? name_or_id.substr(1) : name_or_id;
  // A whole id first: a name that looks like one must not hide the container whose id it is.
  if (is_id(wanted) && exists(place, ContainerId(wanted))) return ContainerId(wanted);
  if (auto id = find_name(place, wanted)) return *id;
  std::vector<ContainerId> matches;
  if (!wanted.empty())
    for (auto& id : list(place))
      if (id.value.starts_with(wanted)) matches.push_back(std::move(id));
  if (matches.size() == 1) return matches[0];
  if (matches.empty())
    throw Error(ErrorKind::not_found, format("No such container: {}", name_or_id), 0,
                "`tare ps -a` lists them");
  throw Error(ErrorKind::not_found,
              format("{} containers have an id that begins with {}", matches.size(), name_or_id), 0,
              "give more of it");
}

}  // namespace tare::state
