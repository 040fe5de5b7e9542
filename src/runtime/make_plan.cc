#include "runtime/make_plan.h"

#include <algorithm>
#include <cerrno>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "runtime/namespace_filter.h"
#include "runtime/plan_mounts.h"

namespace tare::runtime {
namespace {

using oci::NamespaceKind;
using plan::Input;
using plan::Kind;

bool has(const oci::RuntimeConfig& config, NamespaceKind kind) {
  return std::ranges::find(config.namespaces, kind) != config.namespaces.end();
}

// The cgroup namespace is not among them: it is entered after the v1 cgroups are joined, so that they become
// its root.
std::uint64_t clone_flags(const oci::RuntimeConfig& config) {
  constexpr struct {
    NamespaceKind kind;
    std::uint64_t flag;
  } table[] = {{NamespaceKind::pid, CLONE_NEWPID},
               {NamespaceKind::network, CLONE_NEWNET},
               {NamespaceKind::mount, CLONE_NEWNS},
               {NamespaceKind::ipc, CLONE_NEWIPC},
               {NamespaceKind::uts, CLONE_NEWUTS}};
  std::uint64_t flags = 0;
  for (const auto& row : table)
    if (has(config, row.kind)) flags |= row.flag;
  if (has(config, NamespaceKind::user) || has(config, NamespaceKind::time))
    throw Error(ErrorKind::unsupported, "user and time namespaces are not supported yet");
  if (!(flags & CLONE_NEWNS))
    throw Error(ErrorKind::unsupported, "a container needs a mount namespace of its own");
  return flags;
}

void plan_process_start(plan::Program& program, const HostFacts& facts) {
  program.add({.kind = Kind::set_name, .text = "tare-init"});
  program.add({.kind = Kind::die_with_parent, .a = SIGKILL});
  program.add({.kind = Kind::reset_signals, .a = facts.ignored_signals});
  program.add({.kind = Kind::start_session});
  program.add({.kind = Kind::set_umask, .a = 0});  // modes in the plan are exact
}

void plan_cgroups(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts) {
  for (const auto& hierarchy : facts.cgroups.hierarchies) {
    if (hierarchy.unified || !hierarchy.writable) continue;  // v2 is joined by clone3 (CLONE_INTO_CGROUP)
    const std::int32_t slot = program.new_slot();
    program.inputs.push_back({.what = Input::What::cgroup_join,
                              .slot = slot,
                              .path = hierarchy.mount.value + config.cgroups_path + "/tasks"});
    program.add({.kind = Kind::join_cgroup, .slot = slot});
  }
  if (has(config, NamespaceKind::cgroup)) program.add({.kind = Kind::unshare, .a = CLONE_NEWCGROUP});
}

void plan_streams(plan::Program& program, const oci::Process& process, std::int32_t dev) {
  std::int32_t streams[3];
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
                 .text = "console"});
    program.add({.kind = Kind::set_terminal, .slot = terminal});
    std::ranges::fill(streams, terminal);
  } else {
    constexpr const char* names[] = {"stdin", "stdout", "stderr"};
    for (int i = 0; i < 3; i++) {
      streams[i] = program.new_slot();
      if (i == 0 && process.null_input)
        program.add({.kind = Kind::open_null, .into = streams[i]});
      else
        program.inputs.push_back({.what = Input::What::stream, .slot = streams[i], .path = names[i]});
    }
  }
  const auto slot = [&](int i) { return static_cast<std::uint64_t>(streams[i]) << (16 * i); };
  program.add({.kind = Kind::set_streams, .a = slot(0) | slot(1) | slot(2), .b = process.user.uid});
}

void plan_rights(plan::Program& program, const oci::Process& process, const HostFacts& facts) {
  const oci::Capabilities& wanted = process.capabilities;
  const std::uint64_t had = facts.capabilities;
  program.add({.kind = Kind::set_groups, .groups = process.user.additional_gids});
  program.add({.kind = Kind::drop_bounding, .a = wanted.bounding});
  program.add({.kind = Kind::set_ids, .a = process.user.uid, .b = process.user.gid});
  program.add({.kind = Kind::set_capabilities,
               .a = wanted.permitted & had,
               .b = wanted.inheritable & had,
               .effective = wanted.effective & had,
               .ambient = wanted.ambient & had});
  // The kernel forgets this signal when the ids change (prctl(2), PR_SET_PDEATHSIG).
  program.add({.kind = Kind::die_with_parent, .a = SIGKILL});
  if (process.no_new_privileges) program.add({.kind = Kind::no_new_privileges});
}

}  // namespace

HostFacts read_host_facts() {
  HostFacts facts;
  facts.cgroups = cgroup::read_layout();
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0)
    throw system_error("cannot read this process's capabilities");
  facts.capabilities = std::uint64_t{data[1].permitted} << 32 | data[0].permitted;
  for (int signal = 1; signal < NSIG; signal++) {
    struct sigaction action;
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
      facts.ignored_signals |= std::uint64_t{1} << (signal - 1);
  }
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
  const oci::Process& process = config.process;
  plan::Program program;
  program.namespaces = clone_flags(config);

  plan_process_start(program, facts);
  plan_cgroups(program, config, facts);
  plan_root(program, config);
  const std::int32_t dev = plan_mounts(program, config, facts);
  plan_devices(program, config, facts, dev);
  plan_streams(program, process, dev);
  program.add({.kind = Kind::make_directory, .a = 0755, .path = process.cwd.value});
  plan_protection(program, config);
  program.add({.kind = Kind::pivot});
  if (has(config, NamespaceKind::uts) && !config.hostname.empty())
    program.add({.kind = Kind::set_hostname, .text = config.hostname});
  if (has(config, NamespaceKind::network)) program.add({.kind = Kind::raise_loopback});
  program.add({.kind = Kind::join_keyring, .text = "_ses." + name});
  for (const auto& limit : process.rlimits)
    program.add({.kind = Kind::set_rlimit, .slot = limit.resource, .a = limit.soft, .b = limit.hard});
  program.add({.kind = Kind::set_umask, .a = process.user.umask});
  program.add({.kind = Kind::enter_directory, .path = process.cwd.value});
  program.add({.kind = Kind::load_filter, .filter = make_namespace_filter()});
  plan_rights(program, process, facts);
  program.add({.kind = Kind::synchronise, .a = static_cast<std::uint64_t>(plan::Sync::ready)});
  program.add({.kind = Kind::close_descriptors});
  program.add({.kind = Kind::execute,
               .list = command_candidates(process.args, process.env),
               .arguments = process.args,
               .environment = process.env});
  return program;
}

}  // namespace tare::runtime
