#include "runtime/plan_mounts.h"

#include <algorithm>
#include <array>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "base/format.h"
#include "runtime/mount_options.h"

namespace tare::runtime {
namespace {

using plan::Entry;
using plan::Kind;

bool is_below(std::string_view path, std::string_view top) {
  return path == top || (path.starts_with(top) && path.size() > top.size() && path[top.size()] == '/');
}

// What the kernel and the runtime rely on must be where it says: no symlink of a hostile root may lead them
// elsewhere (CVE-2019-19921, CVE-2023-27561, CVE-2026-41579).
bool is_system_path(const ContainerPath& path) {
  return is_below(path.value, "/proc") || is_below(path.value, "/sys") || is_below(path.value, "/dev");
}

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

void check_destination(const oci::Mount& mount) {
  const std::string& path = mount.destination.value;
  if (path.empty() || path[0] != '/')
    throw Error(ErrorKind::invalid, format("the mount destination \"{}\" is not an absolute path", path));
  if (path.find_first_not_of('/') == std::string::npos)
    throw Error(ErrorKind::invalid, "nothing can be mounted over the root /");
  if (!is_below(path, "/proc") || (path == "/proc" && mount.type == "proc")) return;
  if (std::ranges::find(mountable_in_proc, path) == mountable_in_proc.end())
    throw Error(ErrorKind::invalid, format("{} cannot be mounted over: it is part of /proc", path));
}

// fsconfig(2) takes strings of at most 255 bytes, overlayfs reads `:`, `,` and `\\` as its own punctuation,
// and
// \x01 marks descriptors in a plan.
bool can_be_named(std::string_view path) {
  return path.size() < 256 && path.find_first_of(":,\\\x01") == path.npos;
}

// Layers by name where that is possible (mountinfo then says where they are), by descriptor where it is not.
void plan_overlay(plan::Program& program, const oci::Root& root, std::int32_t slot) {
  std::size_t total = 0;
  for (const auto& layer : root.lower) total += layer.value.size() + 1;
  const auto name = [&](const HostPath& path, bool force_descriptor) {
    if (!force_descriptor && can_be_named(path.value)) return path.value;
    const std::int32_t directory = program.new_slot();
    program.inputs.push_back({.what = plan::Input::What::directory, .slot = directory, .path = path.value});
    program.add({.kind = Kind::reopen_directory, .slot = directory, .path = path.value});
    return plan::descriptor_path(directory);
  };
  std::string lower;
  for (const auto& layer : root.lower) lower += (lower.empty() ? "" : ":") + name(layer, total > 256);
  Entry overlay{.kind = Kind::new_filesystem, .into = slot, .text = "overlay"};
  overlay.list = {filesystem_option("source", "overlay"), filesystem_option("lowerdir", lower),
                  filesystem_option("upperdir", name(root.upper, false)),
                  filesystem_option("workdir", name(root.work, false))};
  if (root.is_volatile) overlay.list.emplace_back("!volatile");
  program.add(std::move(overlay));
}

void plan_cgroup_mounts(plan::Program& program, const oci::Mount& mount, const cgroup::Layout& layout,
                        std::uint64_t attributes) {
  const auto add = [&](std::string type, std::vector<std::string> list, std::uint64_t attr,
                       const std::string& path, std::uint32_t flags) {
    const std::int32_t slot = program.new_slot();
    program.add({.kind = Kind::new_filesystem,
                 .into = slot,
                 .a = attr,
                 .text = std::move(type),
                 .list = std::move(list)});
    program.add({.kind = Kind::attach, .flags = flags | plan::no_symlinks, .slot = slot, .path = path});
    return slot;
  };
  const std::string& top = mount.destination.value;
  if (layout.mode() == cgroup::Mode::v2) {
    add("cgroup2", {}, attributes, top, 0);
    return;
  }
  const std::int32_t holder =
      add("tmpfs", {filesystem_option("mode", "755"), filesystem_option("size", "64k")},
          attributes & ~std::uint64_t{MOUNT_ATTR_RDONLY}, top, 0);
  for (const auto& hierarchy : layout.hierarchies) {
    if (!hierarchy.writable) continue;
    const std::string& at = hierarchy.mount.value;
    const std::string path = top + "/" + at.substr(at.find_last_of('/') + 1);
    std::vector<std::string> options;
    if (hierarchy.name.starts_with("name="))
      options.push_back(filesystem_option("name", hierarchy.name.substr(5)));
    else if (!hierarchy.unified)
      for (const auto& controller : hierarchy.controllers) options.push_back("!" + controller);
    add(hierarchy.unified ? "cgroup2" : "cgroup", std::move(options), attributes, path, plan::create_target);
  }
  if (attributes & MOUNT_ATTR_RDONLY)
    program.add({.kind = Kind::set_attributes, .slot = holder, .a = MOUNT_ATTR_RDONLY});
}

}  // namespace

void plan_root(plan::Program& program, const oci::RuntimeConfig& config) {
  program.add({.kind = Kind::set_propagation, .a = MS_REC | MS_PRIVATE, .path = "/"});
  const std::int32_t slot = program.new_slot();
  if (config.root.lower.empty())
    program.add({.kind = Kind::clone_tree, .into = slot, .a = 1, .path = config.root.path.value});
  else
    plan_overlay(program, config.root, slot);
  if (config.root.no_devices)
    program.add(
        {.kind = Kind::set_attributes, .flags = plan::recursive, .slot = slot, .a = MOUNT_ATTR_NODEV});
  program.add({.kind = Kind::attach_root, .slot = slot, .path = config.root.path.value});
}

std::int32_t plan_mounts(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts) {
  std::int32_t dev = plan::no_slot;
  for (const auto& mount : config.mounts) {
    Step step("mount", mount.destination.value);
    check_destination(mount);
    MountOptions options = parse_mount_options(mount.options);
    if (mount.type == "cgroup") {
      if (facts.cgroups.writable()) plan_cgroup_mounts(program, mount, facts.cgroups, options.set);
      continue;
    }
    const std::int32_t slot = program.new_slot();
    if (mount.type == "bind") {
      if (!options.filesystem.empty())
        throw Error(ErrorKind::invalid,
                    format("unknown option \"{}\" for a bind mount", options.filesystem[0].substr(1)));
      program.inputs.push_back({.what = plan::Input::What::bind,
                                .slot = slot,
                                .path = mount.source,
                                .recursive = options.recursive});
      if (options.set | options.clear)
        program.add({.kind = Kind::set_attributes,
                     .flags = options.recursive ? plan::recursive : 0,
                     .slot = slot,
                     .a = options.set,
                     .b = options.clear});
    } else {
      if (!mount.source.empty())
        options.filesystem.insert(options.filesystem.begin(), filesystem_option("source", mount.source));
      program.add({.kind = Kind::new_filesystem,
                   .into = slot,
                   .a = options.set,
                   .text = mount.type,
                   .list = std::move(options.filesystem)});
    }
    const std::uint32_t links = is_system_path(mount.destination) ? plan::no_symlinks : 0;
    program.add({.kind = Kind::attach,
                 .flags = links | plan::create_target,
                 .slot = slot,
                 .path = mount.destination.value});
    if (mount.destination.value == "/dev" && mount.type == "tmpfs") {
      dev = program.new_slot();
      program.add({.kind = Kind::open_directory, .flags = plan::no_symlinks, .into = dev, .path = "/dev"});
    }
  }
  return dev;
}

void plan_devices(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts,
                  std::int32_t dev) {
  if (dev == plan::no_slot) return;
  for (const auto& node : config.devices) {
    if (!is_below(node.path.value, "/dev") || node.path.value.find('/', 5) != std::string::npos)
      throw Error(ErrorKind::unsupported, format("the device {} is not directly in /dev", node.path.value));
    if (!(facts.capabilities >> CAP_MKNOD & 1)) {
      const std::int32_t slot = program.new_slot();
      program.inputs.push_back({.what = plan::Input::What::bind, .slot = slot, .path = node.path.value});
      // Devices work on a read-only mount, but the host's node itself cannot be changed through it.
      program.add({.kind = Kind::set_attributes, .slot = slot, .a = MOUNT_ATTR_RDONLY});
      program.add({.kind = Kind::attach,
                   .flags = plan::no_symlinks | plan::create_target,
                   .slot = slot,
                   .path = node.path.value});
      continue;
    }
    const mode_t type = node.type == 'b' ? S_IFBLK : S_IFCHR;
    program.add({.kind = Kind::make_node,
                 .slot = dev,
                 .a = type | node.mode,
                 .b = makedev(node.major, node.minor),
                 .text = node.path.value.substr(5)});
  }
  constexpr struct {
    const char *name, *target;
  } links[] = {{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
               {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},         {"core", "/proc/kcore"}};
  for (const auto& link : links)
    program.add({.kind = Kind::make_symlink, .slot = dev, .path = link.name, .text = link.target});
}

void plan_protection(plan::Program& program, const oci::RuntimeConfig& config) {
  if (!config.masked_paths.empty()) {
    const std::int32_t empty = program.new_slot(), null_device = program.new_slot();
    program.add({.kind = Kind::new_filesystem,
                 .into = empty,
                 .a = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                 .text = "tmpfs",
                 .list = {filesystem_option("source", "tmpfs"), filesystem_option("mode", "755"),
                          filesystem_option("nr_inodes", "2"), filesystem_option("size", "4k")}});
    program.add(
        {.kind = Kind::open_directory, .flags = plan::no_symlinks, .into = null_device, .path = "/dev/null"});
    for (const auto& path : config.masked_paths)
      program.add(
          {.kind = Kind::mask, .flags = plan::no_symlinks, .slot = empty, .into = null_device, .path = path});
  }
  for (const auto& path : config.readonly_paths)
    program.add({.kind = Kind::protect, .flags = plan::no_symlinks, .path = path});
  if (config.root.read_only)
    program.add({.kind = Kind::set_attributes, .slot = plan::root_slot, .a = MOUNT_ATTR_RDONLY});
}

}  // namespace tare::runtime
