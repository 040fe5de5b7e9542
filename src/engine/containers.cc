#include "engine/containers.h"

#include <algorithm>
#include <ctime>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "cgroup/cgroup.h"
#include "store/layers.h"
#include "sys/file.h"

namespace tare::engine {
namespace {

constexpr int monitor_killed = 255;

// The container's monitor is gone and its lock is ours.
bool settle_locked(const state::Place& place, const ContainerId& id, state::Lock& lock) {
  auto record = state::read_record(place, id);
  if (record && !record->cgroup.empty()) cgroup::Cgroup::remove(cgroup::read_layout(), record->cgroup);
  if (!record || record->remove_on_exit) {
    state::forget(place, id, lock);
    return true;
  }
  if (!record->exit) {
    record->exit = state::Exit{.code = monitor_killed, .error = "its monitor was killed", .finished = now()};
    state::write_record(place, *record);
  }
  state::forget_running(place, id);
  state::release(place, id, lock);
  return false;
}

bool needs_settling(const std::optional<state::Record>& record) {
  return !record || !record->exit || record->remove_on_exit;
}

// nullopt: it is gone.
std::optional<Container> look_at(const state::Place& place, const ContainerId& id) {
  auto record = state::read_record(place, id);
  if (needs_settling(record)) {
    if (settle(place, id)) return std::nullopt;
    record = state::read_record(place, id);
  }
  if (!record) return std::nullopt;
  Container container{.record = std::move(*record), .status = Status::exited, .running = std::nullopt};
  if (container.record.exit) return container;
  container.running = state::read_running(place, id);
  container.status = container.running ? Status::running : Status::created;
  if (container.running && !container.record.started) container.record.started = container.record.created;
  return container;
}

std::string status_name(Status status) {
  return status == Status::running ? "running" : status == Status::created ? "created" : "exited";
}

// Ends a running container through its monitor's child: the monitor then does the rest.
void end_and_wait(const state::Place& place, const ContainerId& id) {
  for (int attempt = 0; attempt < 1000; attempt++) {
    if (const auto running = state::read_running(place, id)) {
      const sys::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, running->pid, 0)));
      // The pid is the container's only while its monitor, which reaps it, still says so.
      if (pidfd && state::read_running(place, id))
        ::syscall(SYS_pidfd_send_signal, pidfd.number(), SIGKILL, nullptr, 0);
    }
    if (settle(place, id)) return;
    const auto record = state::read_record(place, id);
    if (!record || record->exit) return;
    const timespec pause{.tv_sec = 0, .tv_nsec = 10'000'000};
    ::nanosleep(&pause, nullptr);
  }
  throw Error(ErrorKind::conflict, format("container {} does not end", id.brief()));
}

}  // namespace

std::string status_words(const Container& container, Time now) {
  const state::Record& record = container.record;
  switch (container.status) {
    case Status::created: return "Created";
    case Status::running: return "Up " + format_duration(seconds_between(record.started.value_or(now), now));
    case Status::exited: break;
  }
  return format("Exited ({}) {}", record.exit->code, human_ago(seconds_between(record.exit->finished, now)));
}

bool settle(const state::Place& place, const ContainerId& id) {
  auto lock = state::try_take(place, id);
  if (!lock) return false;
  const auto record = state::read_record(place, id);
  if (record && record->exit && !record->remove_on_exit) {
    state::release(place, id, *lock);
    return false;
  }
  Step step("settle container", id.value);
  return settle_locked(place, id, *lock);
}

std::vector<Container> list_containers(const state::Place& place) {
  store::collect_staging(place.root);
  std::vector<Container> containers;
  for (const auto& id : state::list(place))
    if (auto container = look_at(place, id)) containers.push_back(std::move(*container));
  std::ranges::sort(containers, std::ranges::greater(), [](const Container& c) { return c.record.created; });
  return containers;
}

Container find_container(const state::Place& place, const std::string& name_or_id) {
  if (auto container = look_at(place, state::find(place, name_or_id))) return std::move(*container);
  throw Error(ErrorKind::not_found, format("No such container: {}", name_or_id), 0,
              "`tare ps -a` lists them");
}

void remove_container(const state::Place& place, const std::string& name_or_id, Removal removal) {
  const Container container = find_container(place, name_or_id);
  const ContainerId& id = container.record.id;
  if (container.status != Status::exited) {
    if (removal == Removal::only_stopped)
      throw Error(ErrorKind::conflict,
                  format("cannot remove container \"/{}\": container is running", container.record.name), 0,
                  "stop it first, or use -f");
    end_and_wait(place, id);
  }
  auto lock = state::try_take(place, id);
  if (!lock) throw Error(ErrorKind::conflict, format("container {} is in use", container.record.name));
  state::forget(place, id, *lock);
}

json::value inspect(const state::Place& place, const Container& container) {
  const state::Record& record = container.record;
  constexpr auto never = "0001-01-01T00:00:00Z";
  json::object state{{"Status", status_name(container.status)},
                     {"Running", container.status == Status::running},
                     {"OOMKilled", record.exit && record.exit->oom_killed},
                     {"Pid", container.running ? container.running->pid : 0},
                     {"ExitCode", record.exit ? record.exit->code : 0},
                     {"Error", record.exit ? record.exit->error : ""},
                     {"StartedAt", record.started ? format_time(*record.started) : never},
                     {"FinishedAt", record.exit ? format_time(record.exit->finished) : never}};
  json::object object{
      {"Id", record.id.value},
      {"Created", format_time(record.created)},
      {"Path", record.command.empty() ? "" : record.command.front()},
      {"Args", record.command.empty() ? json::array()
                                      : json::array(record.command.begin() + 1, record.command.end())},
      {"State", std::move(state)},
      {"Image", record.image},
      {"Name", "/" + record.name},
      {"CgroupPath", record.cgroup}};
  const std::string config = (place.directory_of(record.id) / "config.json").value;
  if (const auto text = sys::try_read_file(sys::here, config)) {
    const json::value parsed = json::parse(*text);
    for (const auto& field : parsed.as_object()) object[field.key()] = field.value();
  }
  return object;
}

}  // namespace tare::engine
