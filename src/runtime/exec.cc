#include "runtime/exec.h"

#include <optional>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/cgroup.h"
#include "cgroup/scope.h"
#include "runtime/bundle.h"
#include "runtime/config_json.h"
#include "runtime/console_socket.h"
#include "runtime/container.h"
#include "runtime/exec_cgroup.h"
#include "runtime/foreground.h"
#include "runtime/from_outside.h"
#include "runtime/make_plan.h"
#include "runtime/pid_file.h"
#include "runtime/resctrl.h"
#include "runtime/seccomp_listener.h"
#include "runtime/service_manager.h"
#include "runtime/start_gate.h"
#include "runtime/state_dir.h"
#include "sys/process.h"
#include "sys/terminal.h"

namespace tare::runtime {
namespace {

struct Running {
  ContainerState state;
  sys::UniqueFd process;
};

Running find_running(const StateDirectory& directory, bool even_if_paused) {
  auto state = directory.try_read();
  auto [status, process] = directory.find(state);
  if (status == Status::paused && !even_if_paused)
    throw Error(ErrorKind::conflict, "cannot exec in a paused container (use --ignore-paused to override)");
  if (!state || status == Status::stopped || status == Status::creating)
    throw Error(ErrorKind::conflict, "cannot exec in a stopped container: container not running");
  if (!process) throw Error(ErrorKind::conflict, "container not running");
  return {.state = std::move(*state), .process = std::move(process)};
}

}  // namespace

int exec(const ExecOptions& options, const std::function<oci::Process(const oci::Process&)>& choose) {
  const StateDirectory directory = StateDirectory::open(options.root, options.id);
  const auto [state, target] = find_running(directory, options.even_if_paused);
  oci::RuntimeConfig config = parse_config(directory.try_read_config().value_or(""));
  config.cgroups_path = state.cgroup;
  config.process = choose(config.process);
  add_home(config.process, HostPath(state.rootfs));
  const int passed = take_listening_sockets(config.process) + options.passed_descriptors;
  const sys::UniqueFd console_socket =
      connect_console(options.console_socket, config.process.terminal, options.stay);

  const sys::UniqueFd pidfd_socket = connect_pidfd(options.pidfd_socket);

  const HostFacts facts = read_host_facts(state.cgroup, std::to_string(state.pid));
  if (directory.try_read_unit()) cgroup::come_within_reach(facts.cgroups);
  const ExecCgroup place = choose_cgroup(facts.cgroups, state.cgroup, options.cgroups);
  config.cgroups_path = place.path;
  plan::Program program = make_exec_plan(
      config, facts, options.id,
      // Without a right to cgroups the container has none, and may not leave the caller's.
      facts.cgroups.writable() ? present_cgroup(facts.cgroups, state.pid, place.path) : HostPath());
  join_further(program, place.further);
  let_live_on(program);
  if (passed > 0) pass_descriptors_on(program, passed);
  sys::use_all_processors();
  if (const auto& initial = config.process.affinity_of_exec.initial; !initial.empty())
    use_processors(0, initial, "/process/execCPUAffinity/initial");
  std::optional<CaughtSignals> signals;
  if (options.stay == Stay::until_end) signals.emplace();
  const cgroup::Cgroup cgroup = cgroup::Cgroup::open_everywhere(facts.cgroups, place.path);
  Container process = Container::create(
      program, cgroup,
      {.input = sys::Fd(STDIN_FILENO),
       .output = sys::Fd(STDOUT_FILENO),
       .error = sys::Fd(STDERR_FILENO),
       .process = target},
      {},
      reach_listener(config,
                     {.id = options.id, .bundle = state.bundle, .status = "running", .pid = state.pid}));
  join_resctrl_group(config, options.id, process.pid());
  sys::UniqueFd console = process.take_console();
  if (console_socket) send_console(console_socket, console);
  if (options.stay == Stay::until_end && console) sys::leave_line_feeds_alone(console);
  if (pidfd_socket) send_pidfd(pidfd_socket, process.pidfd(), Entrance::setns);
  process.start();
  write_pid_file(options.pid_file, process.pid());
  if (options.stay == Stay::until_end) return stay_until_end(process, std::move(console), *signals);
  process.let_go();
  return 0;
}

}  // namespace tare::runtime
