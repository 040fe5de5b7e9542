#include "runtime/create.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/cgroup.h"
#include "cgroup/devices.h"
#include "cgroup/scope.h"
#include "runtime/bundle.h"
#include "runtime/config_json.h"
#include "runtime/console_socket.h"
#include "runtime/container.h"
#include "runtime/end.h"
#include "runtime/foreground.h"
#include "runtime/hooks.h"
#include "runtime/make_plan.h"
#include "runtime/net_devices.h"
#include "runtime/new_container.h"
#include "runtime/pid_file.h"
#include "runtime/plan_cgroup.h"
#include "runtime/plan_mounts.h"
#include "runtime/resctrl.h"
#include "runtime/seccomp_listener.h"
#include "runtime/service_manager.h"
#include "runtime/start_gate.h"
#include "runtime/state_dir.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/terminal.h"

namespace tare::runtime {
namespace {

plan::Program plan_program(const CreateOptions& options, Preparation& prepared) {
  oci::RuntimeConfig& config = prepared.bundle.config;
  const int passed = take_listening_sockets(config.process) + options.passed_descriptors;
  if (NotifySocket::is_wanted()) NotifySocket::add_to(config, options.root / options.id);
  plan::Program program = make_plan(config, prepared.facts, options.id);
  if (!options.pivots && is_new(config, oci::NamespaceKind::user))
    throw Error(ErrorKind::unsupported, "--no-pivot and a user namespace are not supported together", 0,
                "there the host's mounts could not be taken away");
  if (!options.pivots) move_root_instead(program);
  if (!options.new_keyring)
    std::erase_if(program.entries,
                  [](const plan::Entry& entry) { return entry.kind == plan::Kind::join_keyring; });
  if (passed > 0) pass_descriptors_on(program, passed);
  return program;
}

enum class Gate { none, waits };

int make(const CreateOptions& options, Gate gate, Stay stay, Keep keep) {
  check_id(options.id);
  Preparation prepared = prepare(options);
  plan::Program program = plan_program(options, prepared);
  const bool terminal = prepared.bundle.config.process.terminal;
  if (gate == Gate::waits)
    add_start_gate(program);
  else
    let_live_on(program);
  const sys::UniqueFd console_socket = connect_console(options.console_socket, terminal, stay);
  const sys::UniqueFd pidfd_socket = connect_pidfd(options.pidfd_socket);
  std::optional<CaughtSignals> signals;
  if (stay == Stay::until_end) signals.emplace();
  sys::use_all_processors();

  Claim claim(options, prepared);
  Streams streams{
      .input = sys::Fd(STDIN_FILENO), .output = sys::Fd(STDOUT_FILENO), .error = sys::Fd(STDERR_FILENO)};
  sys::UniqueFd gate_socket;
  if (gate == Gate::waits) streams.gate = gate_socket = make_gate(claim.directory().fd());
  HookSubject subject{.config = prepared.bundle.config,
                      .id = options.id,
                      .bundle = prepared.bundle.path.value,
                      .facts = &prepared.facts,
                      .cgroup = &claim.cgroup()};
  claim.when_gone([&] {
    run_last_hooks({.config = prepared.bundle.config, .id = options.id, .bundle = prepared.bundle.path.value},
                   options.warn);
  });
  Container container = Container::create(
      program, claim.cgroup(), streams,
      [&](const Container& mounted) {
        subject.pid = mounted.pid();
        subject.process = mounted.pidfd();
        move_net_devices(prepared.bundle.config.net_devices, mounted.pid());
        for (const auto point : {HookPoint::prestart, HookPoint::create_runtime, HookPoint::create_container})
          run_hooks(point, subject);
      },
      reach_listener(prepared.bundle.config,
                     {.id = options.id, .bundle = prepared.bundle.path.value, .status = "creating"}));
  subject.pid = container.pid();
  subject.process = container.pidfd();
  claim.occupied(container.pid());
  sys::UniqueFd console = container.take_console();
  if (console_socket) send_console(console_socket, console);
  if (stay == Stay::until_end && console) sys::leave_line_feeds_alone(console);
  if (pidfd_socket) send_pidfd(pidfd_socket, container.pidfd(), Entrance::standard);
  std::optional<NotifySocket> notify;
  if (gate == Gate::waits) {
    container.leave_at_gate();
  } else {
    run_hooks(HookPoint::start_container, subject);
    notify = NotifySocket::open(claim.directory().fd());
    container.start();
  }
  return claim.let_run(container, stay, keep, [&] {
    if (gate == Gate::none) run_hooks(HookPoint::poststart, subject);
    write_pid_file(options.pid_file, container.pid());
    if (stay == Stay::until_end)
      return stay_until_end(container, std::move(console), *signals, notify ? &*notify : nullptr);
    if (notify) notify->wait_until_ready(container.pid(), container.pidfd());
    return 0;
  });
}

}  // namespace

void create(const CreateOptions& options) { make(options, Gate::waits, Stay::not_at_all, Keep::state); }

plan::Document plan_creation(const CreateOptions& options) {
  using What = plan::HostStep::What;
  check_id(options.id);
  Preparation prepared = prepare(options);
  plan::Program program = plan_program(options, prepared);
  add_start_gate(program);
  const HostPath directory = options.root / options.id;
  const bool is_program = prepared.facts.cgroups.device_filter() == cgroup::DeviceFilter::program;
  const oci::RuntimeConfig& config = prepared.bundle.config;
  plan::Document document{.host = {{.what = What::make_directory, .path = directory.value},
                                   {.what = What::write_file, .path = (directory / "config.json").value}},
                          .program = std::move(program)};
  const std::vector<oci::DeviceRule> devices =
      is_program ? config.resources.devices : std::vector<oci::DeviceRule>();
  const CgroupOrder order = cgroup_order(prepared, options.id);
  const auto& cgroups = prepared.facts.cgroups;
  if (order.unit) {
    cgroup::check_is_unified(cgroups);
    document.host.push_back(
        {.what = What::write_file, .path = (directory / "unit").value, .value = order.unit->name});
  }
  std::ranges::move(
      order.unit ? unit_steps(cgroups, *order.unit, properties_of(order), prepared.limits, devices)
                 : cgroup_steps(cgroups, config.cgroups_path, cgroup::needed_controllers(config.resources),
                                prepared.limits, devices),
      std::back_inserter(document.host));
  std::ranges::move(resctrl_steps(config, options.id), std::back_inserter(document.host));
  document.before_start = net_device_steps(config.net_devices);
  document.hooks = hook_steps(config.hooks);
  return document;
}

int run(const CreateOptions& options, Stay stay, Keep keep) { return make(options, Gate::none, stay, keep); }

void start(const HostPath& root, const std::string& id) {
  StateDirectory directory = StateDirectory::open(root, id);
  directory.lock();
  const auto state = directory.try_read();
  const auto [status, held] = directory.find(state);
  switch (status) {
    case Status::created: break;
    case Status::stopped: throw Error(ErrorKind::conflict, "cannot start a container that has stopped");
    case Status::running:
    case Status::paused: throw Error(ErrorKind::conflict, "cannot start an already running container");
    default:
      throw Error(ErrorKind::conflict,
                  format("cannot start a container in the {} state", status_name(status)));
  }
  if (!held) throw Error(ErrorKind::conflict, "cannot start a container that has stopped");
  oci::RuntimeConfig config = parse_config(directory.try_read_config().value_or(""));
  config.root.path = HostPath(state->rootfs);
  config.cgroups_path = state->cgroup;
  HookSubject subject{
      .config = config, .id = id, .bundle = state->bundle, .pid = state->pid, .process = held};
  try {
    if (!config.hooks.start_container.empty()) {
      const HostFacts facts = read_host_facts(state->cgroup, std::to_string(state->pid));
      const cgroup::Cgroup cgroup = cgroup::Cgroup::open(facts.cgroups, state->cgroup);
      subject.facts = &facts;
      subject.cgroup = &cgroup;
      run_hooks(HookPoint::start_container, subject);
    }
    std::optional<NotifySocket> notify = NotifySocket::open(directory.fd());
    open_gate(directory.fd(), config.process, state->pid);
    remove_gate(directory.fd());
    directory.unlock();  // it runs: however long these hooks take, it can be ended meanwhile
    run_hooks(HookPoint::poststart, subject);
    if (notify) notify->wait_until_ready(state->pid, held);
  } catch (...) {
    end_at_once(*state, held);
    throw;
  }
}

}  // namespace tare::runtime
