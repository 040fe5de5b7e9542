#include "runtime/create.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <sys/mount.h>
#include <unistd.h>
#include <utility>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/cgroup.h"
#include "cgroup/devices.h"
#include "cgroup/freezer.h"
#include "cgroup/limits.h"
#include "cgroup/scope.h"
#include "oci/id_mapping.h"
#include "runtime/bundle.h"
#include "runtime/config_json.h"
#include "runtime/console_socket.h"
#include "runtime/container.h"
#include "runtime/end.h"
#include "runtime/foreground.h"
#include "runtime/hooks.h"
#include "runtime/make_plan.h"
#include "runtime/mount_options.h"
#include "runtime/net_devices.h"
#include "runtime/own_root.h"
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

// The state directory and the cgroup, removed again unless the container is to stay. The directory says where
// the cgroup is, so it goes last.
struct Claim {
  StateDirectory directory;
  std::optional<ContainerCgroup> cgroup;
  bool stays = false;
  std::function<void()> when_gone = [] {};

  explicit Claim(StateDirectory claimed) : directory(std::move(claimed)) {}
  /// After directory.unlock(): whether the container is still there. Its name may be another one's by now,
  /// which is nobody's to undo.
  bool regain() {
    directory.lock();
    if (!directory.is_there()) stays = true;
    return !stays;
  }
  void undo() {
    if (std::exchange(stays, true)) return;
    if (cgroup) cgroup->undo();
    directory.remove();
    when_gone();
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    try {
      undo();
    } catch (const Error&) {
      // The error that undoes this is the one to tell; `delete` takes the directory for one half made.
    }
  }
};

// What is known and checked before anything is made.
struct Preparation {
  Bundle bundle;
  uid_t owner = 0;
  HostFacts facts;
  plan::Program program;
  std::vector<cgroup::Write> limits;
};

// Who is root only of a user namespace has those cgroups that he was given, or none; the kernel lets him make
// no devices and no program about them, and what he may not use he may not use in a container either.
void fit_cgroup(Preparation& made, CgroupDriver driver) {
  oci::RuntimeConfig& config = made.bundle.config;
  cgroup::Layout& cgroups = made.facts.cgroups;
  const bool is_named = made.bundle.asks_for_cgroup;
  if (driver == CgroupDriver::none) {
    if (is_named)
      throw Error(ErrorKind::conflict,
                  "/linux/cgroupsPath names a cgroup, and --cgroup-manager says disabled");
    for (auto& hierarchy : cgroups.hierarchies) hierarchy.writable = false;
  }
  if (driver != CgroupDriver::none && !made.facts.in_user_namespace) return;
  if (cgroups.device_filter() == cgroup::DeviceFilter::none) config.resources.devices.clear();
  if (driver == CgroupDriver::none || cgroups.hierarchies.empty()) return;
  if (is_named && !cgroups.writable())
    throw Error(ErrorKind::unsupported,
                format("/linux/cgroupsPath: {}: permission denied", config.cgroups_path), 0,
                "leave it out, or let systemd make it (--systemd-cgroup)");
  if (made.bundle.unit) cgroup::come_within_reach(cgroups);
}

Preparation prepare(const CreateOptions& options) {
  Preparation made{.bundle = read_bundle(options.bundle, options.id, options.config_file, options.driver),
                   .owner = ::geteuid(),
                   .facts = {},
                   .program = {},
                   .limits = {}};
  oci::RuntimeConfig& config = made.bundle.config;
  become_root(config);
  made.facts = read_host_facts(config.cgroups_path);
  fit_cgroup(made, options.driver);
  const int passed = take_listening_sockets(config.process) + options.passed_descriptors;
  if (NotifySocket::is_wanted()) NotifySocket::add_to(config, options.root / options.id);
  made.program = make_plan(config, made.facts, options.id);
  if (!options.pivots && is_new(made.bundle.config, oci::NamespaceKind::user))
    throw Error(ErrorKind::unsupported, "--no-pivot and a user namespace are not supported together", 0,
                "there the host's mounts could not be taken away");
  if (!options.pivots) move_root_instead(made.program);
  const cgroup::Layout& cgroups = made.facts.cgroups;
  made.limits = cgroup::plan_limits(cgroups, config.resources, cgroup::read_facts(cgroups));
  if (!options.new_keyring)
    std::erase_if(made.program.entries,
                  [](const plan::Entry& entry) { return entry.kind == plan::Kind::join_keyring; });
  if (passed > 0) pass_descriptors_on(made.program, passed);
  return made;
}

