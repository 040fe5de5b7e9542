#include "runtime/plan_mounts.h"

#include <algorithm>
#include <linux/capability.h>
#include <map>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "oci/id_mapping.h"
#include "runtime/check_config.h"
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

// fsconfig(2) takes strings of at most 255 bytes, overlayfs reads `:`, `,` and `\\` as its own punctuation,
// and
// \x01 marks descriptors in a plan.
bool can_be_named(std::string_view path) {
  return path.size() < 256 && path.find_first_of(":,\\\x01") == path.npos;
}

// "/a/b/c" → "/a/b", "c".
std::pair<std::string, std::string> split_last(const HostPath& path) {
  const auto slash = path.value.find_last_of('/');
  return {path.value.substr(0, slash), path.value.substr(slash + 1)};
}

// Layers by name where that is possible (mountinfo then says where they are), by descriptor where it is not.
void plan_overlay(plan::Program& program, const oci::Root& root, std::int32_t slot, bool in_user_namespace) {
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
  // Its own marks, in extended attributes that only the machine's root may write otherwise.
  if (in_user_namespace) overlay.list.emplace_back("!userxattr");
  if (root.is_volatile) overlay.list.emplace_back("!volatile");
  program.add(std::move(overlay));
}

// `shown`: without a cgroup namespace, the container's own cgroup, or it would see everybody's; else empty.
void plan_cgroup_mounts(plan::Program& program, const oci::Mount& mount, const cgroup::Layout& layout,
                        std::uint64_t attributes, const std::string& shown) {
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
  const auto add_shown = [&](const cgroup::Hierarchy& hierarchy, const std::string& path,
                             std::uint32_t flags) {
    const std::int32_t slot = program.new_slot();
    program.inputs.push_back(
        {.what = plan::Input::What::bind, .slot = slot, .path = hierarchy.mount.value + shown});
    program.add({.kind = Kind::set_attributes, .slot = slot, .a = attributes});
    program.add({.kind = Kind::attach, .flags = flags | plan::no_symlinks, .slot = slot, .path = path});
  };
  const std::string& top = mount.destination.value;
  if (layout.mode() == cgroup::Mode::v2) {
    if (shown.empty())
      add("cgroup2", {}, attributes, top, 0);
    else
      add_shown(layout.hierarchies[0], top, 0);
    return;
  }
  const std::int32_t holder =
      add("tmpfs", {filesystem_option("mode", "755"), filesystem_option("size", "64k")},
          attributes & ~std::uint64_t{MOUNT_ATTR_RDONLY}, top, 0);
  for (const auto& hierarchy : layout.hierarchies) {
    if (!hierarchy.writable) continue;
    const std::string& at = hierarchy.mount.value;
    const std::string path = top + "/" + at.substr(at.find_last_of('/') + 1);
    if (!shown.empty()) {
      add_shown(hierarchy, path, plan::create_target);
      continue;
    }
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

// Devices work on a read-only mount, but the host's node itself cannot be changed through it.
void plan_node_of_host(plan::Program& program, const oci::DeviceNode& node) {
  const std::string& path = node.path.value;
  if (node.source.empty() && !path.starts_with("/dev/"))
    throw Error(ErrorKind::unsupported, format("the device {} is not below /dev", path));
  if (is_below(path, "/proc") || is_below(path, "/sys"))
    throw Error(ErrorKind::invalid, format("the device {} cannot be in /proc or /sys", path));
  const std::int32_t slot = program.new_slot();
  program.inputs.push_back(
      {.what = plan::Input::What::bind, .slot = slot, .path = node.source.empty() ? path : node.source});
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
                 .flags = plan::no_symlinks,
                 .into = directory->second,
                 .a = 0755,
                 .path = parent});
  }
  const std::uint64_t type = node.type == 'b' ? S_IFBLK : S_IFCHR;
  program.add({.kind = Kind::make_node,
               .slot = directory->second,
               .a = type | node.mode | std::uint64_t{node.uid} << 32,
               .b = makedev(node.major, node.minor) | std::uint64_t{node.gid} << 32,
               .text = node.path.value.substr(slash + 1)});
}

