#include "engine/host.h"

#include <algorithm>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/systemd.h"
#include "engine/container_config.h"
#include "engine/own_namespace.h"
#include "sys/file.h"
#include "sys/user_namespace.h"

namespace tare::engine {
namespace {

bool asks_for_limits(const oci::Resources& r) {
  return r.memory_limit || r.memory_swap || r.cpu_shares || r.cpu_quota || r.pids_limit ||
         !r.cpuset_cpus.empty() || !r.cpuset_mems.empty() || r.block_io_weight;
}

std::string cgroup_hint(const Host& host) {
  return host.is_plain_user
             ? "a user's cgroups are made by his systemd, on cgroup v2: log in, or `loginctl enable-linger`"
             : "mount the cgroup file system";
}

// A pid namespace of its own ends with its first process; in another's only the cgroup tells what is to be
// ended.
void check_can_be_ended(const Host& host, const RunOptions& options) {
  if (host.facts.cgroups.writable() || options.pid.mode == NamespaceChoice::Mode::own) return;
  throw Error(ErrorKind::unsupported,
              "--pid was given, but no cgroup here can be written, by which the container's processes would "
              "be ended",
              0, format("run it without --pid, or: {}", cgroup_hint(host)));
}

void check_devices(const Host& host, const RunOptions& options, const Notify& notify) {
  if (host.facts.cgroups.device_filter() != cgroup::DeviceFilter::none || options.privileged) return;
  const bool asks_for_less = std::ranges::any_of(options.devices, [](const Device& device) {
    return device.access.find('r') == std::string::npos || device.access.find('w') == std::string::npos;
  });
  if (asks_for_less || !options.device_rules.empty())
    throw Error(ErrorKind::unsupported,
                "a rule about devices was asked for, but nothing here limits the use of devices", 0,
                "run it without --device-cgroup-rule, and with --device for reading and writing");
  if (host.facts.cgroups.programs_are_refused && !host.is_plain_user)
    notify(
        "bpf(2) is refused: the use of devices cannot be limited, so nodes in the root file system do "
        "nothing and none can be made");
}

bool has(const Host& host, int capability) { return host.facts.capabilities >> capability & 1; }

// A plain user makes cgroups below those that his systemd was given, and asks it for a place there.
std::optional<std::string> find_systemd_root() {
  if (sys::is_root_of_system() || !cgroup::is_there(cgroup::Manager::user)) return std::nullopt;
  const auto first = sys::try_read_file(sys::here, "/proc/1/cgroup");
  std::string root = cgroup::manager_root(cgroup::Manager::user, first.value_or(""), sys::outside_uid());
  const cgroup::Layout layout = cgroup::read_layout_for(root);
  if (layout.mode() != cgroup::Mode::v2 || layout.unified()->delegated.empty()) return std::nullopt;
  return root;
}

void check_plain_users_ids(const std::vector<oci::IdMapping>& mappings, const char* option,
                           sys::IdKind kind) {
  const auto own = sys::own_ids(kind);
  for (const auto& mapping : mappings)
    if (!sys::contains(own, mapping.host) ||
        !sys::contains(own, std::uint64_t{mapping.host} + mapping.size - 1))
      throw Error(ErrorKind::invalid,
                  format("{} {}:{}:{}: these are not the user's own ids", option, mapping.container,
                         mapping.host, mapping.size),
                  0, "they are numbered as in his user namespace: 0 is he, 1 the first one of /etc/subuid");
}

// That a plain user's container has fewer rights than root's is no news to him; that it could have more may
// be.
void tell_plain_user(const Host& host, const RunOptions& options, const Notify& notify) {
  if (host.systemd_root && !options.cgroup_parent.empty() && !options.cgroup_parent.ends_with(".slice"))
    throw Error(
        ErrorKind::invalid,
        format("--cgroup-parent {}: a user's containers are in slices of his systemd", options.cgroup_parent),
        0, "name one, such as work.slice");
  check_plain_users_ids(options.uid_mappings, "--uidmap", sys::IdKind::user);
  check_plain_users_ids(options.gid_mappings, "--gidmap", sys::IdKind::group);
  if (sys::contains(sys::own_ids(sys::IdKind::user), 1)) return;
  notify(
      could_have_more_ids()
          ? "the container has no user but root, as those that run already: when all have ended, others can "
            "be had"
          : "the container has no user but root: others' ids are mapped by newuidmap and newgidmap, to whom "
            "/etc/subuid and /etc/subgid give some");
}

}  // namespace

Host read_host() {
  const bool is_plain_user = !sys::is_root_of_system();
  const auto systemd_root = find_systemd_root();
  Host host{.facts = runtime::read_host_facts(systemd_root.value_or("")), .cgroup_facts = {}, .hostname = {}};
  host.is_plain_user = is_plain_user;
  host.systemd_root = systemd_root;
  host.cgroup_facts = cgroup::read_facts(host.facts.cgroups);
  host.security = read_security_modules();
  // It is for the machine's root to load one.
  if (is_plain_user) host.security.default_profile = false;
  utsname names;
  if (::uname(&names) != 0) throw system_error("cannot read the host's name");
  host.hostname = names.nodename;
  host.kernel = names.release;
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) throw system_error("cannot read the limit of open files");
  const bool can_raise = has(host, CAP_SYS_RESOURCE) && !host.facts.in_user_namespace;
  host.open_files = can_raise ? RLIM_INFINITY : limit.rlim_max;
  return host;
}

void check_host(const Host& host, RunOptions& options, const Notify& notify) {
  if (!has(host, CAP_SYS_ADMIN))
    throw Error(ErrorKind::unsupported,
                "making a container needs CAP_SYS_ADMIN, which root does not have here", 0,
                "inside a container, that one has to be given it");
  if (!host.facts.cgroups.writable()) {
    if (asks_for_limits(options.resources))
      throw Error(ErrorKind::unsupported, "a limit was asked for, but no cgroup here can be written", 0,
                  format("run it without -m, --cpus, --cpu-shares, --cpuset-cpus, --pids-limit and "
                         "--blkio-weight, or: {}",
                         cgroup_hint(host)));
    notify("no cgroup here can be written: the container runs without limits and without accounting");
  }
  (void)choose_apparmor_profile(parse_security_options(options.security_options), options.privileged,
                                host.security);
  check_can_be_ended(host, options);
  check_devices(host, options, notify);
  if (!host.cgroup_facts.swap_accounting) do_without_swap_accounting(options);
  if (!has(host, CAP_MKNOD))
    notify("CAP_MKNOD is missing: the container has the host's device nodes and cannot make any");
  if (host.is_plain_user) return tell_plain_user(host, options, notify);
  const bool asked = std::ranges::any_of(
      options.limits, [](const oci::Rlimit& limit) { return limit.resource == RLIMIT_NOFILE; });
  if (!asked && host.open_files < default_open_files_at_most)
    notify(format("{}: the container may open {} files at most",
                  has(host, CAP_SYS_RESOURCE) ? "in a user namespace no limit can be raised"
                                              : "CAP_SYS_RESOURCE is missing",
                  host.open_files));
}

}  // namespace tare::engine
