// From ROOTFS on the command line to layers on disk: an image by its name, a directory, a tarball.
#pragma once

#include <optional>
#include <string>

#include "engine/host.h"
#include "engine/run_options.h"
#include "state/containers.h"
#include "store/images.h"
#include "store/rootfs.h"

namespace tare::engine {

/// Whether it means an image, and no file: neither a path that begins with /, ./ or ../ nor "-".
bool names_image(const std::string& rootfs);

/// nullopt: it is not here. Throws Error{invalid} for what is no name.
std::optional<store::Image> find_image(const state::Place& place, const std::string& name);
/// Pulls it by tare-image as `options.pull` says: where it is not here, by default. Throws Error{not_found}.
store::Image find_or_pull_image(const state::Place& place, const RunOptions& options, const Notify& notify);
/// Its layers; those that are not unpacked yet are, by tare-image.
store::Rootfs prepare_layers(const state::Place& place, const store::Image& image);
/// nullopt: some are not unpacked yet.
std::optional<store::Rootfs> find_layers(const state::Place& place, const store::Image& image);

/// A directory as it is; a tarball through the store, unpacked by tare-image if this content never was.
/// Throws Error{not_found} or Error{invalid} naming it.
store::Rootfs prepare_rootfs(const state::Place& place, const RunOptions& options);

/// The same if nothing need be done for it, and it is no image; nullopt for a tarball that is not unpacked
/// yet.
std::optional<store::Rootfs> find_rootfs(const state::Place& place, const RunOptions& options);

/// Where tare-image is: beside tare, or in the package's own folder; it is never looked for in PATH. Throws
/// Error{not_found}.
std::string image_program();

}  // namespace tare::engine
