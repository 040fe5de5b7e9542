// Device nodes: made where that is possible, the host's own shown where it is not.
#include <linux/capability.h>
#include <map>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "base/format.h"
#include "runtime/check_config.h"
#include "runtime/plan_mounts.h"
#include "runtime/system_paths.h"

namespace tare::runtime {
namespace {

using plan::Kind;

// Devices work on a read-only mount, but the host's node itself cannot be changed through it.
void plan_node_of_host(plan::Program& program, const oci::DeviceNode& node) {
  const std::string& path = node.path.value;
  if (node.source.empty() && !path.starts_with("/dev/"))
    throw Error(ErrorKind::unsupported, format("the device {} is not below /dev", path));
  const std::int32_t slot = program.new_slot();
  program.inputs.push_back({.what = plan::Input::What::bind,
                            .slot = slot,
                            .path = node.source.empty() ? path : node.source,
                            .file_type = node.type == 'b' ? std::uint32_t{S_IFBLK} : std::uint32_t{S_IFCHR},
                            .propagation = {MS_REC | MS_PRIVATE}});
  program.add({.kind = Kind::set_attributes, .slot = slot, .a = MOUNT_ATTR_RDONLY});
  const std::uint32_t links = is_system_path(node.path) ? plan::no_symlinks : 0;
  program.add({.kind = Kind::attach, .flags = links | plan::create_target, .slot = slot, .path = path});
}

// `directories` are those of /dev that are open already.
void plan_node(plan::Program& program, const oci::DeviceNode& node,
               std::map<std::string, std::int32_t>& directories) {
  const auto slash = node.path.value.find_last_of('/');
  const std::string parent = node.path.value.substr(0, slash);
  const auto [directory, is_new] = directories.try_emplace(parent, plan::no_slot);
  if (is_new) {
    directory->second = program.new_slot();
    program.add({.kind = Kind::make_directory,
                 .flags = is_system_path(node.path) ? plan::no_symlinks : 0,
                 .into = directory->second,
                 .a = 0755,
                 .path = parent.empty() ? "/" : parent});
  }
  const std::uint64_t type = node.type == 'b' ? S_IFBLK : node.type == 'p' ? S_IFIFO : S_IFCHR;
  program.add({.kind = Kind::make_node,
               .slot = directory->second,
               .a = type | node.mode | std::uint64_t{node.uid} << 32,
               .b = makedev(node.major, node.minor) | std::uint64_t{node.gid} << 32,
               .text = node.path.value.substr(slash + 1)});
}

}  // namespace

void plan_devices(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts,
                  std::int32_t dev) {
  std::map<std::string, std::int32_t> directories = {{"/dev", dev}};
  const bool may_make = dev != plan::no_slot && (facts.capabilities >> CAP_MKNOD & 1) &&
                        !has_user_namespace(config) && !facts.in_user_namespace;
  for (const auto& node : config.devices) {
    // In a /dev of the user's only what was asked for by name: the host's node is then known.
    if (dev == plan::no_slot && node.source.empty() && node.path.value.starts_with("/dev/")) continue;
    // With --privileged docker lists the host's, but it is a link into the container's own devpts: as runc
    // has it.
    if (dev != plan::no_slot && node.path.value == "/dev/ptmx") continue;
    const std::string& path = node.path.value;
    check_device_path(node.path);
    if (node.type == 'p' || (may_make && (path.starts_with("/dev/") || node.source.empty())))
      plan_node(program, node, directories);
    else
      plan_node_of_host(program, node);
  }
  if (dev == plan::no_slot) return;
  constexpr struct {
    const char *name, *target;
  } links[] = {{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
               {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},         {"core", "/proc/kcore"}};
  for (const auto& link : links)
    program.add({.kind = Kind::make_symlink, .slot = dev, .path = link.name, .text = link.target});
}

}  // namespace tare::runtime
