#include "runtime/new_container.h"

#include <algorithm>
#include <sys/mount.h>
#include <unistd.h>
#include <utility>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/freezer.h"
#include "cgroup/limits.h"
#include "cgroup/scope.h"
#include "oci/id_mapping.h"
#include "runtime/mount_options.h"
#include "runtime/own_root.h"
#include "runtime/plan_mounts.h"
#include "runtime/service_manager.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::runtime {
namespace {

// Who is root only of a user namespace has those cgroups that he was given, or none; the kernel lets him make
// no devices and no program about them, and what he may not use he may not use in a container either.
void fit_cgroup(Preparation& made, CgroupDriver driver) {
  oci::RuntimeConfig& config = made.bundle.config;
  cgroup::Layout& cgroups = made.facts.cgroups;
  const bool is_named = made.bundle.asks_for_cgroup;
  if (driver == CgroupDriver::none) {
    if (is_named)
      throw Error(ErrorKind::conflict,
                  "/linux/cgroupsPath names a cgroup, and --cgroup-manager says disabled");
    for (auto& hierarchy : cgroups.hierarchies) hierarchy.writable = false;
  }
  if (driver != CgroupDriver::none && !made.facts.in_user_namespace) return;
  if (cgroups.device_filter() == cgroup::DeviceFilter::none) config.resources.devices.clear();
  if (driver == CgroupDriver::none || cgroups.hierarchies.empty()) return;
  if (is_named && !cgroups.writable())
    throw Error(ErrorKind::unsupported,
                format("/linux/cgroupsPath: {}: permission denied", config.cgroups_path), 0,
                "leave it out, or let systemd make it (--systemd-cgroup)");
  if (made.bundle.unit) cgroup::come_within_reach(cgroups);
}

// Who may make cgroups below the container's: whoever its process is, where it sees no others and can write.
std::optional<std::uint32_t> cgroup_owner(const oci::RuntimeConfig& config) {
  const bool is_writable = std::ranges::any_of(config.mounts, [](const oci::Mount& mount) {
    const MountOptions options = parse_mount_options(mount.options);
    return mount.type == "cgroup" && !((options.top.set | options.all.set) & MOUNT_ATTR_RDONLY);
  });
  if (!is_writable || !is_new(config, oci::NamespaceKind::cgroup)) return std::nullopt;
  const std::uint32_t uid = config.process.user.uid;
  return is_new(config, oci::NamespaceKind::user) ? oci::host_id(config.uid_mappings, uid) : uid;
}

bool has_own_pids(const oci::RuntimeConfig& config) {
  return std::ranges::any_of(config.namespaces, [](const oci::Namespace& one) {
    return one.kind == oci::NamespaceKind::pid && one.path.empty();
  });
}

ContainerState state_of(const Preparation& prepared, const std::string& id, pid_t pid) {
  const oci::RuntimeConfig& config = prepared.bundle.config;
  const auto start_ticks = sys::start_ticks(pid);
  if (!start_ticks) throw Error(ErrorKind::system, "cannot find out when the container's process began");
  return {.id = id,
          .bundle = prepared.bundle.path.value,
          .rootfs = config.root.path.value,
          .pid = pid,
          .start_ticks = *start_ticks,
          .boot = sys::boot_id(),
          .created = now(),
          .owner = prepared.owner,
          .cgroup = config.cgroups_path,
          .freezer = cgroup::freezer_file(prepared.facts.cgroups, config.cgroups_path),
          .own_pids = has_own_pids(config),
          .annotations = config.annotations};
}

}  // namespace

Preparation prepare(const CreateOptions& options) {
  Preparation made{.bundle = read_bundle(options.bundle, options.id, options.config_file, options.driver),
                   .owner = ::geteuid(),
                   .facts = {},
                   .limits = {}};
  oci::RuntimeConfig& config = made.bundle.config;
  become_root(config);
  made.facts = read_host_facts(config.cgroups_path);
  fit_cgroup(made, options.driver);
  const cgroup::Layout& cgroups = made.facts.cgroups;
  made.limits = cgroup::plan_limits(cgroups, config.resources, cgroup::read_facts(cgroups));
  return made;
}

CgroupOrder cgroup_order(const Preparation& prepared, const std::string& id) {
  return {.layout = prepared.facts.cgroups,
          .config = prepared.bundle.config,
          .limits = prepared.limits,
          .id = id,
          .unit = prepared.bundle.unit};
}

// By way of the other constructor: what is thrown from here on undoes it.
Claim::Claim(const CreateOptions& options, const Preparation& prepared)
    : Claim(StateDirectory::claim(options.root, options.id)) {
  const Bundle& bundle = prepared.bundle;
  prepared_ = &prepared;
  // Before anything says that this cgroup is the container's: what is in it is ended with that.
  cgroup::Cgroup::check_unused(prepared.facts.cgroups, bundle.config.cgroups_path);
  directory_.write_config(bundle.config_text);
  if (NotifySocket::is_wanted()) NotifySocket::make_directory(directory_.fd());
  if (bundle.unit) directory_.write_unit(bundle.unit->name);
  cgroup_.emplace(cgroup_order(prepared, options.id));
  if (const auto owner = cgroup_owner(bundle.config)) (**cgroup_).delegate(*owner);
  resctrl_.emplace(bundle.config, options.id);
  if (!resctrl_->empty()) directory_.note_resctrl_group();
}

Claim::~Claim() {
  try {
    undo();
  } catch (const Error&) {
    // The error that undoes this is the one to tell; `delete` takes the directory for one half made.
  }
}

void Claim::put_into_cgroup(pid_t pid) const {
  const std::string text = std::to_string(pid);
  for (const auto& join : cgroup().open_joins()) sys::write_all(join, text);
  if (const sys::UniqueFd join = cgroup().open_unified_join()) sys::write_all(join, text);
}

void Claim::occupied(pid_t pid) {
  cgroup_->occupied();
  resctrl_->join(pid);
  directory_.write(state_of(*prepared_, directory_.id(), pid));
}

int Claim::let_run(Container& container, Stay stay, Keep keep, const std::function<int()>& meanwhile) {
  directory_.unlock();
  int code = 0;
  try {
    code = meanwhile();
  } catch (...) {
    if (!regain()) keep_groups();
    throw;
  }
  if (stay == Stay::not_at_all) container.let_go();
  if (stay == Stay::not_at_all || keep == Keep::state) stays_ = true;
  if (stays_ || !regain())
    keep_groups();
  else
    undo();
  return code;
}

bool Claim::regain() {
  directory_.lock();
  if (!directory_.is_there()) stays_ = true;
  return !stays_;
}

void Claim::keep_groups() {
  cgroup_->keep();
  resctrl_->keep();
}

void Claim::undo() {
  if (std::exchange(stays_, true)) return;
  if (cgroup_) cgroup_->undo();
  resctrl_.reset();
  directory_.remove();
  when_gone_();
}

}  // namespace tare::runtime
