// What a container's root file system is made of: says how to mount it, does not mount.
#pragma once

#include <vector>

#include "base/types.h"
#include "oci/runtime_config.h"

namespace tare::store {

struct Rootfs {
  std::vector<HostPath> layers;  ///< topmost first
  bool written_to = false;       ///< the (one) layer is the root itself, and changes go into it
};

/// The container's own part of an overlay, inside its directory: where its changes go, and where it is hung
/// up.
oci::Root overlay_root(const Rootfs& rootfs, const HostPath& container_directory);

/// Makes the directories that overlay_root names; the root will have the owner, mode and times of the top
/// layer.
void make_overlay_directories(const Rootfs& rootfs, const HostPath& container_directory);

/// A root that is the container's own copy, for where overlayfs is not to be had; made in its directory.
oci::Root copied_root(const HostPath& container_directory);

}  // namespace tare::store