// Where the host's tree can take mounts that only have to be in it: there on every host, nothing init needs,
// and not the root, over which the container's root is put and which goes in one piece.
constexpr const char* out_of_the_way = "/proc/sys";

// In a user namespace init cannot reach host paths, and has no right to the layers' ids: it gets idmapped
// mounts of them, which must hang in its own mount namespace before overlayfs takes them. Its own directory
// is one of these, so what the container changes is owned on disk by the ids that it has inside.
void plan_mapped_overlay(plan::Program& program, const oci::Root& root, std::int32_t slot) {
  const auto take = [&](const HostPath& path) {
    const std::int32_t mount = program.new_slot();
    program.inputs.push_back({.what = plan::Input::What::bind,
                              .slot = mount,
                              .path = path.value,
                              .ids = plan::Input::Ids::mapped});
    program.add({.kind = Kind::adopt, .slot = mount, .path = out_of_the_way});
    return plan::descriptor_path(mount);
  };
  const auto [directory, upper] = split_last(root.upper);
  const auto [same_directory, work] = split_last(root.work);
  if (directory != same_directory)
    throw Error(ErrorKind::invalid, "the upper and the work directory of an overlay lie side by side");
  std::string lower;
  for (const auto& layer : root.lower) lower += (lower.empty() ? "" : ":") + take(layer);
  const std::string own = take(HostPath(directory));
  Entry overlay{.kind = Kind::new_filesystem, .into = slot, .text = "overlay"};
  overlay.list = {filesystem_option("source", "overlay"), filesystem_option("lowerdir", lower),
                  filesystem_option("upperdir", own + "/" + upper),
                  filesystem_option("workdir", own + "/" + work), "!userxattr"};
  if (root.is_volatile) overlay.list.emplace_back("!volatile");
  program.add(std::move(overlay));
}

// A root made or taken by the parent, for an init that cannot reach its path.
void plan_mapped_root(plan::Program& program, const oci::Root& root, std::int32_t slot) {
  program.inputs.push_back({.what = plan::Input::What::bind,
                            .slot = slot,
                            .path = root.path.value,
                            .recursive = true,
                            .ids = root.ids_are_mapped ? plan::Input::Ids::kept : plan::Input::Ids::mapped});
}

// What shows a namespace can be mounted only by who has rights over that.
constexpr struct {
  std::string_view type;
  oci::NamespaceKind shown;
  const char* on_host;
} views[] = {{"sysfs", oci::NamespaceKind::network, "/sys"},
             {"mqueue", oci::NamespaceKind::ipc, "/dev/mqueue"},
             {"proc", oci::NamespaceKind::pid, "/proc"}};

// What cannot be mounted in a user namespace as it stands: a terminal's group that is not mapped, and views
// of namespaces that belong to others, which are the host's own then.
void fit_to_user_namespace(const oci::RuntimeConfig& config, const HostFacts& facts, oci::Mount& mount) {
  if (mount.type == "devpts")
    std::erase_if(mount.options, [&](const std::string& option) {
      return option.starts_with("gid=") && !config.gid_mappings.empty() &&
             !oci::host_id(config.gid_mappings, parse_integer<std::uint32_t>(option.substr(4)));
    });
  const bool has_new_ids = is_new(config, oci::NamespaceKind::user);
  for (const auto& view : views) {
    // One that is joined was made by the same user as the user namespace that this process is in.
    const auto space = std::ranges::find(config.namespaces, view.shown, &oci::Namespace::kind);
    const bool is_ours = space != config.namespaces.end() && (space->path.empty() || !has_new_ids);
    if (mount.type != view.type || is_ours) continue;
    mount.type = "bind";
    mount.source = view.on_host;
    // What the host has mounted there must stay: nobody may look below it (mount_namespaces(7), "locked").
    if (facts.in_user_namespace) mount.options.emplace_back("rbind");
  }
}

}  // namespace

bool is_new(const oci::RuntimeConfig& config, oci::NamespaceKind kind) {
  return std::ranges::any_of(config.namespaces,
                             [&](const auto& one) { return one.kind == kind && one.path.empty(); });
}