CgroupOrder cgroup_order(const Preparation& prepared, const std::string& id) {
  return {.layout = prepared.facts.cgroups,
          .config = prepared.bundle.config,
          .limits = prepared.limits,
          .id = id,
          .unit = prepared.bundle.unit};
}

// Who may make cgroups below the container's: whoever its process is, where it sees no others and can write.
std::optional<std::uint32_t> cgroup_owner(const oci::RuntimeConfig& config) {
  const bool is_writable = std::ranges::any_of(config.mounts, [](const oci::Mount& mount) {
    const MountOptions options = parse_mount_options(mount.options);
    return mount.type == "cgroup" && !((options.top.set | options.all.set) & MOUNT_ATTR_RDONLY);
  });
  if (!is_writable || !is_new(config, oci::NamespaceKind::cgroup)) return std::nullopt;
  const std::uint32_t uid = config.process.user.uid;
  return is_new(config, oci::NamespaceKind::user) ? oci::host_id(config.uid_mappings, uid) : uid;
}

bool has_own_pids(const oci::RuntimeConfig& config) {
  return std::ranges::any_of(config.namespaces, [](const oci::Namespace& one) {
    return one.kind == oci::NamespaceKind::pid && one.path.empty();
  });
}

ContainerState state_of(const Preparation& prepared, const std::string& id, pid_t pid) {
  const oci::RuntimeConfig& config = prepared.bundle.config;
  return {.id = id,
          .bundle = prepared.bundle.path.value,
          .rootfs = config.root.path.value,
          .pid = pid,
          .start_ticks = sys::start_ticks(pid).value_or(0),
          .boot = sys::boot_id(),
          .created = now(),
          .owner = prepared.owner,
          .cgroup = config.cgroups_path,
          .freezer = cgroup::freezer_file(prepared.facts.cgroups, config.cgroups_path),
          .own_pids = has_own_pids(config),
          .annotations = config.annotations};
}

enum class Gate { none, waits };

