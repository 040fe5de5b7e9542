#include "runtime/plan_mounts.h"

#include <algorithm>
#include <sys/mount.h>

#include "base/error.h"
#include "base/format.h"
#include "base/units.h"
#include "oci/id_mapping.h"
#include "runtime/check_config.h"
#include "runtime/mount_options.h"
#include "runtime/system_paths.h"

namespace tare::runtime {
namespace {

using plan::Kind;

enum class CgroupNamespace { none, of_its_own, joined };

CgroupNamespace cgroup_namespace(const oci::RuntimeConfig& config) {
  const auto found = std::ranges::find(config.namespaces, oci::NamespaceKind::cgroup, &oci::Namespace::kind);
  if (found == config.namespaces.end()) return CgroupNamespace::none;
  return found->path.empty() ? CgroupNamespace::of_its_own : CgroupNamespace::joined;
}

std::int32_t plan_new_filesystem(plan::Program& program, std::string type, std::vector<std::string> list,
                                 std::uint64_t attributes, const std::string& path, std::uint32_t flags) {
  const std::int32_t slot = program.new_slot();
  program.add({.kind = Kind::new_filesystem,
               .into = slot,
               .a = attributes,
               .text = std::move(type),
               .list = std::move(list)});
  program.add({.kind = Kind::attach, .flags = flags | plan::no_symlinks, .slot = slot, .path = path});
  return slot;
}

// The container's own cgroup: without a cgroup namespace, or it would see everybody's; with one of its own
// that is what a new mount would show, and costs more.
void plan_own_cgroup(plan::Program& program, const oci::RuntimeConfig& config, const std::string& directory,
                     std::uint64_t attributes, const std::string& path, std::uint32_t flags) {
  const std::int32_t slot = program.new_slot();
  program.add({.kind = Kind::clone_tree, .into = slot, .path = directory});
  // As a new mount would be: nothing that the host mounts there later is seen.
  if (config.root_propagation & (MS_SLAVE | MS_SHARED))
    program.add({.kind = Kind::set_propagation, .slot = slot, .a = MS_PRIVATE});
  // mount_setattr(2): how access times are kept is one value, not bits.
  const std::uint64_t cleared = attributes & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0;
  program.add({.kind = Kind::set_attributes, .slot = slot, .a = attributes, .b = cleared});
  program.add({.kind = Kind::attach, .flags = flags | plan::no_symlinks, .slot = slot, .path = path});
}

std::vector<std::string> options_of(const cgroup::Hierarchy& hierarchy) {
  std::vector<std::string> options;
  if (hierarchy.name.starts_with("name="))
    options.push_back(filesystem_option("name", hierarchy.name.substr(5)));
  else if (!hierarchy.unified)
    for (const auto& controller : hierarchy.controllers) options.push_back("!" + controller);
  return options;
}

void plan_cgroup_mounts(plan::Program& program, const oci::RuntimeConfig& config,
                        const cgroup::Layout& layout, const oci::Mount& mount, std::uint64_t attributes) {
  const CgroupNamespace name_space = cgroup_namespace(config);
  const auto own = [&](const cgroup::Hierarchy& hierarchy) {
    return hierarchy.mount.value + config.cgroups_path;
  };
  const std::string& top = mount.destination.value;
  if (layout.mode() == cgroup::Mode::v2) {
    if (name_space == CgroupNamespace::none)
      plan_own_cgroup(program, config, own(layout.hierarchies[0]), attributes, top, 0);
    else
      plan_new_filesystem(program, "cgroup2", {}, attributes, top, 0);
    return;
  }
  const std::int32_t holder = plan_new_filesystem(
      program, "tmpfs", {filesystem_option("mode", "755"), filesystem_option("size", "64k")},
      attributes & ~std::uint64_t{MOUNT_ATTR_RDONLY}, top, 0);
  for (const auto& hierarchy : layout.hierarchies) {
    if (!hierarchy.writable) continue;
    const std::string& at = hierarchy.mount.value;
    const std::string path = top + "/" + at.substr(at.find_last_of('/') + 1);
    if (name_space == CgroupNamespace::joined)
      plan_new_filesystem(program, hierarchy.unified ? "cgroup2" : "cgroup", options_of(hierarchy),
                          attributes, path, plan::create_directory);
    else
      plan_own_cgroup(program, config, own(hierarchy), attributes, path, plan::create_directory);
  }
  if (attributes & MOUNT_ATTR_RDONLY)
    program.add({.kind = Kind::set_attributes, .slot = holder, .a = MOUNT_ATTR_RDONLY});
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

void plan_cgroup_mount(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts,
                       const oci::Mount& mount, std::uint64_t attributes) {
  const bool can_be_new =
      cgroup_namespace(config) != CgroupNamespace::none && facts.cgroups.mode() == cgroup::Mode::v2;
  if (facts.cgroups.writable() || can_be_new)
    plan_cgroup_mounts(program, config, facts.cgroups, mount, attributes);
}

void plan_change(plan::Program& program, std::int32_t slot, const MountChange& change, std::uint32_t flags) {
  if (change != MountChange())
    program.add(
        {.kind = Kind::set_attributes, .flags = flags, .slot = slot, .a = change.set, .b = change.clear});
}

// Those without an r are for the mount alone, as mount(8) has them.
void plan_changes(plan::Program& program, std::int32_t slot, const MountOptions& options) {
  plan_change(program, slot, options.all, plan::recursive);
  plan_change(program, slot, options.top, 0);
}

// Whose ids a mount's files are shown to belong to (mount_setattr(2), "ID-mapped mounts").
std::optional<plan::IdSource> id_source(const oci::RuntimeConfig& config, const oci::Mount& mount,
                                        const MountOptions& options) {
  const bool has_own = !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
  if (options.mapped_ids == MappedIds::none && !has_own) return std::nullopt;
  if (has_own) {
    if (mount.uid_mappings.empty() || mount.gid_mappings.empty())
      throw Error(ErrorKind::invalid, "uidMappings and gidMappings of a mount go together");
    return plan::IdSource{
        .maps = {.uid_map = oci::map_text(mount.uid_mappings), .gid_map = oci::map_text(mount.gid_mappings)},
        .path = {}};
  }
  const auto own = std::ranges::find(config.namespaces, oci::NamespaceKind::user, &oci::Namespace::kind);
  if (own == config.namespaces.end())
    throw Error(ErrorKind::invalid, "an id-mapped mount needs uidMappings and gidMappings", 0,
                "or a container with a user namespace of its own");
  return plan::IdSource{
      .maps = {.uid_map = oci::map_text(config.uid_mappings), .gid_map = oci::map_text(config.gid_mappings)},
      .path = own->path};
}

// In a container that shares mounts with the host a bind is its source's peer, if it wants to be; in others
// what is mounted in it goes no way out, whatever its options say.
std::vector<std::uint64_t> propagation_of_bind(const oci::RuntimeConfig& config,
                                               const MountOptions& options) {
  std::vector<std::uint64_t> steps = options.propagation;
  constexpr std::uint64_t all_private = MS_REC | MS_PRIVATE;
  if (steps.empty()) return {all_private};
  const bool is_shared = std::ranges::any_of(steps, [](std::uint64_t flags) { return flags & MS_SHARED; });
  const bool may_be_peer = is_shared && config.root_propagation & MS_SHARED;
  if (!may_be_peer && steps.front() != all_private) steps.insert(steps.begin(), MS_REC | MS_SLAVE);
  return steps;
}

void plan_bind(plan::Program& program, const oci::RuntimeConfig& config, const oci::Mount& mount,
               const MountOptions& options, std::int32_t slot) {
  check_bind_options(options);
  const bool is_ours = mount.ids_are_ours && is_new(config, oci::NamespaceKind::user);
  program.inputs.push_back({.what = plan::Input::What::bind,
                            .slot = slot,
                            .path = mount.source,
                            .recursive = options.recursive,
                            .mount_namespace = mount.mount_namespace,
                            .ids = is_ours ? plan::Input::Ids::mapped_if_possible : plan::Input::Ids::kept,
                            .id_source = id_source(config, mount, options),
                            .maps_all_below = options.mapped_ids == MappedIds::of_all_below,
                            .propagation = propagation_of_bind(config, options)});
  plan_changes(program, slot, options);
}

void plan_filesystem(plan::Program& program, const oci::RuntimeConfig& config, const oci::Mount& mount,
                     const MountOptions& options, std::int32_t slot) {
  std::vector<std::string> list;
  if (!mount.source.empty()) list.push_back(filesystem_option("source", mount.source));
  list.insert(list.end(), options.superblock.begin(), options.superblock.end());
  list.insert(list.end(), options.filesystem.begin(), options.filesystem.end());
  program.add({.kind = Kind::new_filesystem,
               .into = slot,
               .a = options.top.set | options.all.set,
               .text = mount.type,
               .list = std::move(list)});
  for (const std::uint64_t propagation : options.propagation)
    program.add({.kind = Kind::set_propagation, .slot = slot, .a = propagation});
  if (auto source = id_source(config, mount, options)) {
    const std::int32_t user_namespace = program.new_slot();
    program.inputs.push_back({.what = plan::Input::What::user_namespace,
                              .slot = user_namespace,
                              .path = source->path,
                              .id_source = std::move(source)});
    program.add({.kind = Kind::map_ids, .slot = slot, .into = user_namespace});
  }
}

// A tmpfs that begins with what the root file system has in its place: made and filled by the parent, which
// has the means to copy.
void plan_copied_tmpfs(plan::Program& program, const oci::RuntimeConfig& config, const oci::Mount& mount,
                       const MountOptions& options, std::int32_t slot) {
  if (mount.type != "tmpfs" || !config.root.lower.empty() || id_source(config, mount, options))
    throw Error(ErrorKind::unsupported, "the option tmpcopyup is for a tmpfs, without mapped ids");
  std::vector<std::string> list = options.superblock;
  list.insert(list.end(), options.filesystem.begin(), options.filesystem.end());
  program.inputs.push_back({.what = plan::Input::What::copied_tmpfs,
                            .slot = slot,
                            .path = mount.destination.value,
                            .root = config.root.path.value,
                            .options = std::move(list),
                            .propagation = options.propagation});
  plan_changes(program, slot, options);
}

void plan_remount(plan::Program& program, const oci::Mount& mount, const MountOptions& options,
                  std::int32_t slot, std::uint32_t links) {
  if (!options.filesystem.empty() || !options.superblock.empty())
    throw Error(ErrorKind::unsupported,
                format("remount with the option \"{}\": a file system's own options stay as they are",
                       (options.filesystem.empty() ? options.superblock : options.filesystem)[0].substr(1)));
  program.add({.kind = Kind::open_directory, .flags = links, .into = slot, .path = mount.destination.value});
  for (const std::uint64_t propagation : options.propagation)
    program.add({.kind = Kind::set_propagation, .slot = slot, .a = propagation});
  plan_changes(program, slot, options);
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

OwnMounts plan_mounts(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts) {
  OwnMounts own;
  for (oci::Mount mount : config.mounts) {
    Step step("mount", mount.destination.value);
    if (has_user_namespace(config) || facts.in_user_namespace) fit_to_user_namespace(config, facts, mount);
    check_destination(mount);
    const MountOptions options = parse_mount_options(mount.options);
    if (mount.type == "cgroup") {
      plan_cgroup_mount(program, config, facts, mount, options.top.set | options.all.set);
      continue;
    }
    const std::uint32_t links = is_system_path(mount.destination) ? plan::no_symlinks : 0;
    const std::int32_t slot = program.new_slot();
    if (options.remount) {
      plan_remount(program, mount, options, slot, links);
      continue;
    }
    if (mount.type == "bind")
      plan_bind(program, config, mount, options, slot);
    else if (options.copy_up)
      plan_copied_tmpfs(program, config, mount, options, slot);
    else
      plan_filesystem(program, config, mount, options, slot);
    program.add({.kind = Kind::attach,
                 .flags = links | (mount.type == "bind" ? plan::create_target : plan::create_directory),
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
  for (auto& input : program.inputs)
    if (input.what == plan::Input::What::copied_tmpfs)
      input.options.push_back(filesystem_option("context", config.mount_label));
  for (auto& entry : program.entries)
    if (entry.kind == Kind::new_filesystem &&
        (entry.text == "overlay" || entry.text == "tmpfs" || entry.text == "devpts"))
      entry.list.push_back(filesystem_option("context", config.mount_label));
}

}  // namespace tare::runtime
