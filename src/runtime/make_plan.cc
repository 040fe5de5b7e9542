#include "runtime/make_plan.h"

#include <algorithm>
#include <charconv>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/devices.h"
#include "cgroup/number_list.h"
#include "oci/id_mapping.h"
#include "plan/names.h"
#include "runtime/kernel_parameters.h"
#include "runtime/plan_filter.h"
#include "runtime/plan_mounts.h"
#include "runtime/plan_namespaces.h"
#include "sys/file.h"
#include "sys/user_namespace.h"

namespace tare::runtime {
namespace {

using oci::NamespaceKind;
using plan::Entry;
using plan::Input;
using plan::Kind;

void plan_process_start(plan::Program& program, const HostFacts& facts) {
  program.add({.kind = Kind::set_name, .text = "tare-init"});
  program.add({.kind = Kind::die_with_parent, .a = SIGKILL});
  program.add({.kind = Kind::reset_signals, .a = facts.ignored_signals});
  program.add({.kind = Kind::start_session});
  program.add({.kind = Kind::set_umask, .a = 0});  // modes in the plan are exact
}

void plan_joins(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts) {
  for (const auto& hierarchy : facts.cgroups.hierarchies) {
    if (hierarchy.unified || !hierarchy.writable) continue;  // v2 is joined by clone3 (CLONE_INTO_CGROUP)
    const std::int32_t slot = program.new_slot();
    program.inputs.push_back({.what = Input::What::cgroup_join,
                              .slot = slot,
                              .path = hierarchy.mount.value + config.cgroups_path + "/tasks"});
    program.add({.kind = Kind::join_cgroup, .slot = slot});
  }
}

enum class Console {
  shown,  ///< as /dev/console
  not_shown,
};

void plan_streams(plan::Program& program, const oci::RuntimeConfig& config, std::int32_t dev,
                  Console console) {
  const oci::Process& process = config.process;
  const bool has_own_ids = has_user_namespace(config);
  std::int32_t streams[3];
  std::uint32_t given = 0;
  if (process.terminal) {
    if (dev == plan::no_slot)
      throw Error(ErrorKind::unsupported, "a terminal needs a /dev of the container's own");
    const std::int32_t terminal = program.new_slot();
    const std::uint64_t size = std::uint64_t{process.rows} << 16 | process.columns;
    program.add({.kind = Kind::open_console,
                 .slot = dev,
                 .into = terminal,
                 .a = size,
                 .b = process.user.uid,
                 .text = console == Console::shown ? "console" : ""});
    program.add({.kind = Kind::set_terminal, .slot = terminal});
    std::ranges::fill(streams, terminal);
  } else {
    constexpr const char* names[] = {"stdin", "stdout", "stderr"};
    for (int i = 0; i < 3; i++) {
      streams[i] = program.new_slot();
      if (i == 0 && process.null_input) {
        program.add({.kind = Kind::open_null, .into = streams[i]});
        continue;
      }
      given |= 1U << i;
      program.inputs.push_back(
          {.what = Input::What::stream,
           .slot = streams[i],
           .path = names[i],
           .owner = has_own_ids ? oci::host_id(config.uid_mappings, process.user.uid) : std::nullopt});
    }
  }
  const auto slot = [&](int i) { return static_cast<std::uint64_t>(streams[i]) << (16 * i); };
  program.add(
      {.kind = Kind::set_streams, .flags = given, .a = slot(0) | slot(1) | slot(2), .b = process.user.uid});
}

void plan_rights(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts) {
  const oci::Process& process = config.process;
  const oci::Capabilities& wanted = process.capabilities;
  // In a user namespace every capability is there to be given; what it is worth is another matter.
  const std::uint64_t had = has_user_namespace(config) ? plan::every_capability() : facts.capabilities;
  plan_groups(program, facts, process.user.additional_gids);
  program.add({.kind = Kind::drop_bounding, .a = wanted.bounding});
  program.add({.kind = Kind::set_ids, .a = process.user.uid, .b = process.user.gid});
  program.add({.kind = Kind::set_capabilities,
               .a = wanted.permitted & had,
               .b = wanted.inheritable & had,
               .effective = wanted.effective & had,
               // No other one can be (capabilities(7)); buildah asks for more, and runc lets it.
               .ambient = wanted.ambient & wanted.inheritable & wanted.permitted & had});
  // The kernel forgets this signal when the ids change (prctl(2), PR_SET_PDEATHSIG).
  program.add({.kind = Kind::die_with_parent, .a = SIGKILL});
  if (process.no_new_privileges) program.add({.kind = Kind::no_new_privileges});
}

// Before the filter, which may refuse the write.
void plan_labels(plan::Program& program, const oci::Process& process) {
  if (!process.apparmor_profile.empty())
    program.add({.kind = Kind::set_label,
                 .path = "thread-self/attr/apparmor/exec",
                 .text = "exec " + process.apparmor_profile});
  if (!process.selinux_label.empty())
    program.add({.kind = Kind::set_label, .path = "thread-self/attr/exec", .text = process.selinux_label});
}

void plan_memory_policy(plan::Program& program, const oci::MemoryPolicy& policy) {
  Entry entry{.kind = Kind::set_memory_policy, .a = policy.mode | policy.flags, .text = policy.nodes};
  const std::vector<std::uint8_t> bits = cgroup::to_bit_mask(policy.nodes);
  entry.nodes.resize((bits.size() + 7) / 8);
  for (std::size_t i = 0; i < bits.size(); i++) entry.nodes[i / 8] |= std::uint64_t{bits[i]} << (8 * (i % 8));
  program.add(std::move(entry));
}

// From the limits to the exec: the same for a container's first process and for one that joins it.
void plan_process(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts,
                  const std::string& name) {
  const oci::Process& process = config.process;
  program.settings.oom_score_adj = process.oom_score_adj;
  program.settings.scheduler = process.scheduler;
  program.settings.io_priority = process.io_priority;
  if (config.memory_policy) plan_memory_policy(program, *config.memory_policy);
  if (config.personality) program.add({.kind = Kind::set_personality, .a = *config.personality});
  program.add({.kind = Kind::join_keyring, .text = "_ses." + name});
  for (const auto& limit : process.rlimits)
    program.add({.kind = Kind::set_rlimit, .slot = limit.resource, .a = limit.soft, .b = limit.hard});
  program.add({.kind = Kind::set_umask, .a = process.user.umask});
  program.add({.kind = Kind::enter_directory, .path = process.cwd.value});
  plan_labels(program, process);
  if (!process.no_new_privileges) plan_filter(program, config);
  plan_rights(program, config, facts);
  // As late as possible; but what a filter asks about is answered only once the parent has passed it on.
  const bool is_last = process.no_new_privileges && !has_listener(config);
  if (process.no_new_privileges && !is_last) plan_filter(program, config);
  program.add({.kind = Kind::synchronise, .a = static_cast<std::uint64_t>(plan::Sync::ready)});
  program.add({.kind = Kind::close_descriptors});
  if (is_last) plan_filter(program, config);
  // Behind the filter: what stays as the first process could else be made to do what it forbids.
  if (process.is_supervised) program.add({.kind = Kind::supervise});
  program.add({.kind = Kind::execute,
               .list = command_candidates(process.args, process.env),
               .arguments = process.args,
               .environment = process.env});
}

bool has_network_namespace(const oci::RuntimeConfig& config) {
  return std::ranges::find(config.namespaces, NamespaceKind::network, &oci::Namespace::kind) !=
         config.namespaces.end();
}

// Those that run when everything is mounted.
bool has_mount_hooks(const oci::Hooks& hooks) {
  return !hooks.prestart.empty() || !hooks.create_runtime.empty() || !hooks.create_container.empty();
}

// A set in hexadecimal (proc_pid_status(5)).
std::uint64_t set_in(std::string_view status, std::string_view name) {
  const auto at = status.find(name);
  if (at == status.npos) throw Error(ErrorKind::system, format("/proc/self/status has no {}", name));
  status.remove_prefix(at + name.size() + 1);
  std::uint64_t set = 0;
  std::from_chars(status.data(), status.data() + status.size(), set, 16);
  return set;
}

}  // namespace

HostFacts read_host_facts(const std::string& cgroup, const std::string& process) {
  HostFacts facts;
  facts.cgroups = cgroup::read_layout_for(cgroup);
  // A hierarchy that came after the container did has no group of it to join.
  if (process != "self")
    for (auto& hierarchy : facts.cgroups.hierarchies)
      hierarchy.writable = hierarchy.writable && sys::exists(sys::here, hierarchy.mount.value + cgroup);
  facts.in_user_namespace = !sys::in_first_user_namespace();
  facts.groups_are_fixed = sys::groups_are_fixed(process);
  if (facts.cgroups.device_filter() == cgroup::DeviceFilter::program)
    facts.cgroups.programs_are_refused = !cgroup::can_load_device_program();
  // One file instead of a hundred calls, one for each capability and each signal.
  const std::string status = sys::read_file(sys::here, "/proc/self/status");
  facts.capabilities = set_in(status, "CapPrm:") & set_in(status, "CapBnd:");
  facts.ignored_signals = set_in(status, "SigIgn:");
  return facts;
}

std::vector<std::string> command_candidates(const std::vector<std::string>& args,
                                            const std::vector<std::string>& env) {
  if (args.empty() || args[0].empty()) throw Error(ErrorKind::invalid, "there is no command to run");
  if (args[0].find('/') != std::string::npos) return {args[0]};
  std::string_view path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const auto& variable : env)
    if (variable.starts_with("PATH=")) path = std::string_view(variable).substr(5);
  std::vector<std::string> candidates;
  while (true) {
    const auto colon = path.find(':');
    const std::string_view directory = path.substr(0, colon);
    candidates.push_back((directory.empty() ? "." : std::string(directory)) + "/" + args[0]);
    if (colon == std::string_view::npos) return candidates;
    path.remove_prefix(colon + 1);
  }
}

