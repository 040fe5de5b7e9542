#include "engine/container_config.h"

#include <algorithm>
#include <sys/mount.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/devices.h"
#include "engine/capabilities.h"
#include "engine/seccomp_profile.h"
#include "engine/security_options.h"
#include "oci/id_mapping.h"
#include "runtime/call_numbers.h"
#include "runtime/mount_options.h"

namespace tare::engine {
namespace {

constexpr std::string_view default_path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct StandardMount {
  const char *destination, *type, *source;
  std::vector<std::string> options;
};

std::vector<StandardMount> standard_mounts() {
  return {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts",
       "devpts",
       "devpts",
       {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777"}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
      {"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}},
  };
}

struct StandardDevice {
  const char* path;
  std::uint32_t major, minor;
};
constexpr StandardDevice standard_devices[] = {{"/dev/null", 1, 3},    {"/dev/zero", 1, 5},
                                               {"/dev/full", 1, 7},    {"/dev/random", 1, 8},
                                               {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};

// What tells about, or reaches, the whole machine.
constexpr const char* masked[] = {"/proc/asound",     "/proc/acpi",        "/proc/interrupts",
                                  "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
                                  "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                                  "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap"};
constexpr const char* read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                     "/proc/sysrq-trigger"};

std::ptrdiff_t depth(const ContainerPath& path) { return std::ranges::count(path.value, '/'); }

bool is_asked_for(const RunOptions& options, const std::string& path) {
  const auto is_there = [&](const auto& mount) { return mount.destination.value == path; };
  return std::ranges::any_of(options.tmpfs, is_there) || std::ranges::any_of(options.binds, is_there);
}

bool is_inside_a_bind(const RunOptions& options, const std::string& path) {
  return std::ranges::any_of(
      options.binds, [&](const Bind& bind) { return path.starts_with(bind.destination.value + "/"); });
}

// As docker has it: of a privileged container the kernel's own file systems can be written to.
bool becomes_writable(const RunOptions& options, const oci::Mount& mount) {
  return options.privileged && (mount.type == "cgroup" || (mount.type == "sysfs" && !options.read_only));
}

// It goes with the IPC namespace.
void choose_shared_memory(std::vector<oci::Mount>& mounts, const RunOptions& options,
                          const Borrowed& borrowed) {
  using Mode = NamespaceChoice::Mode;
  const auto shm = std::ranges::find(mounts, ContainerPath("/dev/shm"), &oci::Mount::destination);
  if (shm == mounts.end()) return;
  if (options.ipc.mode == Mode::none) {
    mounts.erase(shm);
  } else if (options.ipc.mode == Mode::host || !borrowed.shm_owner.empty()) {
    shm->type = "bind";
    shm->source = "/dev/shm";
    shm->options = {"bind", "nosuid", "noexec", "nodev"};
    shm->mount_namespace = borrowed.shm_owner;
  } else {
    const Bytes size = options.shm_size.value_or(default_shm_size);
    shm->options.push_back(size % 1024 == 0 ? format("size={}k", size / 1024) : format("size={}", size));
  }
}

// Whether the host's mount is one that can be shared is not looked at yet, and without that a volume could be
// less than was asked for.
void check_propagation(const std::vector<std::string>& options) {
  for (const auto& option : options)
    if (const auto flags = runtime::propagation_of(option); flags & (MS_SHARED | MS_SLAVE | MS_UNBINDABLE))
      throw Error(ErrorKind::unsupported, format("the mount propagation {} is not supported", option), 0,
                  "mounts are private to the container");
}

// With all that is mounted below it: a tree that can be written in places is not read-only.
void make_recursive(std::vector<std::string>& options) {
  constexpr std::string_view with_all_below[] = {"ro", "nosuid", "nodev", "noexec"};
  if (options.empty() || options[0] != "rbind") return;
  for (auto& option : options)
    if (std::ranges::find(with_all_below, option) != std::end(with_all_below)) option.insert(0, "r");
}

// A mount of the user's takes the place of a given one at the same path, and outer paths come before inner
// ones. As docker has it, standard mounts inside a directory that the user binds are left out.
std::vector<oci::Mount> make_mounts(const RunOptions& options, const ContainerFacts& facts, bool no_devices) {
  const HostPath& directory =
      facts.borrowed.etc_directory.value.empty() ? facts.directory : facts.borrowed.etc_directory;
  std::vector<oci::Mount> mounts;
  const auto is_left_out = [&](const std::string& path) {
    return is_asked_for(options, path) || is_inside_a_bind(options, path);
  };
  for (auto& standard : standard_mounts())
    if (!is_left_out(standard.destination))
      mounts.push_back({.destination = ContainerPath(standard.destination),
                        .type = standard.type,
                        .source = standard.source,
                        .options = std::move(standard.options)});
  choose_shared_memory(mounts, options, facts.borrowed);
  if (!sys::contains(facts.gids, tty_group))
    for (auto& mount : mounts) std::erase(mount.options, "gid=5");
  for (auto& mount : mounts)
    if (becomes_writable(options, mount)) std::erase(mount.options, "ro");
  for (const char* name : {"resolv.conf", "hostname", "hosts"})
    if (const std::string path = format("/etc/{}", name); !is_asked_for(options, path))
      mounts.push_back({.destination = ContainerPath(path),
                        .type = "bind",
                        .source = (directory / name).value,
                        .options = options.read_only ? std::vector<std::string>{"bind", "ro"}
                                                     : std::vector<std::string>{"bind"},
                        .ids_are_ours = true});
  for (const auto& tmpfs : options.tmpfs) {
    check_propagation(tmpfs.options);
    mounts.push_back(
        {.destination = tmpfs.destination, .type = "tmpfs", .source = "tmpfs", .options = tmpfs.options});
  }
  for (const auto& bind : options.binds) {
    mounts.push_back({.destination = bind.destination,
                      .type = "bind",
                      .source = bind.source,
                      .options = bind.options,
                      .ids_are_ours = bind.is_volume});
    check_propagation(mounts.back().options);
    make_recursive(mounts.back().options);
    // A volume may have been filled from the root file system: its device nodes are worth what those are.
    std::vector<std::string>& mount_options = mounts.back().options;
    if (bind.is_volume && no_devices) mount_options.insert(mount_options.begin() + 1, "nodev");
  }
  std::ranges::stable_sort(mounts, {}, [](const oci::Mount& mount) { return depth(mount.destination); });
  return mounts;
}

bool names_variable(const std::string& variable, std::string_view name) {
  return variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=';
}

std::vector<std::string> make_environment(const RunOptions& options, const ContainerFacts& facts) {
  std::vector<std::string> environment{std::string(default_path), "HOSTNAME=" + hostname_of(options, facts)};
  if (options.terminal) environment.emplace_back("TERM=xterm");
  environment.push_back("HOME=" + facts.identity.home);
  for (const auto& variable : options.environment) {
    const std::string_view name = std::string_view(variable).substr(0, variable.find('='));
    const auto same =
        std::ranges::find_if(environment, [&](const auto& other) { return names_variable(other, name); });
    if (same != environment.end())
      *same = variable;
    else
      environment.push_back(variable);
  }
  return environment;
}

std::vector<std::string> make_arguments(const RunOptions& options) {
  std::vector<std::string> arguments;
  if (options.entrypoint) arguments = *options.entrypoint;
  arguments.insert(arguments.end(), options.command.begin(), options.command.end());
  if (arguments.empty())
    arguments.emplace_back("/bin/sh");  // a bare root file system says nothing of its own
  return arguments;
}

// In a user namespace of its own a process can have every one.
std::uint64_t available_capabilities(const RunOptions& options, const ContainerFacts& facts) {
  return options.uid_mappings.empty() ? facts.capabilities : ~std::uint64_t{0};
}

// A user namespace need not have every group that the container's files put the user into; those that were
// asked for by --group-add stay, and the plan refuses them.
void keep_mapped_groups(oci::RuntimeConfig& config, const ContainerFacts& facts) {
  const std::vector<std::uint32_t>& asked = facts.identity.asked_groups;
  std::erase_if(config.process.user.additional_gids, [&](std::uint32_t gid) {
    const bool is_there = config.gid_mappings.empty() ? sys::contains(facts.gids, gid)
                                                      : oci::host_id(config.gid_mappings, gid).has_value();
    return (!is_there || facts.groups_are_fixed) && std::ranges::find(asked, gid) == asked.end();
  });
}

void check_user(const oci::RuntimeConfig& config, const ContainerFacts& facts) {
  if (!config.uid_mappings.empty()) return;  // whose own ids are checked by the plan
  const oci::User& user = config.process.user;
  if (sys::contains(facts.uids, user.uid) && sys::contains(facts.gids, user.gid)) return;
  throw Error(ErrorKind::invalid,
              format("--user: there is no {}:{} in this user namespace", user.uid, user.gid), 0,
              "/proc/self/uid_map says which users there are; /etc/subuid and /etc/subgid can give more");
}

// Those that are given anyway stay as they are.
void add_host_devices(oci::RuntimeConfig& config, const std::vector<oci::DeviceNode>& host_devices) {
  for (const auto& node : host_devices)
    if (std::ranges::find(config.devices, node.path, &oci::DeviceNode::path) == config.devices.end())
      config.devices.push_back(node);
}

// Those take the place of others.
void give_devices(oci::RuntimeConfig& config, const std::vector<oci::DeviceNode>& nodes) {
  for (const auto& node : nodes) {
    std::erase_if(config.devices, [&](const oci::DeviceNode& other) { return other.path == node.path; });
    config.devices.push_back(node);
  }
}

std::vector<oci::DeviceRule> make_device_rules(const RunOptions& options, const FoundDevices& devices) {
  std::vector<oci::DeviceRule> rules = cgroup::default_device_rules();
  rules.insert(rules.end(), devices.rules.begin(), devices.rules.end());
  rules.insert(rules.end(), options.device_rules.begin(), options.device_rules.end());
  return rules;
}

std::vector<oci::Rlimit> make_limits(const RunOptions& options, const ContainerFacts& facts) {
  std::vector<oci::Rlimit> limits;
  const std::uint64_t hard = std::min(default_open_files_at_most, facts.open_files);
  limits.push_back({.resource = RLIMIT_NOFILE, .soft = std::min(default_open_files, hard), .hard = hard});
  for (const auto& limit : options.limits) {
    std::erase_if(limits, [&](const oci::Rlimit& other) { return other.resource == limit.resource; });
    limits.push_back(limit);
  }
  return limits;
}

// As docker has it, a profile that is asked for holds for a privileged container, too.
void choose_seccomp(oci::RuntimeConfig& config, const RunOptions& options, const SecurityOptions& security,
                    const ContainerFacts& facts) {
  config.default_seccomp = security.seccomp.empty() && !options.privileged;
  if (!names_profile(security)) return;
  Step step("read the seccomp profile", security.seccomp);
  config.seccomp =
      parse_profile(options.seccomp_profile, {.capabilities = config.process.capabilities.bounding,
                                              .architecture = std::string(runtime::architecture_name()),
                                              .kernel = facts.kernel});
}

}  // namespace

std::string hostname_of(const RunOptions& options, const ContainerFacts& facts) {
  if (!options.hostname.empty()) return options.hostname;
  if (!facts.borrowed.hostname.empty()) return facts.borrowed.hostname;
  const bool is_hosts = options.network == Network::host || options.uts.mode == NamespaceChoice::Mode::host;
  return is_hosts ? facts.host_name : facts.id.brief();
}

std::string cgroup_path(const RunOptions& options, const ContainerId& id) {
  std::string parent = options.cgroup_parent;
  while (parent.ends_with('/')) parent.pop_back();
  if (!parent.empty() && !parent.starts_with('/')) parent.insert(0, "/");
  return parent + "/tare-" + id.value;
}

std::vector<EtcFile> make_etc_files(const RunOptions& options, const std::string& hostname,
                                    const std::string& host_hosts, const std::string& host_resolv_conf) {
  const std::string own_hosts = format(
      "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost "
      "ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n"
      "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n127.0.1.1\t{}{}\n",
      options.domainname.empty() ? "" : format("{}.{} ", hostname, options.domainname), hostname);
  return {{"hosts", options.network == Network::host ? host_hosts : own_hosts},
          {"hostname", hostname + "\n"},
          {"resolv.conf", host_resolv_conf}};
}

oci::RuntimeConfig make_config(const RunOptions& options, const ContainerFacts& facts) {
  oci::RuntimeConfig config;
  config.root = facts.root;
  config.root.read_only = options.read_only;
  config.root.is_volatile = options.remove && !config.root.lower.empty();
  config.hostname = hostname_of(options, facts);
  config.domainname = options.domainname;
  config.namespaces = choose_namespaces(options, facts.borrowed);
  config.sysctl = options.sysctl;
  config.uid_mappings = options.uid_mappings;
  config.gid_mappings = options.gid_mappings;
  config.cgroups_path = facts.scope ? facts.scope->cgroup + "/container" : cgroup_path(options, facts.id);
  config.resources = options.resources;
  const bool devices_are_filtered = facts.device_filter != cgroup::DeviceFilter::none;
  if (devices_are_filtered && !options.privileged)
    config.resources.devices = make_device_rules(options, facts.devices);
  config.root.no_devices = !devices_are_filtered && !options.privileged;
  config.mounts = make_mounts(options, facts, config.root.no_devices);
  for (const StandardDevice& device : standard_devices)
    config.devices.push_back(
        {.path = ContainerPath(device.path), .major = device.major, .minor = device.minor});
  add_host_devices(config, facts.host_devices);
  give_devices(config, facts.devices.nodes);
  const SecurityOptions security = parse_security_options(options.security_options);
  if (!options.privileged && !security.system_paths_unconfined) {
    config.masked_paths.assign(std::begin(masked), std::end(masked));
    config.readonly_paths.assign(std::begin(read_only), std::end(read_only));
  }

  config.process.terminal = options.terminal;
  config.process.null_input = !options.interactive;
  config.process.rows = facts.terminal.rows;
  config.process.columns = facts.terminal.columns;
  config.process.user = facts.identity.user;
  keep_mapped_groups(config, facts);
  check_user(config, facts);
  config.process.args = make_arguments(options);
  config.process.env = make_environment(options, facts);
  config.process.cwd =
      options.working_directory.value.empty() ? ContainerPath("/") : options.working_directory;
  config.process.capabilities = make_capabilities(
      choose_capabilities(options, devices_are_filtered, available_capabilities(options, facts)),
      facts.identity.user.uid);
  config.process.apparmor_profile = choose_apparmor_profile(security, options.privileged, facts.security);
  const SelinuxLabels labels = make_selinux_labels(security, options.privileged, facts.security);
  config.process.selinux_label = labels.process;
  config.mount_label = labels.mount;
  config.process.no_new_privileges = security.no_new_privileges;
  choose_seccomp(config, options, security, facts);
  config.process.rlimits = make_limits(options, facts);
  config.process.oom_score_adj = options.oom_score_adj;
  config.process.is_supervised = options.init;
  return config;
}

}  // namespace tare::engine