int make(const CreateOptions& options, Gate gate, Stay stay, Keep keep) {
  check_id(options.id);
  Preparation prepared = prepare(options);
  const bool terminal = prepared.bundle.config.process.terminal;
  if (gate == Gate::waits)
    add_start_gate(prepared.program);
  else
    let_live_on(prepared.program);
  const sys::UniqueFd console_socket = connect_console(options.console_socket, terminal, stay);
  const sys::UniqueFd pidfd_socket = connect_pidfd(options.pidfd_socket);
  std::optional<CaughtSignals> signals;
  if (stay == Stay::until_end) signals.emplace();
  sys::use_all_processors();

  Claim claim(StateDirectory::claim(options.root, options.id));
  // Before anything says that this cgroup is the container's: what is in it is ended with that.
  cgroup::Cgroup::check_unused(prepared.facts.cgroups, prepared.bundle.config.cgroups_path);
  claim.directory.write_config(prepared.bundle.config_text);
  if (NotifySocket::is_wanted()) NotifySocket::make_directory(claim.directory.fd());
  if (prepared.bundle.unit) claim.directory.write_unit(prepared.bundle.unit->name);
  ContainerCgroup& cgroup = claim.cgroup.emplace(cgroup_order(prepared, options.id));
  if (const auto owner = cgroup_owner(prepared.bundle.config)) (*cgroup).delegate(*owner);

  ResctrlGroups resctrl(prepared.bundle.config, options.id);
  if (!resctrl.empty()) claim.directory.note_resctrl_group();

  Streams streams{
      .input = sys::Fd(STDIN_FILENO), .output = sys::Fd(STDOUT_FILENO), .error = sys::Fd(STDERR_FILENO)};
  sys::UniqueFd gate_socket;
  if (gate == Gate::waits) streams.gate = gate_socket = make_gate(claim.directory.fd());
  HookSubject subject{.config = prepared.bundle.config,
                      .id = options.id,
                      .bundle = prepared.bundle.path.value,
                      .facts = &prepared.facts,
                      .cgroup = &*cgroup};
  claim.when_gone = [&] {
    run_last_hooks({.config = prepared.bundle.config, .id = options.id, .bundle = prepared.bundle.path.value},
                   options.warn);
  };
  Container container = Container::create(
      prepared.program, *cgroup, streams,
      [&](const Container& mounted) {
        subject.pid = mounted.pid();
        subject.process = mounted.pidfd();
        move_net_devices(prepared.bundle.config.net_devices, mounted.pid());
        for (const auto point : {HookPoint::prestart, HookPoint::create_runtime, HookPoint::create_container})
          run_hooks(point, subject);
      },
      reach_listener(prepared.bundle.config,
                     {.id = options.id, .bundle = prepared.bundle.path.value, .status = "creating"}));
  cgroup.occupied();
  resctrl.join(container.pid());
  subject.pid = container.pid();
  subject.process = container.pidfd();
  sys::UniqueFd console = container.take_console();
  if (console_socket) send_console(console_socket, console);
  if (stay == Stay::until_end && console) sys::leave_line_feeds_alone(console);
  if (pidfd_socket) send_pidfd(pidfd_socket, container.pidfd(), Entrance::standard);
  claim.directory.write(state_of(prepared, options.id, container.pid()));
  std::optional<NotifySocket> notify;
  if (gate == Gate::waits) {
    container.leave_at_gate();
  } else {
    run_hooks(HookPoint::start_container, subject);
    notify = NotifySocket::open(claim.directory.fd());
    container.start();
  }
  const auto keep_all = [&] {
    cgroup.keep();
    resctrl.keep();
  };
  claim.directory.unlock();  // for whoever wants to end it meanwhile
  int code = 0;
  try {
    if (gate == Gate::none) run_hooks(HookPoint::poststart, subject);
    write_pid_file(options.pid_file, container.pid());
    if (stay == Stay::until_end)
      code = stay_until_end(container, std::move(console), *signals, notify ? &*notify : nullptr);
    else if (notify)
      notify->wait_until_ready(container.pid(), container.pidfd());
  } catch (...) {
    if (!claim.regain()) keep_all();
    throw;
  }
  if (stay == Stay::not_at_all) container.let_go();
  if (stay == Stay::not_at_all || keep == Keep::state) claim.stays = true;
  if (claim.stays || !claim.regain())
    keep_all();
  else
    claim.undo();
  return code;
}

}  // namespace

void create(const CreateOptions& options) { make(options, Gate::waits, Stay::not_at_all, Keep::state); }

plan::Document plan_creation(const CreateOptions& options) {
  using What = plan::HostStep::What;
  check_id(options.id);
  Preparation prepared = prepare(options);
  add_start_gate(prepared.program);
  const HostPath directory = options.root / options.id;
  const bool is_program = prepared.facts.cgroups.device_filter() == cgroup::DeviceFilter::program;
  const oci::RuntimeConfig& config = prepared.bundle.config;
  plan::Document document{.host = {{.what = What::make_directory, .path = directory.value},
                                   {.what = What::write_file, .path = (directory / "config.json").value}},
                          .program = std::move(prepared.program)};
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
  switch (const Status status = directory.status(state)) {
    case Status::created: break;
    case Status::stopped: throw Error(ErrorKind::conflict, "cannot start a container that has stopped");
    case Status::running:
    case Status::paused: throw Error(ErrorKind::conflict, "cannot start an already running container");
    default:
      throw Error(ErrorKind::conflict,
                  format("cannot start a container in the {} state", status_name(status)));
  }
  const sys::UniqueFd held = sys::try_hold(state->pid, state->start_ticks);
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
