// The file system part of the plan: root, mounts, device nodes, masks.
#pragma once

#include "runtime/make_plan.h"

namespace tare::runtime {

bool is_new(const oci::RuntimeConfig& config, oci::NamespaceKind kind);
/// One of the container's own, new or joined.
bool has_user_namespace(const oci::RuntimeConfig& config);

/// The root is made, hung up, and everything that must be in it mounted; /dev is filled.
void plan_root(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts);
/// After the pivot: what of linux.rootfsPropagation can be set only when all is mounted.
void plan_propagation(plan::Program& program, const oci::RuntimeConfig& config);
/// Slots that hold what the container has of its own; no_slot where it has none (a bind mount of the user's).
struct OwnMounts {
  std::int32_t proc = plan::no_slot;  ///< the mount itself: what is hung up in it later does not show
  std::int32_t dev = plan::no_slot;   ///< the directory
};
OwnMounts plan_mounts(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts);
/// Without CAP_MKNOD the host's own nodes are shown in place of new ones, and of the host's outside of /dev
/// always: a node made there would stay in the root file system.
void plan_devices(plan::Program& program, const oci::RuntimeConfig& config, const HostFacts& facts,
                  std::int32_t dev);
/// SELinux: every file system made for the container has the config's mount label. In a user namespace the
/// kernel takes none.
void label_filesystems(plan::Program& program, const oci::RuntimeConfig& config);
/// Masked and read-only paths, then the root itself read-only if it is to be.
void plan_protection(plan::Program& program, const oci::RuntimeConfig& config);

}  // namespace tare::runtime