plan::Program make_plan(const oci::RuntimeConfig& config, const HostFacts& facts, const std::string& name) {
  plan::Program program;
  plan_process_start(program, facts);
  plan_namespaces(program, config, facts);
  plan_joins(program, config, facts);
  if (is_new(config, NamespaceKind::cgroup)) program.add({.kind = Kind::unshare, .a = CLONE_NEWCGROUP});
  plan_root(program, config, facts);
  const auto [proc, dev] = plan_mounts(program, config, facts);
  plan_devices(program, config, facts, dev);
  if (!config.net_devices.empty() && !has_network_namespace(config))
    throw Error(ErrorKind::invalid, "/linux/netDevices: the container has no network namespace of its own");
  // What these hooks mount into the root is the container's, and what they make of its network can be tuned.
  if (has_mount_hooks(config.hooks) || !config.net_devices.empty())
    program.add({.kind = Kind::synchronise, .a = static_cast<std::uint64_t>(plan::Sync::mounted)});
  plan_parameters(program, config, proc);
  plan_streams(program, config, dev, Console::shown);
  program.add({.kind = Kind::make_directory, .a = 0755, .path = config.process.cwd.value});
  plan_protection(program, config);
  program.add({.kind = Kind::pivot});
  plan_propagation(program, config);
  if (is_new(config, NamespaceKind::uts) && !config.hostname.empty())
    program.add({.kind = Kind::set_hostname, .text = config.hostname});
  if (is_new(config, NamespaceKind::uts) && !config.domainname.empty())
    program.add({.kind = Kind::set_domainname, .text = config.domainname});
  if (is_new(config, NamespaceKind::network)) program.add({.kind = Kind::raise_loopback});
  plan_process(program, config, facts, name);
  label_filesystems(program, config);
  return program;
}

