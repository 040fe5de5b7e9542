#include "runtime/plan_namespaces.h"

#include <algorithm>
#include <sched.h>
#include <signal.h>

#include "base/error.h"
#include "base/format.h"
#include "oci/id_mapping.h"
#include "plan/names.h"
#include "runtime/plan_mounts.h"

namespace tare::runtime {
namespace {

using oci::NamespaceKind;
using plan::Input;
using plan::Kind;

constexpr struct {
  NamespaceKind kind;
  std::uint64_t flag;
} namespace_flags[] = {{NamespaceKind::user, CLONE_NEWUSER},     {NamespaceKind::pid, CLONE_NEWPID},
                       {NamespaceKind::network, CLONE_NEWNET},   {NamespaceKind::mount, CLONE_NEWNS},
                       {NamespaceKind::ipc, CLONE_NEWIPC},       {NamespaceKind::uts, CLONE_NEWUTS},
                       {NamespaceKind::cgroup, CLONE_NEWCGROUP}, {NamespaceKind::time, CLONE_NEWTIME}};

// The kernel lets a user namespace's root mount proc, mqueue and cgroups only where the namespaces that these
// show belong to it.
void check_user_namespace(const oci::RuntimeConfig& config, std::uint64_t fresh, bool joins_none) {
  oci::check_mappings(config.uid_mappings, "uid");
  oci::check_mappings(config.gid_mappings, "gid");
  if (!joins_none || !(fresh & CLONE_NEWPID) || !(fresh & CLONE_NEWIPC) ||
      !is_new(config, NamespaceKind::cgroup))
    throw Error(
        ErrorKind::unsupported,
        "with a user namespace of its own a container needs pid, ipc and cgroup namespaces of its own");
  const oci::User& user = config.process.user;
  for (const std::uint32_t gid : user.additional_gids)
    if (!oci::host_id(config.gid_mappings, gid))
      throw Error(ErrorKind::invalid, format("the group {} is in no gid mapping of the container", gid));
  if (!oci::host_id(config.uid_mappings, user.uid) || !oci::host_id(config.gid_mappings, user.gid))
    throw Error(ErrorKind::invalid,
                format("the user {}:{} is in no uid or gid mapping of the container", user.uid, user.gid));
}

// A process enters neither the time nor the pid namespace that it begins, its children do, and what time it
// is there cannot be changed once one has (time_namespaces(7)).
void plan_time(plan::Program& program, const oci::RuntimeConfig& config, std::uint64_t pids) {
  program.add({.kind = Kind::unshare, .a = CLONE_NEWTIME | pids});
  std::string offsets;
  for (const auto& offset : config.time_offsets)
    offsets += format("{} {} {}\n", offset.clock, offset.seconds, offset.nanoseconds);
  if (!offsets.empty()) program.add({.kind = Kind::set_time_offsets, .text = std::move(offsets)});
  plan_fork(program);
}

// Born without ids, init becomes the namespace's root when they are there. The IPC namespace comes after
// that: its root would be nobody's. Memory is hidden no earlier: the files in /proc that map the ids would be
// hidden with it.
void plan_user_namespace(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts) {
  program.user_namespace = {.uid_map = oci::map_text(config.uid_mappings),
                            .gid_map = oci::map_text(config.gid_mappings)};
  program.add({.kind = Kind::synchronise, .a = static_cast<std::uint64_t>(plan::Sync::map)});
  plan_root_ids(program, facts);
  program.add({.kind = Kind::hide_memory});
  program.add({.kind = Kind::die_with_parent, .a = SIGKILL});
  program.add({.kind = Kind::unshare, .a = CLONE_NEWIPC});
}

}  // namespace

std::uint64_t flag_of(NamespaceKind kind) {
  return std::ranges::find(namespace_flags, kind, [](const auto& row) { return row.kind; })->flag;
}

// Neither the parent-death signal nor the lead of a session is passed on to a child.
void plan_fork(plan::Program& program, std::int32_t cgroup, std::int32_t other_cgroup) {
  program.add({.kind = Kind::fork_process, .slot = cgroup, .into = other_cgroup});
  program.add({.kind = Kind::die_with_parent, .a = SIGKILL});
  program.add({.kind = Kind::start_session});
}

void plan_groups(plan::Program& program, const HostFacts& facts, const std::vector<std::uint32_t>& groups) {
  if (!facts.groups_are_fixed) {
    program.add({.kind = Kind::set_groups, .groups = groups});
  } else if (!groups.empty()) {
    throw Error(ErrorKind::unsupported,
                "/process/user/additionalGids: in this user namespace no process may change its groups", 0,
                "it takes gids that are mapped by newgidmap(1)");
  }
}

// In a user namespace just entered, a process's ids are nobody's there; what it makes would be nobody's, too.
void plan_root_ids(plan::Program& program, const HostFacts& facts) {
  plan_groups(program, facts, {});
  program.add({.kind = Kind::set_ids, .a = 0, .b = 0});
  program.add({.kind = Kind::set_capabilities,
               .a = plan::every_capability(),
               .b = 0,
               .effective = plan::every_capability()});
}

// New ones are made by the clone, but the cgroup namespace, which is entered after the v1 cgroups are joined,
// so that they become its root. Existing ones are joined, the user namespace first: what is new belongs to
// it.
void plan_namespaces(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts) {
  std::uint64_t fresh = 0;
  std::vector<const oci::Namespace*> joined;
  for (const auto& wanted : config.namespaces) {
    if (!wanted.path.empty())
      joined.push_back(&wanted);
    else if (wanted.kind != NamespaceKind::cgroup)
      fresh |= flag_of(wanted.kind);
  }
  const bool has_time = fresh & CLONE_NEWTIME;
  if (!has_time && !config.time_offsets.empty())
    throw Error(ErrorKind::invalid, "/linux/timeOffsets: there is no new time namespace");
  // Who is the first of its pid namespace has no siblings, so with both it is the sibling that is.
  const std::uint64_t pids_of_sibling = has_time ? fresh & CLONE_NEWPID : 0;
  const std::uint64_t not_by_clone = CLONE_NEWTIME | pids_of_sibling;
  if (!(fresh & CLONE_NEWNS))
    throw Error(ErrorKind::unsupported, "/linux/namespaces: a container needs a mount namespace of its own");
  if (fresh & CLONE_NEWUSER) {
    check_user_namespace(config, fresh, joined.empty());
    program.namespaces = fresh & ~(CLONE_NEWIPC | not_by_clone);
    plan_user_namespace(program, config, facts);
    if (has_time) plan_time(program, config, pids_of_sibling);
    return;
  }
  const auto joins = [&](NamespaceKind kind) {
    return std::ranges::any_of(joined, [&](const oci::Namespace* one) { return one->kind == kind; });
  };
  std::ranges::stable_partition(joined,
                                [](const oci::Namespace* one) { return one->kind == NamespaceKind::user; });
  const bool belongs_to_joined = joins(NamespaceKind::user);
  program.namespaces = belongs_to_joined ? 0 : fresh & ~not_by_clone;
  if (!joined.empty()) program.add({.kind = Kind::hide_memory});
  for (const oci::Namespace* one : joined) {
    const std::int32_t slot = program.new_slot();
    program.inputs.push_back({.what = Input::What::name_space, .slot = slot, .path = one->path});
    program.add({.kind = Kind::join_namespaces, .slot = slot, .a = flag_of(one->kind)});
  }
  if (belongs_to_joined) {
    plan_root_ids(program, facts);
    program.add({.kind = Kind::die_with_parent, .a = SIGKILL});
    program.add({.kind = Kind::unshare, .a = fresh & ~not_by_clone});
  }
  if (has_time)
    plan_time(program, config, pids_of_sibling);
  else if (joins(NamespaceKind::pid) || (belongs_to_joined && (fresh & CLONE_NEWPID)))
    plan_fork(program);
}

}  // namespace tare::runtime
