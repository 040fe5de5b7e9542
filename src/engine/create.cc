#include "engine/create.h"

#include <sys/xattr.h>

#include "base/error.h"
#include "base/format.h"
#include "engine/container_config.h"
#include "engine/containers.h"
#include "engine/image_defaults.h"
#include "engine/order.h"
#include "engine/record_config.h"
#include "engine/rootfs.h"
#include "engine/user_namespace.h"
#include "engine/volumes.h"
#include "store/rootfs.h"
#include "store/volumes.h"
#include "sys/file.h"

namespace tare::engine {
namespace {

// The caller's host paths as init will see them: absolute, and there. Docker makes a missing directory.
void prepare_binds(RunOptions& options) {
  for (auto& bind : options.binds) {
    Step step("mount", bind.destination.value);
    if (bind.is_volume) continue;
    const bool is_there = sys::try_status(sys::here, bind.source).has_value();
    if (!is_there && bind.must_exist)
      throw Error(
          ErrorKind::invalid,
          format("invalid mount config for type \"bind\": bind source path does not exist: {}", bind.source));
    if (!is_there) sys::make_directories(sys::here, bind.source);
    bind.source = sys::canonical(HostPath(bind.source)).value;
  }
}

// A name may belong to a container whose monitor was killed and that was to be removed.
state::Lock claim_name(const state::Place& place, state::Record& record) {
  try {
    return state::claim(place, record);
  } catch (const Error& error) {
    const auto owner = state::find_name(place, record.name);
    if (error.kind() != ErrorKind::conflict || !owner || !settle(place, *owner)) throw;
  }
  return state::claim(place, record);
}

std::string read_host_file(const char* path) {
  return sys::try_read_file(sys::here, path).value_or(std::string());
}

// With SELinux the container's processes may read what has their label.
void write_etc_files(const HostPath& directory, const RunOptions& options, const std::string& hostname,
                     const std::string& label) {
  for (const auto& file : read_etc_files(options, hostname)) {
    const std::string path = (directory / file.name).value;
    sys::create_file(sys::here, path, file.text);
    if (!label.empty() && ::lsetxattr(path.c_str(), "security.selinux", label.data(), label.size(), 0) != 0)
      throw system_error(format("cannot label {} as {}", path, label));
  }
}

}  // namespace

std::vector<EtcFile> read_etc_files(const RunOptions& options, const std::string& hostname) {
  return make_etc_files(options, hostname, read_host_file("/etc/hosts"), read_host_file("/etc/resolv.conf"));
}

Claim::Claim(const state::Place& place, state::Record& record)
    : place_(place), record_(record), lock_(claim_name(place, record)) {}

Claim::~Claim() {
  if (!lock_.held()) return;
  try {
    store::remove_anonymous_volumes(place_, record_.id);
    state::forget(place_, record_.id, lock_);
  } catch (const std::exception&) {
    // The next command finds the lock free and tries again.
  }
}

Created::Created(const state::Place& place, RunOptions options, const Host& host, const Notify& notify)
    : place_(place) {
  std::optional<recorder::Span> span;
  std::optional<store::ImagesInUse> images_in_use;
  std::optional<store::Image> image;
  if (names_image(options.rootfs)) {
    span.emplace("find the image");
    RunOptions checked = options;  // before it is pulled
    validate(checked);
    images_in_use.emplace(place.root, false);
    image = find_or_pull_image(place, options, notify);
    if (!images_in_use->is_held()) {  // the store came with the image
      images_in_use.emplace(place.root);
      image = find_or_pull_image(place, options, notify);
    }
    apply_image_defaults(options, image->config.defaults);
  }
  span.emplace("check what was asked for");
  validate(options);
  check_host(host, options, notify);
  read_seccomp_profile(options);
  span.emplace("find the root file system");
  definition_.rootfs = image ? prepare_layers(place, *image) : prepare_rootfs(place, options);
  add_volumes_from(place, options);
  if (image) add_image_volumes(options, image->config.defaults);
  prepare_binds(options);
  record_ = {.id = {},
             .name = options.name,
             .image = options.rootfs,
             .command = options.command,
             .created = now(),
             .remove_on_exit = options.remove};
  definition_.options = std::move(options);
  span.emplace("take an id and a name");
  claim_.emplace(place, record_);
  directory_ = place.directory_of(record_.id);
  if (image) store::note_image(place, record_.id, *image);
  images_in_use.reset();
  choose_selinux_level(place, definition_.options, host.security);
  const sys::UniqueFd mappings_lock = choose_mappings(place, definition_.options);
  span.emplace("make the directories of its layer and its volumes");
  store::make_overlay_directories(definition_.rootfs, directory_);
  prepare_volumes(place, record_.id, definition_.rootfs, definition_.options);
  span.emplace("compute its configuration and its plan");
  const sys::UniqueFd layer = try_open_layers(definition_, directory_);
  const ContainerFacts facts = gather_facts(host, record_.id, directory_, definition_, layer);
  const oci::RuntimeConfig config = make_config(definition_.options, facts);
  write_etc_files(directory_, definition_.options, config.hostname, config.mount_label);
  record_.cgroup = config.cgroups_path;
  record_.command = config.process.args;
  // A plan that cannot be made is better known now than at the start.
  (void)make_order(place, record_, host, definition_, config);
  span.emplace("write down what it is");
  state::write_record(place, record_);
  write_config(directory_, definition_.options, config);
  write_definition(directory_, definition_);
}

std::string create(const state::Place& place, RunOptions options, const Notify& notify) {
  const Host host = read_host();
  Created created(place, std::move(options), host, notify);
  created.keep();
  return created.record().id.value;
}

}  // namespace tare::engine
