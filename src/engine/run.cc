#include "engine/run.h"

#include <algorithm>
#include <linux/capability.h>
#include <optional>
#include <signal.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/cgroup.h"
#include "engine/attach.h"
#include "engine/container_config.h"
#include "engine/containers.h"
#include "engine/record_config.h"
#include "engine/rootfs.h"
#include "engine/users.h"
#include "monitor/launch.h"
#include "plan/print.h"
#include "runtime/make_plan.h"
#include "store/copy_tree.h"
#include "store/rootfs.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::engine {
namespace {

// What all of a run's steps need to know.
struct Host {
  runtime::HostFacts facts = runtime::read_host_facts();
  cgroup::Facts cgroup_facts = cgroup::read_facts(facts.cgroups);
  std::string hostname;
  std::uint64_t open_files = 0;
  bool may_raise_limits = (facts.capabilities >> CAP_SYS_RESOURCE) & 1;

  Host() {
    utsname names;
    if (::uname(&names) != 0) throw system_error("cannot read the host's name");
    hostname = names.nodename;
    rlimit limit;
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) throw system_error("cannot read the limit of open files");
    open_files = may_raise_limits ? RLIM_INFINITY : limit.rlim_max;
  }
};

bool asks_for_limits(const oci::Resources& r) {
  return r.memory_limit || r.memory_swap || r.cpu_shares || r.cpu_quota || r.pids_limit ||
         !r.cpuset_cpus.empty() || !r.cpuset_mems.empty();
}

void check_host(const Host& host, RunOptions& options, const Notify& notify) {
  if (!(host.facts.capabilities >> CAP_SYS_ADMIN & 1))
    throw Error(ErrorKind::unsupported,
                "making a container needs root (CAP_SYS_ADMIN), which this process does not have", 0,
                "use sudo; running as an ordinary user is not supported yet");
  if (!host.facts.cgroups.writable()) {
    if (asks_for_limits(options.resources))
      throw Error(ErrorKind::unsupported, "a limit was asked for, but no cgroup here can be written", 0,
                  "run it without -m, --cpus, --cpu-shares, --cpuset-cpus and --pids-limit, or mount the "
                  "cgroup file system");
    notify("no cgroup here can be written: the container runs without limits and without accounting");
  }
  if (!host.cgroup_facts.swap_accounting) do_without_swap_accounting(options);
  if (!(host.facts.capabilities >> CAP_MKNOD & 1))
    notify("CAP_MKNOD is missing: the container has the host's device nodes and cannot make any");
  const bool asked = std::ranges::any_of(
      options.limits, [](const oci::Rlimit& limit) { return limit.resource == RLIMIT_NOFILE; });
  if (!asked && host.open_files < default_open_files_at_most)
    notify(format("CAP_SYS_RESOURCE is missing: the container may open {} files at most", host.open_files));
}

// The caller's host paths as init will see them: absolute, and there. Docker makes a missing directory.
void prepare_binds(RunOptions& options) {
  for (auto& bind : options.binds) {
    Step step("mount", bind.destination.value);
    if (!sys::try_status(sys::here, bind.source)) sys::make_directories(sys::here, bind.source);
    bind.source = sys::canonical(HostPath(bind.source)).value;
  }
}

ContainerFacts facts_for(const Host& host, const ContainerId& id, const HostPath& directory,
                         const oci::Root& root, const store::Rootfs& rootfs, const RunOptions& options) {
  // Missing only in a plan; a run that finds no layer fails when it mounts it.
  const sys::UniqueFd layer = sys::try_open_at(sys::here, rootfs.layers.front().value, O_PATH | O_DIRECTORY);
  return {.id = id,
          .directory = directory,
          .root = root,
          .identity = resolve_user(layer, options.user),
          .host_name = host.hostname,
          .terminal = options.terminal ? caller_window_size().value_or(sys::WindowSize{}) : sys::WindowSize{},
          .open_files = host.open_files,
          .device_filter = host.facts.cgroups.device_filter()};
}

