// `tare export`: a container's root file system as a tar archive.
#pragma once

#include <optional>
#include <string>

#include "engine/definition.h"
#include "state/containers.h"

namespace tare::engine {

/// What a container's root file system is made of, the topmost first: its own changes, or its own copy of
/// everything.
std::vector<HostPath> layers_of(const Definition& definition, const HostPath& directory);
/// Whether overlayfs' marks in them are those of a user namespace (`userxattr`).
bool has_user_marks(const Definition& definition);

/// Becomes tare-image, which writes the archive to `output`, or to standard output. Returns only by throwing.
[[noreturn]] void export_container(const state::Place& place, const std::string& name_or_id,
                                   const std::optional<std::string>& output);

}  // namespace tare::engine
