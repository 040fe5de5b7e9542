#include "engine/containers.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "cgroup/cgroup.h"
#include "engine/container_config.h"
#include "engine/definition.h"
#include "monitor/own_cgroup.h"
#include "store/images.h"
#include "store/layers.h"
#include "store/volumes.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::engine {
namespace {

constexpr int patience_ms = 10'000;

// nullopt, too, where it cannot be read.
std::optional<state::Record> try_read_record(const state::Place& place, const ContainerId& id) {
  try {
    return state::read_record(place, id);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// Where no record says it, the one that a container has unless it was to be below another one.
std::string cgroup_of(const ContainerId& id, const std::optional<state::Record>& record) {
  return record ? record->cgroup : cgroup_path({}, id);
}

// Ends what is left of a container whose monitor is gone, and whose lock is ours. Its first process had the
// parent-death signal, which a set-user-id program loses; and where there is no cgroup nothing else would end
// it.
void end_remains(const state::Place& place, const ContainerId& id,
                 const std::optional<state::Record>& record) {
  const auto running = state::read_running(place, id);
  const sys::UniqueFd process = running ? sys::try_hold(running->pid, running->start_ticks) : sys::UniqueFd();
  if (process) sys::kill_process(process);
  // Before the waiting: what is frozen does not end.
  if (const std::string cgroup = cgroup_of(id, record); !cgroup.empty()) {
    const cgroup::Layout layout = cgroup::read_layout_for(cgroup);
    cgroup::Cgroup::remove(layout, cgroup);
    monitor::remove_own_cgroup(layout, id);
  }
  if (process && !sys::wait_for_end(process, patience_ms))
    throw Error(ErrorKind::system, format("its process {} does not end", running->pid), 0,
                "perhaps it waits for a disk or a network file system");
}

bool is_full_disk(const Error& error) {
  return error.error_number() == ENOSPC || error.error_number() == EDQUOT;
}

// Who is responsible for a container, and what is known of it when that is nobody; neither: it is gone.
struct Settled {
  bool is_in_use = false;
  std::optional<state::Record> record;
};

Settled settle_unless_in_use(const state::Place& place, const ContainerId& id) {
  // Only a lock file that is there already says that somebody was killed. To make one would say it of a
  // container that was let go of just now, or that nobody has touched since it was created.
  auto [lock, is_in_use] = state::try_take_left(place, id);
  if (!lock && !is_in_use) {
    if (auto record = state::read_record(place, id)) return {.record = std::move(record)};
    lock = state::try_take(place, id);
  }
  if (!lock) return {.is_in_use = true, .record = std::nullopt};
  Step step("settle container", id.value);
  std::optional<state::Record> record;
  try {
    record = state::read_record(place, id);
  } catch (const Error&) {
    state::release(place, id, *lock);
    throw;
  }
  if (record) end_remains(place, id, record);
  if (!record || record->remove_on_exit || !has_definition(place.directory_of(id))) {
    if (record) store::remove_anonymous_volumes(place, id);
    state::forget(place, id, *lock);
    return {};
  }
  // Whoever creates a container lets go of it when all is written: this one was being started, or ran.
  if (!record->exit) {
    record->exit = state::Exit{.code = monitor_killed, .error = "its monitor was killed", .finished = now()};
    try {
      state::write_record(place, *record);
    } catch (const Error& error) {
      if (!is_full_disk(error)) throw;
      return {.record =
                  std::move(record)};  // true none the less; the lock's file stays, so it is tried again
    }
  }
  state::forget_half_renames(place, *record);
  state::forget_running(place, id);
  state::release(place, id, *lock);
  return {.record = std::move(record)};
}

// nullopt: it is gone. One that has ended and had no lock before its record was read costs no more than that
// reading: there may be thousands.
std::optional<Container> look_at_whole(const state::Place& place, const state::Records& records,
                                       const ContainerId& id, bool had_lock,
                                       std::optional<state::Record> record) {
  if (!record) record = records.read(id);
  bool is_in_use = false;
  if (!record || had_lock || (!record->exit && state::has_lock(place, id))) {
    Settled settled = settle_unless_in_use(place, id);
    is_in_use = settled.is_in_use;
    if (!is_in_use) record = std::move(settled.record);
  } else if (!record->exit) {
    record = records.read(id);  // its end may have been noted, and its lock removed, in between
  }
  if (!record) return std::nullopt;
  Container container{
      .record = std::move(*record), .status = Status::created, .running = std::nullopt, .problem = {}};
  if (container.record.exit) container.status = Status::exited;
  if (!is_in_use) return container;
  container.running = state::read_running(place, id);
  if (!container.running) return container;
  container.status = container.running->is_paused ? Status::paused : Status::running;
  if (!container.record.started) container.record.started = container.record.created;
  return container;
}

Container damaged(const state::Place& place, const ContainerId& id, std::string problem) {
  Container container{.record = {}, .status = Status::damaged, .running = std::nullopt, .problem = {}};
  container.record.id = id;
  container.record.name = state::name_of(place, id);
  container.problem = std::move(problem);
  return container;
}

// nullopt: it is gone. Never throws for what is wrong with this one. `had_lock` is of before `record` was
// read, if it was.
std::optional<Container> look_at(const state::Place& place, const state::Records& records,
                                 const ContainerId& id, bool had_lock,
                                 std::optional<state::Record> record = std::nullopt) {
  try {
    return look_at_whole(place, records, id, had_lock, std::move(record));
  } catch (const std::exception& error) {
    const bool readable = try_read_record(place, id).has_value();
    return damaged(place, id, (readable ? "" : "its record cannot be read: ") + std::string(error.what()));
  }
}

std::string status_name(Status status) {
  switch (status) {
    case Status::created: return "created";
    case Status::running: return "running";
    case Status::paused: return "paused";
    case Status::exited: return "exited";
    case Status::damaged: return "damaged";
  }
  return {};
}

// The monitor sees the end and does the rest.
void kill_running(const state::Place& place, const ContainerId& id) {
  const auto running = state::read_running(place, id);
  if (!running) return;  // not yet
  if (const auto process = sys::try_hold(running->pid, running->start_ticks)) sys::kill_process(process);
  if (const std::string cgroup = cgroup_of(id, try_read_record(place, id)); !cgroup.empty())
    cgroup::Cgroup::kill(cgroup::read_layout_for(cgroup), cgroup);
}

// One without a record is not there yet, or no longer.
bool may_run(const state::Place& place, const ContainerId& id) {
  try {
    const auto record = state::read_record(place, id);
    return record && (!record->exit || state::read_running(place, id));
  } catch (const Error&) {
    return true;
  }
}

bool is_paused(const state::Place& place, const ContainerId& id) {
  const auto running = state::read_running(place, id);
  return running && running->is_paused;
}

// Waits, so that neither a monitor that has noted the end and is about to let go of the lock, nor one that is
// still starting a container is an obstacle.
state::Lock take_to_remove(const state::Place& place, const ContainerId& id, Removal removal) {
  constexpr int pause_ms = 5;
  for (int waited = 0; waited < patience_ms; waited += pause_ms) {
    if (auto lock = state::try_take(place, id)) return std::move(*lock);
    const bool running = may_run(place, id);
    if (running && removal == Removal::only_stopped)
      throw Error(ErrorKind::conflict,
                  format("cannot remove container \"/{}\": container is {}", state::name_of(place, id),
                         is_paused(place, id) ? "paused" : "running"),
                  0, "let its command end, or use -f");
    if (running) kill_running(place, id);
    const timespec pause{.tv_sec = 0, .tv_nsec = pause_ms * 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
  throw Error(ErrorKind::conflict, format("container {} is in use and does not end", id.value));
}

std::optional<store::ImageUse> try_read_image_use(const state::Place& place, const ContainerId& id) {
  try {
    return store::image_of(place, id);
  } catch (const Error&) {
    return std::nullopt;
  }
}

Error no_such_container(const std::string& name_or_id) {
  return Error(ErrorKind::not_found, format("No such container: {}", name_or_id), 0,
               "`tare ps -a` lists them");
}

// "KILL" for SIGKILL.
std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name ? name : format("{}", signal);
}

// Besides docker's words, in as few as possible.
std::string cause_words(const state::Exit& exit) {
  if (exit.out_of_memory) return ", out of memory";
  if (exit.signal) return ", by SIG" + signal_name(exit.signal);
  if (exit.error.empty()) return {};
  return exit.code == monitor_killed ? ", its monitor was killed" : ", not started";
}

// Why it ended: what docker's State does not say.
json::object exit_report(const state::Exit& exit) {
  json::object report;
  if (exit.signal) report["Signal"] = "SIG" + signal_name(exit.signal);
  if (exit.memory_peak) report["MemoryPeak"] = *exit.memory_peak;
  if (exit.out_of_memory) {
    json::object memory{{"Cgroup", exit.out_of_memory->cgroup}};
    if (exit.out_of_memory->limit) memory["Limit"] = *exit.out_of_memory->limit;
    report["OutOfMemory"] = std::move(memory);
  }
  if (!exit.error.empty()) report["NotStarted"] = exit.error;
  return report;
}

// Its digest, as docker has it; of a root file system what the user named.
std::string image_id_of(const state::Place& place, const state::Record& record) {
  const auto use = store::image_of(place, record.id);
  return use ? use->image.value : record.image;
}

}  // namespace

std::string status_words(const Container& container, Time now) {
  const state::Record& record = container.record;
  switch (container.status) {
    case Status::created: return "Created";
    case Status::running: return "Up " + format_duration(seconds_between(record.started.value_or(now), now));
    case Status::paused:
      return format("Up {} (Paused)", format_duration(seconds_between(record.started.value_or(now), now)));
    case Status::damaged: return "Damaged";
    case Status::exited: break;
  }
  const std::string ago = human_ago(seconds_between(record.exit->finished, now));
  return "Exited (" + std::to_string(record.exit->code) + ") " + ago + cause_words(*record.exit);
}

bool settle(const state::Place& place, const ContainerId& id) {
  try {
    const Settled settled = settle_unless_in_use(place, id);
    return !settled.is_in_use && !settled.record;
  } catch (const Error&) {
    if (try_read_record(place, id)) throw;
    return false;
  }
}

Listing list_containers(const state::Place& place) {
  Listing listing;
  try {
    store::collect_staging(place.root);
    store::remove_left_garbage(place);
  } catch (const std::exception& error) {
    listing.problems.emplace_back(error.what());
  }
  monitor::remove_left_cgroups(cgroup::read_layout());
  const state::Records records(place);
  const auto locked = state::list_locked(place);
  const auto ids = state::list(place, locked);
  auto read = records.read_ahead(ids);
  for (std::size_t i = 0; i < ids.size(); i++)
    if (auto container =
            look_at(place, records, ids[i], std::ranges::binary_search(locked, ids[i]), std::move(read[i])))
      listing.containers.push_back(std::move(*container));
  listing.containers.sort(
      [](const Container& a, const Container& b) { return a.record.created > b.record.created; });
  for (const auto& container : listing.containers)
    if (container.status == Status::damaged)
      listing.problems.push_back(format("container {}: {}", container.record.id.value, container.problem));
  return listing;
}

Container find_container(const state::Place& place, const std::string& name_or_id) {
  const ContainerId id = state::find(place, name_or_id);
  if (auto container = look_at(place, state::Records(place), id, state::has_lock(place, id)))
    return std::move(*container);
  throw no_such_container(name_or_id);
}

void remove_container(const state::Place& place, const std::string& name_or_id, Removal removal,
                      bool with_volumes) {
  const ContainerId id = state::find(place, name_or_id);
  const state::Lock lock = take_to_remove(place, id, removal);
  const bool was_there = state::exists(place, id);
  const auto record = try_read_record(place, id);
  // Of an image that was removed meanwhile its containers are the last who need the layers.
  const auto image = try_read_image_use(place, id);
  const bool is_last_need = image && !store::has_manifest(place.root, image->manifest);
  if (is_last_need) store::note_garbage(place.root);
  if (was_there) end_remains(place, id, record);
  if (with_volumes || (record && record->remove_on_exit)) store::remove_anonymous_volumes(place, id);
  state::forget(place, id, lock);
  if (is_last_need) store::remove_garbage(place);
  // Its monitor removed it when we ended it, or somebody else was quicker.
  if (!was_there && removal == Removal::only_stopped) throw no_such_container(name_or_id);
}

json::value inspect(const state::Place& place, const Container& container) {
  const state::Record& record = container.record;
  constexpr auto never = "0001-01-01T00:00:00Z";
  json::object state{{"Status", status_name(container.status)},
                     {"Running", container.running.has_value()},
                     {"Paused", container.status == Status::paused},
                     {"OOMKilled", record.exit && record.exit->out_of_memory},
                     {"Pid", container.running ? container.running->pid : 0},
                     {"ExitCode", record.exit ? record.exit->code : 0},
                     {"Error", record.exit ? record.exit->error : container.problem},
                     {"StartedAt", record.started ? format_time(*record.started) : never},
                     {"FinishedAt", record.exit ? format_time(record.exit->finished) : never}};
  if (record.exit) state["ExitReport"] = exit_report(*record.exit);
  json::object object{
      {"Id", record.id.value},
      {"Created", format_time(record.created)},
      {"Path", record.command.empty() ? "" : record.command.front()},
      {"Args", record.command.empty() ? json::array()
                                      : json::array(record.command.begin() + 1, record.command.end())},
      {"State", std::move(state)},
      {"Image", image_id_of(place, record)},
      {"Name", "/" + record.name},
      {"CgroupPath", record.cgroup}};
  const std::string config = (place.directory_of(record.id) / "config.json").value;
  if (const auto text = sys::try_read_file(sys::here, config)) {
    Step step("read", config);
    const json::value parsed = json::parse(*text);
    for (const auto& field : json::as_object(parsed)) object[field.key()] = field.value();
  }
  return object;
}

}  // namespace tare::engine