monitor::Order make_order(const state::Place& place, const state::Record& record, const Host& host,
                          const RunOptions& options, const oci::RuntimeConfig& config) {
  monitor::Order order{.place = place,
                       .record = record,
                       .program = runtime::make_plan(config, host.facts, record.id.value),
                       .cgroups = host.facts.cgroups,
                       .limits = {},
                       .needed_controllers = {},
                       .devices = {},
                       .terminal = options.terminal,
                       .interactive = options.interactive};
  if (!host.facts.cgroups.writable()) return order;
  order.limits = cgroup::plan_limits(host.facts.cgroups, config.resources, host.cgroup_facts);
  order.needed_controllers = cgroup::needed_controllers(config.resources);
  if (host.facts.cgroups.device_filter() == cgroup::DeviceFilter::program)
    order.devices = config.resources.devices;
  return order;
}

std::string read_host_file(const char* path) {
  return sys::try_read_file(sys::here, path).value_or(std::string());
}

void write_etc_files(const HostPath& directory, const RunOptions& options, const std::string& hostname) {
  for (const auto& file :
       make_etc_files(options, hostname, read_host_file("/etc/hosts"), read_host_file("/etc/resolv.conf")))
    sys::create_file(sys::here, (directory / file.name).value, file.text);
}

// A claimed container that its owner gives up on.
class Claim {
 public:
  Claim(const state::Place& place, state::Record& record)
      : place_(place), record_(record), lock_(take(place, record)) {}
  ~Claim() {
    if (!lock_.held() || committed_) return;
    try {
      state::forget(place_, record_.id, lock_);
    } catch (const std::exception&) {
      // The next command finds the lock free and tries again.
    }
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  state::Lock& lock() { return lock_; }
  /// The monitor is responsible from now on.
  void hand_over() {
    committed_ = true;
    lock_.let_go();
  }

 private:
  // A name may belong to a container whose monitor was killed and that was to be removed.
  static state::Lock take(const state::Place& place, state::Record& record) {
    try {
      return state::claim(place, record);
    } catch (const Error& error) {
      const auto owner = state::find_name(place, record.name);
      if (error.kind() != ErrorKind::conflict || !owner || !settle(place, *owner)) throw;
    }
    return state::claim(place, record);
  }

  const state::Place& place_;
  state::Record& record_;
  state::Lock lock_;
  bool committed_ = false;
};

class Run {
 public:
  Run(const state::Place& place, RunOptions options, const Notify& notify)
      : place_(place), options_(std::move(options)), notify_(notify) {}

  int execute() {
    check_host(host_, options_, notify_);
    rootfs_ = prepare_rootfs(place_, options_);
    prepare_binds(options_);
    record_ = {.id = {},
               .name = options_.name,
               .image = options_.rootfs,
               .command = options_.command,
               .created = now(),
               .remove_on_exit = options_.remove};
    Claim claim(place_, record_);
    const HostPath directory = place_.directory_of(record_.id);
    store::make_overlay_directories(rootfs_, directory);
    std::optional<Signals> signals(std::in_place);
    monitor::Launched launched = launch(claim, store::overlay_root(rootfs_, directory));
    Attached start = await_start(launched.socket, *signals);
    if (start.outcome == Outcome::failed && start.kind == ErrorKind::no_overlay) {
      finish(launched);
      signals.reset();  // a copy takes time: it is as easily ended as an unpacking
      copy_root(directory, start.words);
      signals.emplace();
      launched = launch(claim, store::copied_root(directory));
      start = await_start(launched.socket, *signals);
    }
    claim.hand_over();
    if (start.outcome == Outcome::ended)
      start = attach(launched.socket, *signals,
                     {.terminal = options_.terminal, .interactive = options_.interactive});
    return conclude(launched, start);
  }

 private:
  monitor::Launched launch(Claim& claim, const oci::Root& root) {
    const HostPath directory = place_.directory_of(record_.id);
    const ContainerFacts facts = facts_for(host_, record_.id, directory, root, rootfs_, options_);
    const oci::RuntimeConfig config = make_config(options_, facts);
    if (!sys::exists(sys::here, (directory / "hosts").value))
      write_etc_files(directory, options_, config.hostname);
    record_.cgroup = config.cgroups_path;
    record_.command = config.process.args;
    const monitor::Order order = make_order(place_, record_, host_, options_, config);
    state::write_record(place_, record_);
    write_config(directory, options_, config);
    return monitor::launch(order, claim.lock());
  }

