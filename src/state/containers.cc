#include "state/containers.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/random.h>
#include <unistd.h>
#include <utility>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "base/units.h"
#include "state/names.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/socket.h"

namespace tare::state {
namespace {

constexpr auto containers = "containers", names = "names", locks = "locks";
constexpr int layout_version = 1;  // docs/storage-layout.md

std::string lock_path(const Place& place, const ContainerId& id) {
  return (place.root / locks / id.value).value;
}
std::string name_path(const Place& place, const std::string& name) {
  return (place.root / names / name).value;
}
HostPath running_directory(const Place& place) { return place.run_root / "containers"; }
std::string running_path(const Place& place, const ContainerId& id) {
  return (running_directory(place) / (id.value + ".json")).value;
}
std::string socket_name(const ContainerId& id) { return id.value + ".sock"; }
std::string socket_path(const Place& place, const ContainerId& id) {
  return (running_directory(place) / socket_name(id)).value;
}

constexpr auto record_name = "/record.json";
std::string record_path(const Place& place, const ContainerId& id) {
  return place.directory_of(id).value + record_name;
}

std::string id_path(const Place& place, const ContainerId& id) {
  return (place.directory_of(id) / "id").value;
}

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

json::value to_json(const Exit& exit) {
  json::object object{{"code", exit.code},
                      {"signal", exit.signal},
                      {"error", exit.error},
                      {"finished", format_time(exit.finished)}};
  if (exit.memory_peak) object["memory_peak"] = *exit.memory_peak;
  if (exit.out_of_memory) {
    json::object memory{{"cgroup", exit.out_of_memory->cgroup}};
    if (exit.out_of_memory->limit) memory["limit"] = *exit.out_of_memory->limit;
    object["out_of_memory"] = std::move(memory);
  }
  return object;
}

std::optional<Bytes> bytes_field(const json::object& object, const char* name) {
  return object.contains(name) ? std::optional<Bytes>(json::integer_field(object, name)) : std::nullopt;
}

Exit exit_from(const json::object& object) {
  Exit exit{.code = static_cast<int>(json::integer_field(object, "code")),
            .signal = static_cast<int>(json::integer_field(object, "signal")),
            .out_of_memory = std::nullopt,
            .memory_peak = bytes_field(object, "memory_peak"),
            .error = json::text_field(object, "error"),
            .finished = parse_time(json::text_field(object, "finished"))};
  if (object.contains("out_of_memory")) {
    const json::object& memory = json::object_field(object, "out_of_memory");
    exit.out_of_memory = OutOfMemory{json::text_field(memory, "cgroup"), bytes_field(memory, "limit")};
  }
  return exit;
}

json::value to_json(const Record& record) {
  json::object object{{"version", layout_version},
                      {"id", record.id.value},
                      {"name", record.name},
                      {"image", record.image},
                      {"command", json::array(record.command.begin(), record.command.end())},
                      {"created", format_time(record.created)},
                      {"remove_on_exit", record.remove_on_exit},
                      {"cgroup", record.cgroup}};
  if (record.started) object["started"] = format_time(*record.started);
  if (record.exit) object["exit"] = to_json(*record.exit);
  return object;
}

void check_version(const json::object& object) {
  if (const auto version = json::integer_field(object, "version"); version != layout_version)
    throw Error(ErrorKind::invalid,
                format("its version is {}, and this program knows {}", version, layout_version));
}

Record record_from(const json::object& object) {
  check_version(object);
  Record record;
  record.id = ContainerId(json::text_field(object, "id"));
  record.name = json::text_field(object, "name");
  record.image = json::text_field(object, "image");
  record.command = json::texts_field(object, "command");
  record.created = parse_time(json::text_field(object, "created"));
  record.remove_on_exit = json::flag_field(object, "remove_on_exit");
  record.cgroup = json::text_field(object, "cgroup");
  if (object.contains("started")) record.started = parse_time(json::text_field(object, "started"));
  if (object.contains("exit")) record.exit = exit_from(json::object_field(object, "exit"));
  return record;
}

Running running_from(const json::value& value) {
  const json::object& object = json::as_object(value);
  check_version(object);
  if (json::text_field(object, "boot") != sys::boot_id())
    throw Error(ErrorKind::invalid, "it is of another boot");
  return {.pid = static_cast<pid_t>(json::integer_field(object, "pid")),
          .start_ticks = static_cast<std::uint64_t>(json::integer_field(object, "start_ticks")),
          .monitor = static_cast<pid_t>(json::integer_field(object, "monitor")),
          .is_paused = json::flag_field(object, "paused")};
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

ContainerId random_id() {
  std::array<unsigned char, 32> bytes;
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw system_error("cannot get random bytes");
  std::string text;
  for (const unsigned char byte : bytes) {
    text.push_back("0123456789abcdef"[byte >> 4]);
    text.push_back("0123456789abcdef"[byte & 15]);
  }
  return ContainerId(text);
}

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

void write_record(const Place& place, const Record& record) {
  sys::replace_file(sys::here, record_path(place, record.id), json::compact(to_json(record)) + "\n", 0600);
}

namespace {

// With one read less than it takes to see the end of what may still grow: a record is replaced as a whole.
std::optional<std::string> try_read_small_file(sys::Fd directory, const std::string& path) {
  const sys::UniqueFd file = sys::try_open_at(directory, path, O_RDONLY);
  if (!file) return std::nullopt;
  char buffer[16384];
  const ssize_t size = ::read(file.number(), buffer, sizeof buffer);
  if (size < 0) return std::nullopt;
  std::string text(buffer, static_cast<std::size_t>(size));
  if (text.size() == sizeof buffer) text += sys::read_all(file, 16 << 20);
  return text;
}

}  // namespace

Records::Records(const Place& place)
    : path_(place.root / containers),
      directory_(sys::try_open_at(sys::here, path_.value, O_PATH | O_DIRECTORY)) {
  if (!directory_ && errno != ENOENT) throw system_error(format("cannot open {}", path_.value));
}

std::optional<Record> Records::read(const ContainerId& id) const {
  if (!directory_) return std::nullopt;
  const auto text = try_read_small_file(directory_, id.value + record_name);
  if (!text && errno == ENOENT) return std::nullopt;
  const std::string path = (path_ / id.value).value + record_name;
  if (!text) throw system_error(format("cannot read {}", path));
  Step step("read", path);
  const json::value value = json::parse(*text);
  Record record = record_from(json::as_object(value));
  if (record.id != id) throw Error(ErrorKind::invalid, format("it is the record of {}", record.id.value));
  return record;
}

std::optional<Record> read_record(const Place& place, const ContainerId& id) {
  return Records(place).read(id);
}

void write_running(const Place& place, const ContainerId& id, const Running& running) {
  sys::make_directories(sys::here, running_directory(place).value, 0700);
  const json::object object{{"version", layout_version},  {"boot", sys::boot_id()},
                            {"pid", running.pid},         {"start_ticks", running.start_ticks},
                            {"monitor", running.monitor}, {"paused", running.is_paused}};
  sys::replace_file(sys::here, running_path(place, id), json::compact(object) + "\n", 0600);
}

std::optional<Running> read_running(const Place& place, const ContainerId& id) {
  const auto text = sys::try_read_file(sys::here, running_path(place, id));
  if (!text) return std::nullopt;
  try {
    const Running running = running_from(json::parse(*text));
    return running.pid > 0 ? std::optional(running) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;  // cut off by a power cut, another program's, or left by another boot
  }
}

void forget_running(const Place& place, const ContainerId& id) {
  sys::remove_file(sys::here, running_path(place, id));
  sys::remove_file(sys::here, running_path(place, id) + ".new");
  sys::remove_file(sys::here, socket_path(place, id));
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
