// `tare export`: a container's root file system as a tar archive.
#pragma once

#include <optional>
#include <string>

#include "state/containers.h"

namespace tare::engine {

/// Becomes tare-image, which writes the archive to `output`, or to standard output. Returns only by throwing.
[[noreturn]] void export_container(const state::Place& place, const std::string& name_or_id,
                                   const std::optional<std::string>& output);

}  // namespace tare::engine
