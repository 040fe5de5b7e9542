// What is written down of containers: read and written as JSON.
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "base/json_leaves.h"
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

void check_version(const json::Leaf& leaf) {
  if (const auto version = leaf.integer(); version != layout_version)
    throw Error(ErrorKind::invalid,
                format("its version is {}, and this program knows {}", version, layout_version));
}

// The optional parts of a record, made when the first of their fields is met.
Exit& exit_of(Record& record) { return record.exit ? *record.exit : record.exit.emplace(); }
OutOfMemory& out_of_memory_of(Record& record) {
  auto& part = exit_of(record).out_of_memory;
  return part ? *part : part.emplace();
}

using json::Leaf;
constexpr json::LeafField<Record> record_fields[] = {
    {"version", [](Record&, const Leaf& leaf) { check_version(leaf); }},
    {"id", [](Record& record, const Leaf& leaf) { record.id = ContainerId(std::string(leaf.text())); }},
    {"name", [](Record& record, const Leaf& leaf) { record.name = leaf.text(); }},
    {"image", [](Record& record, const Leaf& leaf) { record.image = leaf.text(); }},
    {"command", [](Record& record, const Leaf& leaf) { leaf.add_to(record.command); }},
    {"created", [](Record& record, const Leaf& leaf) { record.created = parse_time(leaf.text()); }},
    {"remove_on_exit", [](Record& record, const Leaf& leaf) { record.remove_on_exit = leaf.flag(); }},
    {"cgroup", [](Record& record, const Leaf& leaf) { record.cgroup = leaf.text(); }},
    {"started", [](Record& record, const Leaf& leaf) { record.started = parse_time(leaf.text()); }, true},
    {"exit.code",
     [](Record& record, const Leaf& leaf) { exit_of(record).code = static_cast<int>(leaf.integer()); }},
    {"exit.signal",
     [](Record& record, const Leaf& leaf) { exit_of(record).signal = static_cast<int>(leaf.integer()); }},
    {"exit.error", [](Record& record, const Leaf& leaf) { exit_of(record).error = leaf.text(); }},
    {"exit.finished",
     [](Record& record, const Leaf& leaf) { exit_of(record).finished = parse_time(leaf.text()); }},
    {"exit.memory_peak",
     [](Record& record, const Leaf& leaf) { exit_of(record).memory_peak = leaf.integer(); }, true},
    {"exit.out_of_memory.cgroup",
     [](Record& record, const Leaf& leaf) { out_of_memory_of(record).cgroup = leaf.text(); }},
    {"exit.out_of_memory.limit",
     [](Record& record, const Leaf& leaf) { out_of_memory_of(record).limit = leaf.integer(); }, true},
};

constexpr json::LeafField<Running> running_fields[] = {
    {"version", [](Running&, const Leaf& leaf) { check_version(leaf); }},
    {"boot",
     [](Running&, const Leaf& leaf) {
       if (leaf.text() != sys::boot_id()) throw Error(ErrorKind::invalid, "it is of another boot");
     }},
    {"pid", [](Running& running, const Leaf& leaf) { running.pid = static_cast<pid_t>(leaf.integer()); }},
    {"start_ticks",
     [](Running& running, const Leaf& leaf) {
       running.start_ticks = static_cast<std::uint64_t>(leaf.integer());
     }},
    {"monitor",
     [](Running& running, const Leaf& leaf) { running.monitor = static_cast<pid_t>(leaf.integer()); }},
    {"paused", [](Running& running, const Leaf& leaf) { running.is_paused = leaf.flag(); }},
};

// `path` is relative to the directory.
std::optional<Record> read_record_at(sys::Fd directory, const std::string& path, const ContainerId& id) {
  const auto text = sys::try_read_at_once(directory, path);
  if (!text && errno == ENOENT) return std::nullopt;
  if (!text) throw system_error(format("cannot read {}", path));
  Step step("read", path);
  Record record = json::from_leaves(*text, record_fields);
  if (record.id != id) throw Error(ErrorKind::invalid, format("it is the record of {}", record.id.value));
  return record;
}

}  // namespace

void write_record(const Place& place, const Record& record) {
  sys::replace_file(sys::here, record_path(place, record.id), json::compact(to_json(record)) + "\n", 0600);
}

Records::Records(const Place& place)
    : place_(place),
      directory_(sys::try_open_at(sys::here, (place.root / containers).value, O_PATH | O_DIRECTORY)) {
  if (!directory_ && errno != ENOENT)
    throw system_error(format("cannot open {}", (place.root / containers).value));
}

std::optional<Record> Records::read(const ContainerId& id) const {
  if (!directory_) return std::nullopt;
  try {
    return read_record_at(directory_, id.value + record_name, id);
  } catch (const Error&) {
    return read_record(place_, id);  // which names the whole path of what is wrong
  }
}

std::vector<std::optional<Record>> Records::read_ahead(const std::vector<ContainerId>& ids) const {
  std::vector<std::optional<Record>> read(ids.size());
  const auto read_part = [&](std::size_t from, std::size_t until) {
    for (std::size_t i = from; i < until; i++) try {
        read[i] = this->read(ids[i]);
      } catch (const std::exception&) {
      }
  };
  // A thread costs what a few dozen records do; and a trace has one lane for a process.
  constexpr std::size_t worth_a_thread = 100;
  std::size_t middle = ids.size() < 2 * worth_a_thread || recorder::is_on() ? 0 : ids.size() / 2;
  std::jthread other;
  if (middle > 0) try {
      other = std::jthread(read_part, 0, middle);
    } catch (const std::system_error&) {
      middle = 0;  // there may be no more processes
    }
  read_part(middle, ids.size());
  return read;
}

std::optional<Record> read_record(const Place& place, const ContainerId& id) {
  return read_record_at(sys::here, record_path(place, id), id);
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
    const Running running = json::from_leaves(*text, running_fields);
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
