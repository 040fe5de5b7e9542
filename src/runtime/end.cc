#include "runtime/end.h"

#include <cerrno>
#include <csignal>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/cgroup.h"
#include "cgroup/freezer.h"
#include "cgroup/usage.h"
#include "runtime/bundle.h"
#include "runtime/config_json.h"
#include "runtime/resctrl.h"
#include "runtime/start_gate.h"
#include "runtime/state_dir.h"
#include "sys/process.h"

namespace tare::runtime {
namespace {

constexpr int patience_ms = 10'000;

// The first process of a pid namespace ignores what it has no handler for (pid_namespaces(7)), and one that
// waits to be started has none: what would end its program ends it.
int deadly_or_harmless(int signal) {
  constexpr int harmless[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
  for (const int one : harmless)
    if (one == signal) return signal;
  return SIGKILL;
}

void send(sys::Fd process, int signal) {
  if (::syscall(SYS_pidfd_send_signal, process.number(), signal, nullptr, 0) != 0 && errno != ESRCH)
    throw system_error(format("cannot send signal {}", signal));
}

void kill_all(const ContainerState& state, int signal) {
  const cgroup::Layout cgroups = cgroup::read_layout_for(state.cgroup);
  if (signal == SIGKILL) {
    cgroup::Cgroup::kill(cgroups, state.cgroup);
    return;
  }
  for (const pid_t pid : cgroup::list_processes(cgroups, state.cgroup)) ::kill(pid, signal);
}

std::optional<oci::RuntimeConfig> try_config(const StateDirectory& directory) {
  const auto text = directory.try_read_config();
  if (!text && errno != ENOENT) throw system_error("cannot read the container's config.json");
  if (!text) return std::nullopt;
  try {
    return parse_config(*text);
  } catch (const Error&) {
    return std::nullopt;  // not written to its end: nothing else was made yet
  }
}

// Of one whose making was killed, only its config may be there to say which cgroup it has.
std::string cgroup_of(const StateDirectory& directory, const std::optional<oci::RuntimeConfig>& config,
                      const std::optional<ContainerState>& state) {
  if (state) return state->cgroup;
  if (!config) return {};
  return directory.try_read_unit() ? unit_for(config->cgroups_path, directory.id()).cgroup
                                   : cgroup_path(config->cgroups_path, directory.id());
}

}  // namespace

void kill(const HostPath& root, const std::string& id, int signal, To to) {
  const StateDirectory directory = StateDirectory::open(root, id);
  const auto state = directory.try_read();
  const auto [status, process] = directory.find(state);
  if (to == To::all_processes && state) return kill_all(*state, signal);
  if (!process) throw Error(ErrorKind::conflict, "container not running");
  // Without a pid namespace the others would stay when the first one is gone.
  if (signal == SIGKILL && !state->own_pids) kill_all(*state, signal);
  const bool waits = status == Status::created || (status == Status::paused && has_gate(directory.fd()));
  send(process, waits ? deadly_or_harmless(signal) : signal);
  // v1's freezer holds even those that are to die.
  if (signal == SIGKILL && status == Status::paused)
    cgroup::thaw(cgroup::read_layout_for(state->cgroup), state->cgroup);
}

void end_at_once(const ContainerState& state, sys::Fd process) noexcept {
  sys::kill_process(process);
  try {
    if (!state.own_pids) kill_all(state, SIGKILL);
    sys::wait_for_end(process, 1000);
  } catch (const std::exception&) {
    // The error that leads here is the one to tell.
  }
}

void remove(const HostPath& root, const std::string& id, Removal removal, const Warn& warn) {
  auto directory = StateDirectory::try_open(root, id);
  if (!directory && removal == Removal::also_running) return;
  if (!directory) throw Error(ErrorKind::not_found, format("container {} does not exist", id));
  directory->lock();
  if (directory->is_there()) return remove(*directory, removal, warn);
  if (removal == Removal::only_stopped)
    throw Error(ErrorKind::not_found, format("container {} does not exist", id));
}

void remove(StateDirectory& directory, Removal removal, const Warn& warn) {
  const std::string& id = directory.id();
  const auto state = directory.try_read();
  const auto [status, process] = directory.find(state);
  if (removal == Removal::only_stopped && status != Status::stopped && status != Status::created)
    throw Error(ErrorKind::conflict,
                format("cannot delete container {} that is not stopped: {}", id, status_name(status)), 0,
                "end it with `tare-runtime kill`, or use --force");
  if (process) {
    sys::kill_process(process);
    if (status == Status::paused) cgroup::thaw(cgroup::read_layout_for(state->cgroup), state->cgroup);
    if (!sys::wait_for_end(process, patience_ms))
      throw Error(ErrorKind::system, format("the process of container {} does not end", id), 0,
                  "perhaps it waits for a disk or a network file system");
  }
  const auto config = try_config(directory);
  if (const std::string cgroup = cgroup_of(directory, config, state); !cgroup.empty()) {
    const cgroup::Layout cgroups = cgroup::read_layout_for(cgroup);
    if (const auto unit = directory.try_read_unit())
      cgroup::remove_unit(cgroups, *unit, cgroup,
                          state ? cgroup::UnitStart::done : cgroup::UnitStart::perhaps_to_come);
    else
      cgroup::Cgroup::remove(cgroups, cgroup);
  }
  if (config && config->intel_rdt && directory.has_resctrl_group()) remove_resctrl_group(*config, id);
  directory.remove();
  if (config) run_last_hooks({.config = *config, .id = id, .bundle = state ? state->bundle : ""}, warn);
}

}  // namespace tare::runtime
