#include "engine/order.h"

#include <fcntl.h>

#include "base/error.h"
#include "base/format.h"
#include "engine/attach.h"
#include "engine/host_devices.h"
#include "engine/security_options.h"
#include "store/merged.h"
#include "sys/file.h"
#include "sys/user_namespace.h"

namespace tare::engine {

void read_seccomp_profile(RunOptions& options) {
  const SecurityOptions security = parse_security_options(options.security_options);
  if (!names_profile(security)) return;
  Step step("read the seccomp profile", security.seccomp);
  options.seccomp_profile = sys::read_file(sys::here, security.seccomp);
}

oci::Root root_of(const Definition& definition, const HostPath& directory) {
  return definition.root_is_copied ? store::copied_root(directory)
                                   : store::overlay_root(definition.rootfs, directory);
}

sys::UniqueFd try_open_layers(const Definition& definition, const HostPath& directory) {
  const oci::Root root = root_of(definition, directory);
  if (root.lower.size() > 1) try {
      return store::open_merged(root.lower, store::own_marks());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::no_overlay) throw;
      return {};
    }
  const HostPath& top = root.lower.empty() ? root.path : root.lower.front();
  return sys::try_open_at(sys::here, top.value, O_PATH | O_DIRECTORY);
}

std::optional<cgroup::Unit> scope_of(const Host& host, const RunOptions& options, const ContainerId& id) {
  if (!host.systemd_root) return std::nullopt;
  return cgroup::unit_of(format("{}:tare:{}", options.cgroup_parent, id.value), "", cgroup::Manager::user,
                         *host.systemd_root);
}

ContainerFacts gather_facts(const Host& host, const ContainerId& id, const HostPath& directory,
                            const Definition& definition, sys::Fd root) {
  const RunOptions& options = definition.options;
  ContainerFacts facts{
      .id = id,
      .directory = directory,
      .root = root_of(definition, directory),
      .identity = resolve_user(root, options.user, options.groups),
      .host_name = host.hostname,
      .terminal = options.terminal ? caller_window_size().value_or(sys::WindowSize{}) : sys::WindowSize{},
      .security = host.security,
      .kernel = host.kernel,
      .capabilities = host.facts.capabilities,
      .open_files = host.open_files,
      .host_devices = options.privileged
                          ? list_host_devices(sys::open_at(sys::here, "/dev", O_RDONLY | O_DIRECTORY))
                          : std::vector<oci::DeviceNode>(),
      .scope = scope_of(host, options, id),
      .groups_are_fixed = host.facts.groups_are_fixed,
      .device_filter = host.facts.cgroups.device_filter()};
  if (host.facts.in_user_namespace) {
    facts.uids = sys::own_ids(sys::IdKind::user);
    facts.gids = sys::own_ids(sys::IdKind::group);
  }
  return facts;
}

void add_start_facts(const state::Place& place, const RunOptions& options, ContainerFacts& facts) {
  facts.devices = find_devices(options.devices);
  facts.borrowed = borrow_namespaces(place, options);
}

monitor::Order make_order(const state::Place& place, const state::Record& record, const Host& host,
                          const Definition& definition, const oci::RuntimeConfig& config) {
  monitor::Order order{.place = place,
                       .record = record,
                       .program = runtime::make_plan(config, host.facts, record.id.value),
                       .cgroups = host.facts.cgroups,
                       .scope = scope_of(host, definition.options, record.id),
                       .limits = {},
                       .needed_controllers = {},
                       .devices = {},
                       .terminal = definition.options.terminal,
                       .interactive = definition.options.interactive};
  if (definition.options.log.driver == LogDriver::json_file) order.log = definition.options.log.limits;
  if (!host.facts.cgroups.writable()) return order;
  order.limits = cgroup::plan_limits(host.facts.cgroups, config.resources, host.cgroup_facts);
  order.needed_controllers = cgroup::needed_controllers(config.resources);
  if (host.facts.cgroups.device_filter() == cgroup::DeviceFilter::program)
    order.devices = config.resources.devices;
  return order;
}

}  // namespace tare::engine
