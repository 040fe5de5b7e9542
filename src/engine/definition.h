// A container's definition: all that `create` leaves for `start`, in options.json.
#pragma once

#include <optional>

#include "engine/run_options.h"
#include "store/rootfs.h"

namespace tare::engine {

struct Definition {
  RunOptions options;  ///< validated; host paths are absolute
  store::Rootfs rootfs;
  bool root_is_copied = false;  ///< overlayfs was not to be had: the root is the container's own copy
};

/// Written last by whoever creates a container: one without it never came to be.
void write_definition(const HostPath& directory, const Definition& definition);
/// nullopt: there is none. Throws Error{invalid} for one that cannot be understood.
std::optional<Definition> read_definition(const HostPath& directory);
bool has_definition(const HostPath& directory);

}  // namespace tare::engine
