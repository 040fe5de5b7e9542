// What is written down of containers: read and written as JSON.
#include <cerrno>
#include <fcntl.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "base/units.h"
#include "state/containers.h"
#include "state/paths.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::state {
namespace {

constexpr int layout_version = 1;  // docs/storage-layout.md

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

// `path` is relative to the directory; `shown` is for people.
std::optional<Record> read_record_at(sys::Fd directory, const std::string& path, const std::string& shown,
                                     const ContainerId& id) {
  const auto text = sys::try_read_at_once(directory, path);
  if (!text && errno == ENOENT) return std::nullopt;
  if (!text) throw system_error(format("cannot read {}", shown));
  Step step("read", shown);
  const json::value value = json::parse(*text);
  Record record = record_from(json::as_object(value));
  if (record.id != id) throw Error(ErrorKind::invalid, format("it is the record of {}", record.id.value));
  return record;
}

}  // namespace

void write_record(const Place& place, const Record& record) {
  sys::replace_file(sys::here, record_path(place, record.id), json::compact(to_json(record)) + "\n", 0600);
}

Records::Records(const Place& place)
    : path_(place.root / containers),
      directory_(sys::try_open_at(sys::here, path_.value, O_PATH | O_DIRECTORY)) {
  if (!directory_ && errno != ENOENT) throw system_error(format("cannot open {}", path_.value));
}

std::optional<Record> Records::read(const ContainerId& id) const {
  if (!directory_) return std::nullopt;
  return read_record_at(directory_, id.value + record_name, (path_ / id.value).value + record_name, id);
}

std::optional<Record> read_record(const Place& place, const ContainerId& id) {
  const std::string path = record_path(place, id);
  return read_record_at(sys::here, path, path, id);
}

void write_running(const Place& place, const ContainerId& id, const Running& running) {
  sys::make_directories(sys::here, running_directory(place).value, 0700);
  const json::object object{{"version", layout_version},  {"boot", sys::boot_id()},
                            {"pid", running.pid},         {"start_ticks", running.start_ticks},
                            {"monitor", running.monitor}, {"paused", running.is_paused}};
  sys::replace_file(sys::here, running_path(place, id), json::compact(object) + "\n", 0600);
}

std::optional<Running> read_running(const Place& place, const ContainerId& id) {
  const auto text = sys::try_read_at_once(sys::here, running_path(place, id));
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

}  // namespace tare::state
