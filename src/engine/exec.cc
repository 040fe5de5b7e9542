#include "engine/exec.h"

#include <fcntl.h>

#include "base/error.h"
#include "base/format.h"
#include "engine/attach.h"
#include "engine/capabilities.h"
#include "engine/containers.h"
#include "engine/order.h"
#include "monitor/launch.h"
#include "plan/names.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::engine {
namespace {

// The container's own options, with those of the exec in their place.
RunOptions combine(RunOptions options, const ExecOptions& wanted) {
  options.interactive = wanted.interactive;
  options.terminal = wanted.terminal;
  options.entrypoint.reset();
  options.init = false;
  options.command = wanted.command;
  options.environment.insert(options.environment.end(), wanted.environment.begin(), wanted.environment.end());
  if (!wanted.user.empty()) options.user = wanted.user;
  if (wanted.working_directory) options.working_directory = *wanted.working_directory;
  validate(options);
  return options;
}

// For this process alone: what the container's mounts and its cgroup forbid stays forbidden.
void give_privileges(oci::RuntimeConfig& config, const ContainerFacts& facts) {
  // In a user namespace every one is there to be given; what it is worth is another matter.
  const bool has_own_ids = !config.uid_mappings.empty();
  const std::uint64_t available = has_own_ids ? ~std::uint64_t{0} : facts.capabilities;
  config.process.capabilities =
      make_capabilities(available & plan::every_capability(), config.process.user.uid);
  config.seccomp.reset();
  config.default_seccomp = false;
}

// A root that is there as long as the process is.
sys::UniqueFd open_root_of(pid_t pid, sys::Fd process, const Container& container) {
  sys::UniqueFd root = sys::try_open_at(sys::here, format("/proc/{}/root", pid), O_PATH | O_DIRECTORY);
  if (!root || sys::wait_for_end(process, 0))
    throw Error(ErrorKind::conflict, format("container {} is not running", container.record.name));
  return root;
}

int conclude(const monitor::Launched& launched, const Attached& result, const Notify& notify) {
  if (!result.words.empty()) notify(result.words);
  if (result.outcome == Outcome::detached) return result.exit_code;
  launched.await_end();
  if (result.outcome != Outcome::abandoned || result.exit_code != 0) return result.exit_code;
  notify("the process that kept this exec was killed, and the command with it");
  return monitor_killed;
}

}  // namespace

int exec(const state::Place& place, const std::string& name_or_id, const ExecOptions& options,
         const Notify& notify) {
  const Container container = find_container(place, name_or_id);
  const std::string& name = container.record.name;
  if (!container.running)
    throw Error(ErrorKind::conflict, format("container {} is not running", name), 0,
                format("`tare start {}` starts it", name));
  if (container.running->is_paused)
    throw Error(ErrorKind::conflict,
                format("container {} is paused, unpause the container before exec", name));
  const sys::UniqueFd process = sys::try_hold(container.running->pid, container.running->start_ticks);
  const HostPath directory = place.directory_of(container.record.id);
  auto definition = read_definition(directory);
  if (!process || !definition) throw Error(ErrorKind::conflict, format("container {} is not running", name));
  definition->options = combine(std::move(definition->options), options);

  const Host host = read_host();
  const sys::UniqueFd root = open_root_of(container.running->pid, process, container);
  const ContainerFacts facts = gather_facts(host, container.record.id, directory, *definition, root);
  oci::RuntimeConfig config = make_config(definition->options, facts);
  if (options.privileged) give_privileges(config, facts);
  const Attachment attachment{
      .wish = {.input = options.interactive && !options.detached, .output = !options.detached},
      .terminal = options.terminal,
      .keys = parse_detach_keys(options.detach_keys)};
  const monitor::ExecOrder order{
      .program = runtime::make_exec_plan(config, host.facts, container.record.id.value),
      .cgroups = host.facts.cgroups,
      .cgroup = container.record.cgroup,
      .id = container.record.id,
      .name = name,
      .needs_scope = host.systemd_root && container.record.cgroup.starts_with(*host.systemd_root + "/"),
      .process = process,
      .terminal = options.terminal,
      .interactive = options.interactive,
      .wish = attachment.wish};

  Signals signals;
  const monitor::Launched launched = monitor::launch(order);
  Attached result = await_start(launched.socket, signals);
  if (result.outcome == Outcome::ended && options.detached) return 0;
  if (result.outcome == Outcome::ended) result = attach(launched.socket, signals, attachment);
  return conclude(launched, result, notify);
}

}  // namespace tare::engine