  void copy_root(const HostPath& directory, const std::string& why) {
    notify_(format("{}: the root file system is copied for this container", why));
    const sys::UniqueFd from = sys::open_at(sys::here, rootfs_.layers.front().value, O_RDONLY | O_DIRECTORY);
    const sys::UniqueFd to = sys::open_at(sys::here, (directory / "rootfs").value, O_RDONLY | O_DIRECTORY);
    store::copy_tree(from, to);
  }

  static void finish(const monitor::Launched& launched) { (void)sys::reap(launched.monitor); }

  int conclude(const monitor::Launched& launched, const Attached& result) {
    switch (result.outcome) {
      case Outcome::detached:
        if (!result.words.empty()) notify_(result.words);
        return result.exit_code;
      case Outcome::given_up:
        finish(launched);
        settle(place_, record_.id);  // its monitor may have left that to us, not knowing
        return result.exit_code;
      case Outcome::failed:
        finish(launched);
        notify_(result.words);
        return result.exit_code;
      case Outcome::ended:
        finish(launched);
        if (!result.words.empty()) notify_(result.words);
        return result.exit_code;
      case Outcome::abandoned: break;
    }
    finish(launched);
    settle(place_, record_.id);
    if (result.exit_code != 0) return result.exit_code;  // so it was meant
    // It may have been killed when all was done and noted.
    const auto record = state::read_record(place_, record_.id);
    if (record && record->exit && record->exit->error.empty()) return record->exit->code;
    notify_(format("the monitor of container {} was killed, and the container with it", record_.name));
    return 255;
  }

  const state::Place& place_;
  RunOptions options_;
  const Notify& notify_;
  Host host_;
  store::Rootfs rootfs_;
  state::Record record_;
};

}  // namespace

int run(const state::Place& place, RunOptions options, const Notify& notify) {
  validate(options);
  return Run(place, std::move(options), notify).execute();
}

std::string plan(const state::Place& place, RunOptions options) {
  validate(options);
  Host host;
  check_host(host, options, [](const std::string&) {});
  std::string text;
  for (const auto& bind : options.binds)
    if (!sys::try_status(sys::here, bind.source))
      text += format("   make the directory {} on the host\n", bind.source);
  auto rootfs = find_rootfs(place, options);
  if (!rootfs) {
    text += format("   unpack {} into the store, as its layer\n", options.rootfs);
    // What is in it is not known yet, its users among that.
    if (!options.user.empty()) text += format("   look up the user {} in it\n", options.user);
    options.user.clear();
    rootfs = store::Rootfs{.layers = {place.root / "layers/sha256/DIGEST/tree"}};
  }
  const state::Record record{.id = state::random_id(), .name = options.name, .image = options.rootfs};
  const HostPath directory = place.directory_of(record.id);
  const ContainerFacts facts =
      facts_for(host, record.id, directory, store::overlay_root(*rootfs, directory), *rootfs, options);
  const oci::RuntimeConfig config = make_config(options, facts);
  const monitor::Order order = make_order(place, record, host, options, config);
  text += format("   make the container's directory {}\n", directory.value);
  for (const auto& hierarchy : host.facts.cgroups.hierarchies)
    if (hierarchy.writable)
      text += format("   make the cgroup {}{}\n", hierarchy.mount.value, config.cgroups_path);
  for (const auto& write : order.limits)
    text += format("   write {} to {}{}/{} ({})\n", write.value,
                   host.facts.cgroups.hierarchies[write.hierarchy].mount.value, config.cgroups_path,
                   write.file, write.why);
  if (!order.devices.empty())
    text += "   attach a program to the cgroup that allows only the standard devices\n";
  return text + plan::print(order.program);
}

}  // namespace tare::engine