bool has_user_namespace(const oci::RuntimeConfig& config) {
  return std::ranges::find(config.namespaces, oci::NamespaceKind::user, &oci::Namespace::kind) !=
         config.namespaces.end();
}

void plan_root(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts) {
  program.add({.kind = Kind::set_propagation, .a = MS_REC | MS_PRIVATE, .path = "/"});
  const std::int32_t slot = program.new_slot();
  const bool is_mapped = is_new(config, oci::NamespaceKind::user);
  if (is_mapped && config.root.lower.empty())
    plan_mapped_root(program, config.root, slot);
  else if (is_mapped)
    plan_mapped_overlay(program, config.root, slot);
  else if (config.root.lower.empty())
    program.add({.kind = Kind::clone_tree, .into = slot, .a = 1, .path = config.root.path.value});
  else
    plan_overlay(program, config.root, slot, facts.in_user_namespace);
  if (config.root.no_devices)
    program.add(
        {.kind = Kind::set_attributes, .flags = plan::recursive, .slot = slot, .a = MOUNT_ATTR_NODEV});
  program.add({.kind = Kind::attach_root, .slot = slot, .path = is_mapped ? "/" : config.root.path.value});
}

OwnMounts plan_mounts(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts) {
  OwnMounts own;
  const bool has_cgroup_namespace = std::ranges::any_of(
      config.namespaces, [](const auto& one) { return one.kind == oci::NamespaceKind::cgroup; });
  for (oci::Mount mount : config.mounts) {
    Step step("mount", mount.destination.value);
    if (has_user_namespace(config) || facts.in_user_namespace) fit_to_user_namespace(config, facts, mount);
    check_destination(mount);
    MountOptions options = parse_mount_options(mount.options);
    if (mount.type == "cgroup") {
      if (facts.cgroups.writable() || (has_cgroup_namespace && facts.cgroups.mode() == cgroup::Mode::v2))
        plan_cgroup_mounts(program, mount, facts.cgroups, options.set,
                           has_cgroup_namespace ? std::string() : config.cgroups_path);
      continue;
    }
    const std::int32_t slot = program.new_slot();
    if (mount.type == "bind") {
      check_bind_options(options);
      program.inputs.push_back({.what = plan::Input::What::bind,
                                .slot = slot,
                                .path = mount.source,
                                .recursive = options.recursive,
                                .mount_namespace = mount.mount_namespace,
                                .ids = mount.ids_are_ours && is_new(config, oci::NamespaceKind::user)
                                           ? plan::Input::Ids::mapped_if_possible
                                           : plan::Input::Ids::kept});
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
      own.dev = program.new_slot();
      program.add(
          {.kind = Kind::open_directory, .flags = plan::no_symlinks, .into = own.dev, .path = "/dev"});
    }
    if (mount.destination.value == "/proc" && mount.type == "proc") own.proc = slot;
  }
  return own;
}

void plan_devices(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts,
                  std::int32_t dev) {
  std::map<std::string, std::int32_t> directories = {{"/dev", dev}};
  const bool may_make = dev != plan::no_slot && (facts.capabilities >> CAP_MKNOD & 1) &&
                        !has_user_namespace(config) && !facts.in_user_namespace;
  for (const auto& node : config.devices) {
    // In a /dev of the user's only what was asked for by name: the host's node is then known.
    if (dev == plan::no_slot && node.source.empty()) continue;
    // With --privileged docker lists the host's, but it is a link into the container's own devpts: as runc
    // has it.
    if (dev != plan::no_slot && node.path.value == "/dev/ptmx") continue;
    if (may_make && node.path.value.starts_with("/dev/"))
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

void label_filesystems(plan::Program& program, const oci::RuntimeConfig& config) {
  if (config.mount_label.empty() || has_user_namespace(config)) return;
  for (auto& entry : program.entries)
    if (entry.kind == Kind::new_filesystem &&
        (entry.text == "overlay" || entry.text == "tmpfs" || entry.text == "devpts"))
      entry.list.push_back(filesystem_option("context", config.mount_label));
}

}  // namespace tare::runtime
