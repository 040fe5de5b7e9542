// The container's root file system: a directory as it is, or an overlay of layers.
#include <algorithm>
#include <sys/mount.h>

#include "base/error.h"
#include "base/format.h"
#include "runtime/mount_options.h"
#include "runtime/plan_mounts.h"

namespace tare::runtime {
namespace {

using plan::Entry;
using plan::Kind;

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

// The options for the layers, each a path or a descriptor's mark. A value has at most 255 bytes
// (fsconfig(2)): where that is not enough for "/proc/self/fd/10:", descriptors are named from that directory,
// "10:", and where that is not enough either each has an option of its own, which overlayfs knows since
// Linux 6.5.
void add_lower_layers(Entry& overlay, const std::vector<std::string>& layers, bool are_short) {
  constexpr std::size_t longest = 255, of_number = 4;
  if (!are_short && layers.size() * of_number > longest) {
    for (const auto& layer : layers) overlay.list.push_back(filesystem_option("lowerdir+", layer));
    return;
  }
  if (!are_short && layers.size() * (of_number + std::string_view("/proc/self/fd/").size()) > longest)
    overlay.path = "/proc/self/fd";
  std::string lower;
  for (const auto& layer : layers) lower += (lower.empty() ? "" : ":") + layer;
  overlay.list.push_back(filesystem_option("lowerdir", lower));
}

// Layers by name where that is possible (mountinfo then says where they are), by descriptor where it is not.
void plan_overlay(plan::Program& program, const oci::Root& root, std::int32_t slot, bool in_user_namespace) {
  std::size_t total = 0;
  for (const auto& layer : root.lower) total += layer.value.size() + 1;
  const bool are_short = total <= 256 && std::ranges::all_of(root.lower, can_be_named, &HostPath::value);
  const auto name = [&](const HostPath& path, bool may_be_named) {
    if (may_be_named && can_be_named(path.value)) return path.value;
    const std::int32_t directory = program.new_slot();
    program.inputs.push_back({.what = plan::Input::What::directory, .slot = directory, .path = path.value});
    program.add({.kind = Kind::reopen_directory, .slot = directory, .path = path.value});
    return plan::descriptor_path(directory);
  };
  std::vector<std::string> lower;
  for (const auto& layer : root.lower) lower.push_back(name(layer, are_short));
  Entry overlay{.kind = Kind::new_filesystem, .into = slot, .text = "overlay"};
  overlay.list = {filesystem_option("source", "overlay")};
  add_lower_layers(overlay, lower, are_short);
  overlay.list.push_back(filesystem_option("upperdir", name(root.upper, true)));
  overlay.list.push_back(filesystem_option("workdir", name(root.work, true)));
  // Its own marks, in extended attributes that only the machine's root may write otherwise.
  if (in_user_namespace) overlay.list.emplace_back("!userxattr");
  if (root.is_volatile) overlay.list.emplace_back("!volatile");
  program.add(std::move(overlay));
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
                              .ids = plan::Input::Ids::mapped,
                              .propagation = {MS_REC | MS_PRIVATE}});
    program.add({.kind = Kind::adopt, .slot = mount, .path = out_of_the_way});
    return plan::descriptor_path(mount);
  };
  const auto [directory, upper] = split_last(root.upper);
  const auto [same_directory, work] = split_last(root.work);
  if (directory != same_directory)
    throw Error(ErrorKind::invalid, "the upper and the work directory of an overlay lie side by side");
  std::vector<std::string> lower;
  for (const auto& layer : root.lower) lower.push_back(take(layer));
  const std::string own = take(HostPath(directory));
  Entry overlay{.kind = Kind::new_filesystem, .into = slot, .text = "overlay"};
  overlay.list = {filesystem_option("source", "overlay")};
  add_lower_layers(overlay, lower, false);
  overlay.list.push_back(filesystem_option("upperdir", own + "/" + upper));
  overlay.list.push_back(filesystem_option("workdir", own + "/" + work));
  overlay.list.emplace_back("!userxattr");
  if (root.is_volatile) overlay.list.emplace_back("!volatile");
  program.add(std::move(overlay));
}

// A root made or taken by the parent, for an init that cannot reach its path.
void plan_mapped_root(plan::Program& program, const oci::Root& root, std::int32_t slot,
                      std::uint64_t propagation) {
  program.inputs.push_back({.what = plan::Input::What::bind,
                            .slot = slot,
                            .path = root.path.value,
                            .recursive = true,
                            .ids = root.ids_are_mapped ? plan::Input::Ids::kept : plan::Input::Ids::mapped,
                            .propagation = {propagation}});
}

// What is mounted on the host later is seen by a slave; nothing of the container's is seen on the host, where
// its root is to be shared neither: that is among what it starts itself, and set when all is mounted.
std::uint64_t initial_propagation(const oci::RuntimeConfig& config) {
  return MS_REC | (config.root_propagation & (MS_SLAVE | MS_SHARED) ? MS_SLAVE : MS_PRIVATE);
}

}  // namespace

void plan_root(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts) {
  const std::uint64_t early = initial_propagation(config);
  program.add({.kind = Kind::set_propagation, .a = early, .path = "/"});
  const std::int32_t slot = program.new_slot();
  const bool is_mapped = is_new(config, oci::NamespaceKind::user);
  if (is_mapped && config.root.lower.empty())
    plan_mapped_root(program, config.root, slot, early);
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

void plan_propagation(plan::Program& program, const oci::RuntimeConfig& config) {
  if (config.root_propagation & (MS_SHARED | MS_UNBINDABLE))
    program.add({.kind = Kind::set_propagation, .a = config.root_propagation, .path = "/"});
}

}  // namespace tare::runtime
