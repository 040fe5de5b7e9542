#include "state/containers.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/random.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "base/units.h"
#include "state/names.h"
#include "sys/file.h"

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
std::string running_path(const Place& place, const ContainerId& id) {
  return (place.run_root / "containers" / (id.value + ".json")).value;
}

std::string record_path(const Place& place, const ContainerId& id) {
  return (place.directory_of(id) / "record.json").value;
}

bool is_id(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The lock file is removed by its holder, so a lock is good only on the file that is still there.
std::optional<Lock> lock_file(const std::string& path) {
  while (true) {
    sys::UniqueFd file = sys::open_at(sys::here, path, O_RDWR | O_CREAT, 0600);
    if (!sys::try_lock(file)) return std::nullopt;
    struct stat status;
    if (::fstat(file.number(), &status) != 0) throw system_error(format("cannot look at {}", path));
    if (status.st_nlink > 0) return Lock(std::move(file));
  }
}

// The name's file is a hard link to one that says whose it is: whole from the first moment, and made only if
// the name is free (link(2)).
bool try_take_name(const Place& place, const ContainerId& id, const std::string& name) {
  const std::string owner = (place.directory_of(id) / "id").value;
  if (::link(owner.c_str(), name_path(place, name).c_str()) == 0) return true;
  if (errno == EEXIST) return false;
  throw system_error(format("cannot take the name {}", name));
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

// The one of the record, or, where that is not or no longer there, any that is the container's.
void give_names_back(const Place& place, const ContainerId& id, const std::string& known) {
  std::string name = known.empty() ? name_of(place, id) : known;
  for (; find_name(place, name) == id; name = name_of(place, id))
    sys::remove_file(sys::here, name_path(place, name));
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
  return json::object{{"code", exit.code},
                      {"oom_killed", exit.oom_killed},
                      {"error", exit.error},
                      {"finished", format_time(exit.finished)}};
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
  if (object.contains("exit")) {
    const json::object& exit = json::object_field(object, "exit");
    record.exit = Exit{.code = static_cast<int>(json::integer_field(exit, "code")),
                       .oom_killed = json::flag_field(exit, "oom_killed"),
                       .error = json::text_field(exit, "error"),
                       .finished = parse_time(json::text_field(exit, "finished"))};
  }
  return record;
}

// Another one after each boot; a container that the record says runs under another one does not.
std::string boot_id() {
  std::string id = sys::try_read_file(sys::here, "/proc/sys/kernel/random/boot_id").value_or(std::string());
  while (id.ends_with('\n')) id.pop_back();
  return id;
}

Running running_from(const json::value& value) {
  const json::object& object = json::as_object(value);
  check_version(object);
  if (json::text_field(object, "boot") != boot_id()) throw Error(ErrorKind::invalid, "it is of another boot");
  return {.pid = static_cast<pid_t>(json::integer_field(object, "pid")),
          .start_ticks = static_cast<std::uint64_t>(json::integer_field(object, "start_ticks")),
          .monitor = static_cast<pid_t>(json::integer_field(object, "monitor"))};
}

}  // namespace

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
  return lock_file(lock_path(place, id));
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
    sys::create_file(sys::here, (directory / "id").value, record.id.value);
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

std::optional<Record> read_record(const Place& place, const ContainerId& id) {
  const std::string path = record_path(place, id);
  const auto text = sys::try_read_file(sys::here, path);
  if (!text && errno == ENOENT) return std::nullopt;
  if (!text) throw system_error(format("cannot read {}", path));
  Step step("read", path);
  const json::value value = json::parse(*text);
  Record record = record_from(json::as_object(value));
  if (record.id != id) throw Error(ErrorKind::invalid, format("it is the record of {}", record.id.value));
  return record;
}

void write_running(const Place& place, const ContainerId& id, const Running& running) {
  sys::make_directories(sys::here, (place.run_root / "containers").value, 0700);
  const json::object object{{"version", layout_version},
                            {"boot", boot_id()},
                            {"pid", running.pid},
                            {"start_ticks", running.start_ticks},
                            {"monitor", running.monitor}};
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
}

bool exists(const Place& place, const ContainerId& id) {
  return sys::exists(sys::here, place.directory_of(id).value);
}

std::vector<ContainerId> list(const Place& place) {
  std::vector<ContainerId> ids;
  for (const char* directory : {containers, locks})
    for (auto& name : sys::list_directory(sys::here, (place.root / directory).value))
      if (is_id(name)) ids.emplace_back(std::move(name));
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
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
