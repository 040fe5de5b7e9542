// A copy of a whole directory tree, for a container's root file system where overlayfs is not to be had.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "oci/runtime_config.h"
#include "sys/unique_fd.h"

namespace tare::store {

/// Whose the copies are: the owners as a user namespace has them outside, and nobody's where it has none.
/// Empty: as they are.
struct Owners {
  std::vector<oci::IdMapping> uids, gids;
};

/// Copies what is in the directory `from` into the empty directory `to`, which itself becomes like `from`:
/// contents with holes, hard links among them, devices, FIFOs and sockets, owners, modes, times and extended
/// attributes. Whatever names and links the tree has, nothing outside is read or written; of a mount point
/// inside only the empty directory (or file) is made. `from` must not change meanwhile.
/// `progress` is told the sum of the bytes of regular files so far. Errors name the path inside the tree.
void copy_tree(sys::Fd from, sys::Fd to, const Owners& owners = {},
               const std::function<void(std::uint64_t bytes)>& progress = {});

}  // namespace tare::store
