// What `run` would do, step by step in its order, without doing it.
#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/format.h"
#include "engine/create.h"
#include "engine/image_defaults.h"
#include "engine/order.h"
#include "engine/rootfs.h"
#include "engine/run.h"
#include "engine/security_labels.h"
#include "engine/user_namespace.h"
#include "engine/volumes.h"
#include "monitor/own_cgroup.h"
#include "runtime/plan_cgroup.h"
#include "sys/file.h"

namespace tare::engine {
namespace {

using What = plan::HostStep::What;
using Steps = std::vector<plan::HostStep>;

void append(Steps& steps, Steps more) { std::ranges::move(more, std::back_inserter(steps)); }

// What sys::make_directories would make, the topmost first.
void plan_directories(Steps& steps, const std::string& path) {
  for (std::size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    const bool is_told = std::ranges::any_of(
        steps, [&](const auto& step) { return step.what == What::make_directory && step.path == part; });
    if (!is_told && !sys::exists(sys::here, part))
      steps.push_back({.what = What::make_directory, .path = part});
  }
}

// The canonical path that what is not there yet will have.
std::string canonical_when_made(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (sys::try_status(sys::here, path)) return sys::canonical(HostPath(path)).value;
  if (slash == std::string::npos || slash == 0) return path;
  return canonical_when_made(path.substr(0, slash)) + path.substr(slash);
}

// As Created prepares them.
void plan_binds(Steps& steps, RunOptions& options) {
  for (auto& bind : options.binds) {
    if (bind.is_volume) continue;
    if (!bind.must_exist) plan_directories(steps, bind.source);
    bind.source = canonical_when_made(bind.source);
  }
}

std::optional<store::Rootfs> plan_rootfs(Steps& steps, const state::Place& place, RunOptions& options,
                                         const std::optional<store::Image>& image) {
  const bool is_image = names_image(options.rootfs);
  auto rootfs = image ? find_layers(place, *image) : is_image ? std::nullopt : find_rootfs(place, options);
  if (rootfs) return rootfs;
  steps.push_back({.what = is_image ? What::pull : What::unpack, .path = options.rootfs});
  // What is in it is not known yet, its users among that.
  if (!options.user.empty()) steps.push_back({.what = What::look_up, .value = "the user " + options.user});
  for (const auto& group : options.groups)
    steps.push_back({.what = What::look_up, .value = "the group " + group});
  options.user.clear();
  options.groups.clear();
  return std::nullopt;
}

void plan_claim(Steps& steps, const state::Place& place, const state::Record& record) {
  const state::Paths paths = state::paths_of(place, record.id, record.name);
  const HostPath directory = place.directory_of(record.id);
  const auto parent = [](const HostPath& path) { return path.value.substr(0, path.value.find_last_of('/')); };
  for (const auto& made : {parent(directory), paths.names.value, parent(paths.lock)})
    plan_directories(steps, made);
  steps.push_back({.what = What::write_file, .path = paths.lock.value});
  steps.push_back({.what = What::make_directory, .path = directory.value});
  steps.push_back({.what = What::write_file, .path = (directory / "id").value, .value = record.id.value});
  steps.push_back({.what = What::take_name,
                   .path = record.name.empty() ? paths.names.value : paths.name.value,
                   .value = record.name});
}

void plan_overlay_directories(Steps& steps, const store::Rootfs& rootfs, const HostPath& directory) {
  for (const char* name : {"rootfs", "upper", "work"})
    steps.push_back({.what = What::make_directory, .path = (directory / name).value});
  steps.push_back(
      {.what = What::copy_owner, .path = (directory / "upper").value, .value = rootfs.layers.front().value});
}

void plan_monitor(Steps& steps, const monitor::Order& order) {
  const cgroup::Layout& layout = order.cgroups;
  const ContainerId& id = order.record.id;
  if (order.scope) {
    const HostPath scope(layout.unified()->mount.value + order.scope->cgroup);
    steps.push_back({.what = What::start_monitor, .path = {}, .value = {}});
    steps.push_back({.what = What::start_unit, .path = scope.value, .value = order.scope->name});
    steps.push_back({.what = What::make_cgroup, .path = (scope / "monitor").value});
    return;
  }
  const auto own = monitor::plan_own_cgroup(layout, id);
  if (own) steps.push_back({.what = What::make_cgroup, .path = own->directory.value});
  steps.push_back({.what = What::start_monitor,
                   .path = own ? own->directory.value : std::string(),
                   .value = own ? own->join.value : std::string()});
}

Steps plan_start(const state::Place& place, const state::Record& record) {
  const state::Paths paths = state::paths_of(place, record.id, record.name);
  Steps steps;
  plan_directories(steps, paths.running_directory.value);
  steps.push_back({.what = What::write_file, .path = paths.running.value});
  steps.push_back({.what = What::listen, .path = paths.socket.value});
  if (!record.remove_on_exit)
    steps.push_back(
        {.what = What::write_file, .path = (place.directory_of(record.id) / "record.json").value});
  return steps;
}

}  // namespace

plan::Document plan(const state::Place& place, RunOptions options) {
  const auto image = names_image(options.rootfs) ? find_image(place, options.rootfs) : std::nullopt;
  if (image) apply_image_defaults(options, image->config.defaults);
  validate(options);
  const Host host = read_host();
  check_host(host, options, [](const std::string&) {});
  read_seccomp_profile(options);
  plan::Document document;
  Steps& steps = document.host;
  auto known_rootfs = plan_rootfs(steps, place, options, image);
  add_volumes_from(place, options);
  if (image) add_image_volumes(options, image->config.defaults);
  plan_binds(steps, options);
  const state::Record record{.id = state::random_id(),
                             .name = options.name,
                             .image = options.rootfs,
                             .remove_on_exit = options.remove};
  const HostPath directory = place.directory_of(record.id);
  plan_claim(steps, place, record);
  if (image) {
    const HostPath path = store::image_use_path(place, record.id);
    steps.push_back({.what = What::write_file, .path = path.value, .value = store::image_use_text(*image)});
  }
  choose_selinux_level(place, options, host.security);
  const sys::UniqueFd mappings_lock = choose_mappings(place, options);
  Definition definition;
  definition.rootfs = known_rootfs.value_or(
      store::Rootfs{.layers = {place.root / "layers/sha256/DIGEST/tree"}, .written_to = false});
  plan_overlay_directories(steps, definition.rootfs, directory);
  append(steps, plan_volumes(place, record.id, known_rootfs ? &*known_rootfs : nullptr, options));
  definition.options = std::move(options);
  const sys::UniqueFd layer = try_open_layers(definition, directory);
  ContainerFacts facts = gather_facts(host, record.id, directory, definition, layer);
  if (!known_rootfs) facts.identity.home = "(looked up)";
  add_start_facts(place, definition.options, facts);
  const oci::RuntimeConfig config = make_config(definition.options, facts);
  monitor::Order order = make_order(place, record, host, definition, config);
  for (const auto& file : read_etc_files(definition.options, config.hostname))
    steps.push_back({.what = What::write_file, .path = (directory / file.name).value, .value = file.text});
  for (const char* name : {"record.json", "config.json", "options.json"})
    steps.push_back({.what = What::write_file, .path = (directory / name).value});
  if (config.process.apparmor_profile == default_profile_name && !default_profile_is_loaded())
    steps.push_back({.what = What::load_profile, .value = default_profile_name});
  plan_monitor(steps, order);
  append(steps, runtime::cgroup_steps(host.facts.cgroups, config.cgroups_path, order.needed_controllers,
                                      order.limits, order.devices));
  document.program = std::move(order.program);
  document.before_start = plan_start(place, record);
  return document;
}

}  // namespace tare::engine
