// From ROOTFS on the command line to layers on disk.
#pragma once

#include <optional>
#include <string>

#include "engine/run_options.h"
#include "state/containers.h"
#include "store/rootfs.h"

namespace tare::engine {

/// A directory as it is; a tarball through the store, unpacked by tare-image if this content never was.
/// Throws Error{not_found} or Error{invalid} naming it.
store::Rootfs prepare_rootfs(const state::Place& place, const RunOptions& options);

/// The same if nothing need be done for it; nullopt for a tarball that is not unpacked yet.
std::optional<store::Rootfs> find_rootfs(const state::Place& place, const RunOptions& options);

/// Where tare-image is: beside tare, or in the package's own folder; it is never looked for in PATH. Throws
/// Error{not_found}.
std::string image_program();

}  // namespace tare::engine
