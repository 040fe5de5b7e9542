#include "engine/life.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/cgroup.h"
#include "cgroup/freezer.h"
#include "engine/definition.h"
#include "state/names.h"
#include "sys/process.h"

namespace tare::engine {
namespace {

using monitor::Frame;

constexpr int default_stop_seconds = 10;

Error not_running(const Container& container) {
  return Error(ErrorKind::conflict, format("container {} is not running", container.record.name), 0,
               format("`tare start {}` starts it", container.record.name));
}

// One that runs: its first process is held.
struct Held {
  Container container;
  sys::UniqueFd process;
};

// No process: it ended while we looked.
std::optional<Held> try_hold(const state::Place& place, const std::string& name_or_id) {
  Container container = find_container(place, name_or_id);
  if (!container.running) return std::nullopt;
  sys::UniqueFd process = sys::try_hold(container.running->pid, container.running->start_ticks);
  return Held{std::move(container), std::move(process)};
}

Held hold(const state::Place& place, const std::string& name_or_id) {
  auto held = try_hold(place, name_or_id);
  if (!held || !held->process) throw not_running(find_container(place, name_or_id));
  return std::move(*held);
}

// Its monitor records the end and lets go of the lock; where the monitor was killed, this command settles.
void await_settled(const state::Place& place, const ContainerId& id) {
  state::await_release(place, id);
  settle(place, id);
}

void send_signal(const Held& held, int signal) {
  if (::syscall(SYS_pidfd_send_signal, held.process.number(), signal, nullptr, 0) != 0 && errno != ESRCH)
    throw system_error(format("cannot send signal {} to container {}", signal, held.container.record.name));
}

// Also what shares the host's pid namespace, and what is frozen.
void kill_all(const Held& held) {
  sys::kill_process(held.process);
  const cgroup::Layout layout = cgroup::read_layout_for(held.container.record.cgroup);
  cgroup::Cgroup::kill(layout, held.container.record.cgroup);
  cgroup::thaw(layout, held.container.record.cgroup);
}

// Asks the container's monitor, and waits for its answer.
void request(const state::Place& place, const Container& container, Frame::Type type,
             const std::string& payload = {}) {
  const sys::UniqueFd socket = state::try_connect(place, container.record.id);
  if (!socket || !monitor::send(socket, type, payload)) throw not_running(container);
  // It is at work on nothing else, but may have as many clients as it takes.
  constexpr int patience_ms = 10'000;
  pollfd answered{socket.number(), POLLIN, 0};
  while (true) {
    if (::poll(&answered, 1, patience_ms) == 0)
      throw Error(ErrorKind::conflict,
                  format("the monitor of container {} does not answer", container.record.name), 0,
                  "perhaps hundreds of clients are attached to it, or wait for it");
    const auto answer = monitor::receive(socket);
    if (!answer) break;
    if (answer->type == Frame::Type::done) return;
    if (answer->type != Frame::Type::failed) continue;
    const auto failure = monitor::parse_failure(answer->payload);
    throw Error(failure ? failure->kind : ErrorKind::system, failure ? failure->line : answer->payload);
  }
  throw not_running(container);
}

}  // namespace

void stop(const state::Place& place, const std::string& name_or_id, const StopOptions& options) {
  const auto held = try_hold(place, name_or_id);
  if (!held) return;
  const ContainerId& id = held->container.record.id;
  const auto definition = read_definition(place.directory_of(id));
  const RunOptions standard = definition ? definition->options : RunOptions{};
  const std::string& signal = options.signal.empty() ? standard.stop_signal : options.signal;
  if (held->process) {
    if (held->container.running->is_paused) request(place, held->container, Frame::Type::unpause);
    send_signal(*held, signal.empty() ? SIGTERM : parse_signal(signal));
    const int seconds = options.seconds.value_or(standard.stop_timeout.value_or(default_stop_seconds));
    constexpr int most_seconds = 2'000'000;  // poll(2) counts milliseconds in an int
    const int milliseconds = seconds < 0 ? -1 : std::min(seconds, most_seconds) * 1000;
    const bool ended = sys::wait_for_end(held->process, milliseconds);
    if (!ended) kill_all(*held);
  }
  await_settled(place, id);
}

void restart(const state::Place& place, const std::string& name_or_id, const StopOptions& options,
             const Notify& notify) {
  stop(place, name_or_id, options);
  if (const Result result = start(place, name_or_id, {}, notify); !result.started)
    throw Reported{result.exit_code};
}

void kill(const state::Place& place, const std::string& name_or_id, const std::string& signal) {
  const int number = signal.empty() ? SIGKILL : parse_signal(signal);
  const Held held = hold(place, name_or_id);
  if (number != SIGKILL) return send_signal(held, number);
  kill_all(held);
  await_settled(place, held.container.record.id);
}

int wait(const state::Place& place, const std::string& name_or_id) {
  const Container container = find_container(place, name_or_id);
  const ContainerId& id = container.record.id;
  if (const sys::UniqueFd socket = state::try_connect(place, id))
    while (const auto frame = monitor::receive(socket))
      if (frame->type == Frame::Type::ended) return parse_end(frame->payload).exit_code;
  await_settled(place, id);
  const auto record = state::read_record(place, id);
  if (!record) throw Error(ErrorKind::not_found, format("No such container: {}", name_or_id));
  return record->exit ? record->exit->code : 0;
}

void pause(const state::Place& place, const std::string& name_or_id) {
  request(place, find_container(place, name_or_id), Frame::Type::pause);
}

void unpause(const state::Place& place, const std::string& name_or_id) {
  request(place, find_container(place, name_or_id), Frame::Type::unpause);
}

void rename(const state::Place& place, const std::string& name_or_id, const std::string& name) {
  check_name(name);
  const Container container = find_container(place, name_or_id);
  if (container.record.name == name)
    throw Error(ErrorKind::conflict, "Renaming a container with the same name as its current name");
  if (container.running) return request(place, container, Frame::Type::rename, name);
  auto lock = state::try_take(place, container.record.id);
  if (!lock) throw Error(ErrorKind::conflict, format("container {} is in use", container.record.name));
  try {
    auto record = state::read_record(place, container.record.id);  // it may have run meanwhile
    if (!record) throw Error(ErrorKind::not_found, format("No such container: {}", name_or_id));
    state::rename(place, *record, name);
  } catch (...) {
    state::release(place, container.record.id, *lock);
    throw;
  }
  state::release(place, container.record.id, *lock);
}

int attach(const state::Place& place, const std::string& name_or_id, const AttachOptions& options,
           const Notify& notify) {
  const Container container = find_container(place, name_or_id);
  if (!container.running)
    throw Error(ErrorKind::conflict, "You cannot attach to a stopped container, start it first");
  if (container.running->is_paused)
    throw Error(ErrorKind::conflict, "You cannot attach to a paused container, unpause it first");
  const auto definition = read_definition(place.directory_of(container.record.id));
  if (!definition) throw not_running(container);
  const Attachment attachment{
      .wish = {.input = options.input && definition->options.interactive, .output = true},
      .terminal = definition->options.terminal,
      .passes_signals = options.passes_signals,
      .keys = parse_detach_keys(options.detach_keys)};
  Signals signals;
  const sys::UniqueFd socket = state::try_connect(place, container.record.id);
  if (!socket || !monitor::send(socket, Frame::Type::attach, to_payload(attachment.wish)))
    throw not_running(container);
  const Attached result = attach(socket, signals, attachment);
  if (!result.words.empty()) notify(result.words);
  if (result.outcome != Outcome::abandoned) return result.exit_code;
  settle(place, container.record.id);
  notify(format("the monitor of container {} was killed, and the container with it", container.record.name));
  return monitor_killed;
}

}  // namespace tare::engine
