// The container's config.json: what it was started with, for `inspect`.
#pragma once

#include "engine/run_options.h"
#include "oci/runtime_config.h"

namespace tare::engine {

/// Writes it into the container's directory, with docker's field names.
void write_config(const HostPath& directory, const RunOptions& options, const oci::RuntimeConfig& config);

}  // namespace tare::engine
