#include "runtime/check_config.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/format.h"
#include "base/json_node.h"
#include "cgroup/limits.h"
#include "oci/id_mapping.h"
#include "runtime/kernel_parameters.h"
#include "runtime/make_plan.h"
#include "runtime/plan_mounts.h"
#include "runtime/system_paths.h"

namespace tare::runtime {
namespace {

// What other runtimes let lie over files of /proc (lxcfs and the like do); anything else could fake what is
// checked there.
constexpr std::array<std::string_view, 10> mountable_in_proc = {"/proc/cpuinfo",
                                                                "/proc/diskstats",
                                                                "/proc/meminfo",
                                                                "/proc/stat",
                                                                "/proc/swaps",
                                                                "/proc/uptime",
                                                                "/proc/loadavg",
                                                                "/proc/slabinfo",
                                                                "/proc/sys/kernel/ns_last_pid",
                                                                "/proc/sys/crypto/fips_enabled"};

/// What a check says about a field, with the field.
template <typename Check>
void at(const std::string& pointer, Check check) {
  try {
    check();
  } catch (const Error& error) {
    throw Error(error.kind(), format("{}: {}", pointer, error.text()), error.error_number(), error.hint());
  }
}

void check_mount(const std::string& pointer, oci::Mount mount) {
  const auto& options = mount.options;
  const auto has = [&](std::string_view option) {
    return std::ranges::find(options, option) != options.end();
  };
  if (has("bind") || has("rbind")) mount.type = "bind";
  if (mount.type.empty() && !has("remount"))
    throw Error(ErrorKind::invalid,
                pointer + "/type: a mount that is no bind needs the type of its file system");
  if (mount.destination.value.starts_with('/'))  // another one is completed
    at(pointer + "/destination", [&] { check_destination(mount); });
  for (std::size_t i = 0; i < options.size(); i++)
    at(format("{}/options/{}", pointer, i), [&] {
      const MountOptions parsed = parse_mount_options({options[i]});
      if (mount.type == "bind") check_bind_options(parsed);
    });
}

void check_ids(const oci::RuntimeConfig& config) {
  at("/linux/uidMappings", [&] { oci::check_mappings(config.uid_mappings, "uid"); });
  at("/linux/gidMappings", [&] { oci::check_mappings(config.gid_mappings, "gid"); });
  const auto check_mapped = [](const std::string& field, const auto& mappings, std::uint32_t id) {
    if (!oci::host_id(mappings, id))
      throw Error(ErrorKind::invalid,
                  format("/process/user/{}: {} is in no mapping of the container", field, id));
  };
  const oci::User& user = config.process.user;
  check_mapped("uid", config.uid_mappings, user.uid);
  check_mapped("gid", config.gid_mappings, user.gid);
  for (std::size_t i = 0; i < user.additional_gids.size(); i++)
    check_mapped(format("additionalGids/{}", i), config.gid_mappings, user.additional_gids[i]);
}

}  // namespace

void check_destination(const oci::Mount& mount) {
  const std::string& path = mount.destination.value;
  if (path.empty() || path[0] != '/')
    throw Error(ErrorKind::invalid, format("the mount destination \"{}\" is not an absolute path", path));
  if (path.find_first_not_of('/') == std::string::npos)
    throw Error(ErrorKind::invalid, "nothing can be mounted over the root /");
  const bool is_proc = mount.type == "proc" || (mount.type == "bind" && mount.source == "/proc");
  if (!is_below(path, "/proc") || (path == "/proc" && is_proc)) return;
  if (std::ranges::find(mountable_in_proc, path) == mountable_in_proc.end())
    throw Error(ErrorKind::invalid, format("{} cannot be mounted over: it is part of /proc", path));
}

void check_device_path(const ContainerPath& path) {
  const std::string& text = path.value;
  if (is_below(text, "/proc") || is_below(text, "/sys"))
    throw Error(ErrorKind::invalid, format("the device {} cannot be in /proc or /sys", text));
  if (!text.starts_with('/') || text.ends_with('/'))
    throw Error(ErrorKind::invalid, format("there can be no device node at \"{}\"", text), 0,
                "it takes an absolute path");
}

void check_bind_options(const MountOptions& options) {
  if (!options.filesystem.empty())
    throw Error(ErrorKind::invalid,
                format("unknown option \"{}\" for a bind mount", options.filesystem[0].substr(1)));
}

void check_config(const oci::RuntimeConfig& config) {
  at("/process/args/0", [&] { (void)command_candidates(config.process.args, config.process.env); });
  for (std::size_t i = 0; i < config.mounts.size(); i++)
    check_mount(format("/mounts/{}", i), config.mounts[i]);
  for (std::size_t i = 0; i < config.devices.size(); i++)
    at(format("/linux/devices/{}/path", i), [&] { check_device_path(config.devices[i].path); });
  if (is_new(config, oci::NamespaceKind::user)) check_ids(config);
  for (const auto& parameter : config.sysctl)
    at("/linux/sysctl/" + json::pointer_part(parameter.name), [&] { check_parameter(config, parameter); });
  at("/linux/resources/memory/swap", [&] { cgroup::check_memory(config.resources); });
}

}  // namespace tare::runtime
