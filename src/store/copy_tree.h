// A copy of a whole directory tree, for a container's root file system where overlayfs is not to be had.
#pragma once

#include <cstdint>
#include <functional>

#include "sys/unique_fd.h"

namespace tare::store {

/// Copies what is in the directory `from` into the empty directory `to`, which itself becomes like `from`:
/// contents with holes, hard links among them, devices, FIFOs and sockets, owners, modes, times and extended
/// attributes. Whatever names and links the tree has, nothing outside is read or written; of a mount point
/// inside only the empty directory (or file) is made. `from` must not change meanwhile.
/// `progress` is told the sum of the bytes of regular files so far. Errors name the path inside the tree.
void copy_tree(sys::Fd from, sys::Fd to, const std::function<void(std::uint64_t bytes)>& progress = {});

}  // namespace tare::store
