#include "runtime/bundle.h"

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/devices.h"
#include "cgroup/text.h"
#include "runtime/check_config.h"
#include "runtime/config_json.h"
#include "sys/file.h"
#include "sys/path_in_root.h"

namespace tare::runtime {
namespace {

struct Device {
  const char* path;
  std::uint32_t major, minor;
};
constexpr Device default_devices[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
                                      {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};

// The specification's word is that a mount is a bind if an option says so; the type is then anything.
void complete_mount(oci::Mount& mount, const HostPath& bundle) {
  const auto has = [&](std::string_view option) {
    return std::ranges::find(mount.options, option) != mount.options.end();
  };
  if (has("bind") || has("rbind")) mount.type = "bind";
  if (mount.type == "bind" && !mount.source.starts_with('/')) mount.source = (bundle / mount.source).value;
  // Deprecated, but callers write it.
  if (!mount.destination.value.starts_with('/')) mount.destination.value.insert(0, "/");
}

void add_default_devices(oci::RuntimeConfig& config) {
  std::vector<oci::DeviceNode> devices;
  for (const Device& device : default_devices)
    if (std::ranges::none_of(config.devices, [&](const auto& own) { return own.path.value == device.path; }))
      devices.push_back({.path = ContainerPath(device.path), .major = device.major, .minor = device.minor});
  config.devices.insert(config.devices.begin(), devices.begin(), devices.end());
  // Everything is denied to begin with; the config's rules come next, and what every container may last.
  auto rules = cgroup::default_device_rules();
  rules.insert(rules.begin() + 1, config.resources.devices.begin(), config.resources.devices.end());
  config.resources.devices = std::move(rules);
}

}  // namespace

std::string cgroup_path(const std::string& cgroups_path, const std::string& id) {
  // One level: a parent of our own would be made and removed with each container that is alone.
  const std::string wanted = cgroups_path.empty() ? "tare-runtime-" + id : cgroups_path;
  std::string path;
  for (std::string_view rest = wanted; !rest.empty();) {
    const std::size_t slash = rest.find('/');
    const std::string_view name = rest.substr(0, slash);
    rest.remove_prefix(slash == rest.npos ? rest.size() : slash + 1);
    if (name == "..")
      throw Error(ErrorKind::invalid, format("/linux/cgroupsPath: \"{}\" has .. in it", cgroups_path));
    if (!name.empty() && name != ".") path.append("/").append(name);
  }
  if (path.empty())
    throw Error(ErrorKind::invalid, "/linux/cgroupsPath: the root cgroup is not a container's");
  return path;
}

void complete_config(oci::RuntimeConfig& config, const HostPath& bundle, const std::string& id) {
  if (!config.root.path.value.starts_with('/')) config.root.path = bundle / config.root.path.value;
  const auto root = sys::try_status(sys::here, config.root.path.value, AT_SYMLINK_NOFOLLOW);
  if (!root || !S_ISDIR(root->st_mode))
    throw Error(ErrorKind::invalid, format("/root/path: {}{}", config.root.path.value,
                                           root ? " is not a directory" : ": no such file or directory"));
  config.root.path = sys::canonical(config.root.path);
  config.root.ids_are_mapped = true;  // a bundle's files are owned by the ids that its user namespace maps
  for (auto& mount : config.mounts) complete_mount(mount, bundle);
  add_default_devices(config);
  config.cgroups_path = cgroup_path(config.cgroups_path, id);
}

void add_home(oci::Process& process, const HostPath& root) {
  for (auto& variable : process.env)
    if (variable.starts_with("HOME=") && variable.size() > 5) return;
  std::erase(process.env, "HOME=");
  std::string home = "/";
  const auto directory = sys::open_at(sys::here, root.value, O_PATH | O_DIRECTORY);
  if (const auto file = sys::try_open_regular_in_root(directory, ContainerPath("/etc/passwd"))) {
    const std::string users = sys::read_all(file);
    for (std::string_view rest = users; !rest.empty();) {
      std::string_view line = cgroup::next_word(rest, '\n');
      std::string_view fields[6];
      for (auto& field : fields) field = cgroup::next_word(line, ':');
      if (fields[2] != std::to_string(process.user.uid) || fields[5].empty()) continue;
      home = fields[5];
      break;
    }
  }
  process.env.push_back("HOME=" + home);
}

Bundle read_bundle(const HostPath& directory, const std::string& id, const std::string& config_file,
                   CgroupDriver driver) {
  Bundle bundle;
  bundle.path = sys::canonical(directory.empty() ? HostPath(".") : directory);
  const std::string path = config_file.empty() ? (bundle.path / "config.json").value : config_file;
  auto text = sys::try_read_file(sys::here, path);
  if (!text && errno == ENOENT)
    throw Error(ErrorKind::invalid, format("there is no {}: no such file or directory", path), 0,
                "`tare-runtime spec` makes one");
  if (!text) throw system_error(format("cannot read {}", path));
  bundle.config_text = std::move(*text);
  Step step("config.json");
  bundle.config = parse_config(bundle.config_text);
  if (bundle.config.process.args.empty()) throw Error(ErrorKind::invalid, "/process: it is missing");
  check_config(bundle.config);
  if (driver == CgroupDriver::systemd) {
    bundle.unit = unit_for(bundle.config.cgroups_path, id);
    bundle.config.cgroups_path = bundle.unit->cgroup;
  }
  bundle.asks_for_cgroup = !bundle.config.cgroups_path.empty();
  complete_config(bundle.config, bundle.path, id);
  add_home(bundle.config.process, bundle.config.root.path);
  return bundle;
}

}  // namespace tare::runtime
