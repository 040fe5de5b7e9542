// Paths in the container's root, resolved by the kernel (openat2(2), RESOLVE_IN_ROOT |
// RESOLVE_NO_MAGICLINKS).
#pragma once

#include <stdint.h>

namespace tare::init {

/// An O_PATH descriptor, or a negative errno. `flags`: plan::no_symlinks.
long open_in_root(int root, const char* path, uint32_t flags);

/// Makes the directory `path` and its missing parents (mode 0755, the last one `mode`) one component at a
/// time on descriptors (CVE-2024-45310) and returns an O_PATH descriptor of it. A symlink that leads to
/// nothing is followed inside the root and its target made, unless `flags` has plan::no_symlinks.
long make_directory_in_root(int root, const char* path, uint32_t mode, uint32_t flags);

/// Makes an empty file `path` (and its parent directories) if nothing is there; returns an O_PATH descriptor.
long make_file_in_root(int root, const char* path, uint32_t flags);

}  // namespace tare::init