namespace {

// One more process in the namespaces and the cgroup of one that is there.
void plan_entry(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts,
                const HostPath& other_cgroup = HostPath()) {
  plan_process_start(program, facts);
  std::uint64_t namespaces = 0;
  for (const auto& one : config.namespaces) namespaces |= flag_of(one.kind);
  const std::int32_t target = program.new_slot(), cgroup = program.new_slot();
  program.inputs.push_back({.what = Input::What::process, .slot = target, .path = "the container's process"});
  program.inputs.push_back({.what = Input::What::cgroup, .slot = cgroup, .path = config.cgroups_path});
  program.add({.kind = Kind::hide_memory});
  // The cgroup namespace last: from inside one, a process can be born in no cgroup while its parent is
  // outside of it (cgroups(7), nsdelegate).
  const std::uint64_t cgroup_namespace = namespaces & CLONE_NEWCGROUP;
  program.add({.kind = Kind::join_namespaces, .slot = target, .a = namespaces & ~cgroup_namespace});
  std::int32_t other = plan::no_slot;
  if (!other_cgroup.empty()) {
    other = program.new_slot();
    program.inputs.push_back({.what = Input::What::directory, .slot = other, .path = other_cgroup.value});
  }
  plan_fork(program, cgroup, other);
  if (has_user_namespace(config)) plan_root_ids(program, facts);
  plan_joins(program, config, facts);
  if (cgroup_namespace) program.add({.kind = Kind::join_namespaces, .slot = target, .a = cgroup_namespace});
}

}  // namespace

plan::Program make_exec_plan(const oci::RuntimeConfig& config, const HostFacts& facts,
                             const std::string& name, const HostPath& other_cgroup) {
  const oci::Process& process = config.process;
  plan::Program program;
  plan_entry(program, config, facts, other_cgroup);
  program.add({.kind = Kind::take_root});
  std::int32_t dev = plan::no_slot;
  if (process.terminal) {
    dev = program.new_slot();
    program.add({.kind = Kind::open_directory, .flags = plan::no_symlinks, .into = dev, .path = "/dev"});
  }
  plan_streams(program, config, dev, Console::not_shown);
  plan_process(program, config, facts, name);
  if (!process.affinity_of_exec.initial.empty()) program.settings.processors = plan::all_processors;
  if (!process.affinity_of_exec.final.empty()) program.settings.processors = process.affinity_of_exec.final;
  return program;
}

plan::Program make_early_plan(const oci::RuntimeConfig& config, const HostFacts& facts,
                              const HostPath& root) {
  plan::Program program;
  plan_entry(program, config, facts);
  const std::int32_t slot = program.new_slot();
  program.inputs.push_back({.what = Input::What::directory, .slot = slot, .path = root.value});
  program.add({.kind = Kind::change_root, .slot = slot});
  plan_streams(program, config, plan::no_slot, Console::not_shown);
  program.add({.kind = Kind::set_umask, .a = 022});
  program.add({.kind = Kind::synchronise, .a = static_cast<std::uint64_t>(plan::Sync::ready)});
  program.add({.kind = Kind::close_descriptors});
  program.add({.kind = Kind::execute,
               .list = command_candidates(config.process.args, config.process.env),
               .arguments = config.process.args,
               .environment = config.process.env});
  return program;
}

}  // namespace tare::runtime
