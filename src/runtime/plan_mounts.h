// The file system part of the plan: root, mounts, device nodes, masks.
#pragma once

#include "runtime/make_plan.h"

namespace tare::runtime {

/// The root is made, hung up, and everything that must be in it mounted; /dev is filled.
void plan_root(plan::Program& program, const oci::RuntimeConfig& config);
/// Returns the slot of the container's own /dev, or no_slot when it has none (a bind mount of the user's).
std::int32_t plan_mounts(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts);
/// Without CAP_MKNOD the host's own nodes of the same names are shown in place of new ones.
void plan_devices(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts,
                  std::int32_t dev);
/// Masked and read-only paths, then the root itself read-only if it is to be.
void plan_protection(plan::Program& program, const oci::RuntimeConfig& config);

}  // namespace tare::runtime
