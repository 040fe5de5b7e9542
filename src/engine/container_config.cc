#include "engine/container_config.h"

#include <algorithm>
#include <linux/capability.h>
#include <sys/resource.h>

#include "base/format.h"
#include "cgroup/devices.h"

namespace tare::engine {
namespace {

using oci::NamespaceKind;

constexpr std::string_view default_path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// What docker gives a container that asks for nothing.
constexpr int default_capabilities[] = {
    CAP_CHOWN,   CAP_DAC_OVERRIDE,     CAP_FOWNER,  CAP_FSETID,     CAP_KILL,  CAP_SETGID,      CAP_SETUID,
    CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SYS_CHROOT, CAP_MKNOD, CAP_AUDIT_WRITE, CAP_SETFCAP};

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
      {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
      {"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}},
  };
}

struct Device {
  const char* path;
  std::uint32_t major, minor;
};
constexpr Device standard_devices[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
                                       {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};

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

// A mount of the user's takes the place of a given one at the same path, and outer paths come before inner
// ones. As docker has it, standard mounts inside a directory that the user binds are left out.
std::vector<oci::Mount> make_mounts(const RunOptions& options, const HostPath& directory) {
  std::vector<oci::Mount> mounts;
  for (auto& standard : standard_mounts())
    if (!is_asked_for(options, standard.destination) && !is_inside_a_bind(options, standard.destination))
      mounts.push_back({.destination = ContainerPath(standard.destination),
                        .type = standard.type,
                        .source = standard.source,
                        .options = std::move(standard.options)});
  for (const char* name : {"resolv.conf", "hostname", "hosts"})
    if (const std::string path = format("/etc/{}", name); !is_asked_for(options, path))
      mounts.push_back({.destination = ContainerPath(path),
                        .type = "bind",
                        .source = (directory / name).value,
                        .options = options.read_only ? std::vector<std::string>{"bind", "ro"}
                                                     : std::vector<std::string>{"bind"}});
  for (const auto& tmpfs : options.tmpfs)
    mounts.push_back(
        {.destination = tmpfs.destination, .type = "tmpfs", .source = "tmpfs", .options = tmpfs.options});
  for (const auto& bind : options.binds)
    mounts.push_back(
        {.destination = bind.destination, .type = "bind", .source = bind.source, .options = bind.options});
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
  if (options.entrypoint && !options.entrypoint->empty()) arguments.push_back(*options.entrypoint);
  arguments.insert(arguments.end(), options.command.begin(), options.command.end());
  if (arguments.empty())
    arguments.emplace_back("/bin/sh");  // a bare root file system says nothing of its own
  return arguments;
}

// Where the use of devices cannot be limited, a container must not be able to make their nodes.
oci::Capabilities make_capabilities(bool devices_are_filtered, std::uint32_t uid) {
  std::uint64_t set = 0;
  for (const int capability : default_capabilities)
    if (capability != CAP_MKNOD || devices_are_filtered) set |= std::uint64_t{1} << capability;
  // Nothing inheritable, nothing ambient (CVE-2022-24769). Another user than root has lost all after the exec
  // (capabilities(7)); kept until then, CAP_DAC_OVERRIDE would run what that user may not.
  const std::uint64_t own = uid == 0 ? set : 0;
  return {.bounding = set, .effective = own, .permitted = own, .inheritable = 0, .ambient = 0};
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

}  // namespace

std::string hostname_of(const RunOptions& options, const ContainerFacts& facts) {
  if (!options.hostname.empty()) return options.hostname;
  return options.network == Network::host ? facts.host_name : facts.id.brief();
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
      "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n127.0.1.1\t{}\n",
      hostname);
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
  config.namespaces = {NamespaceKind::pid, NamespaceKind::mount, NamespaceKind::ipc, NamespaceKind::uts,
                       NamespaceKind::cgroup};
  if (options.network == Network::none) config.namespaces.push_back(NamespaceKind::network);
  config.cgroups_path = cgroup_path(options, facts.id);
  config.resources = options.resources;
  const bool devices_are_filtered = facts.device_filter != cgroup::DeviceFilter::none;
  if (devices_are_filtered) config.resources.devices = cgroup::default_device_rules();
  config.root.no_devices = !devices_are_filtered;
  config.mounts = make_mounts(options, facts.directory);
  for (const Device& device : standard_devices)
    config.devices.push_back(
        {.path = ContainerPath(device.path), .major = device.major, .minor = device.minor});
  config.masked_paths.assign(std::begin(masked), std::end(masked));
  config.readonly_paths.assign(std::begin(read_only), std::end(read_only));

  config.process.terminal = options.terminal;
  config.process.null_input = !options.interactive;
  config.process.rows = facts.terminal.rows;
  config.process.columns = facts.terminal.columns;
  config.process.user = facts.identity.user;
  config.process.args = make_arguments(options);
  config.process.env = make_environment(options, facts);
  config.process.cwd = options.working_directory;
  config.process.capabilities = make_capabilities(devices_are_filtered, facts.identity.user.uid);
  config.process.rlimits = make_limits(options, facts);
  return config;
}

}  // namespace tare::engine
