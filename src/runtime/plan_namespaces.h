// The namespaces part of the plan: made, joined, and who one is in them.
#pragma once

#include "runtime/make_plan.h"

namespace tare::runtime {

/// CLONE_NEW… of clone(2).
std::uint64_t flag_of(oci::NamespaceKind kind);
/// All that the config lists but a new cgroup namespace, which is entered when the cgroups are joined.
void plan_namespaces(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts);
/// A sibling goes on; the slots are those of Kind::fork_process.
void plan_fork(plan::Program& program, std::int32_t cgroup = plan::no_slot,
               std::int32_t other_cgroup = plan::no_slot);
/// Throws Error{unsupported} where they are asked for and cannot be had.
void plan_groups(plan::Program& program, const HostFacts& facts, const std::vector<std::uint32_t>& groups);
/// Root, with every right, of the user namespace just entered.
void plan_root_ids(plan::Program& program, const HostFacts& facts);

}  // namespace tare::runtime
