// Which capabilities a container has: a default set, changed by --cap-add and --cap-drop as docker does it
// (pure).
#pragma once

#include <cstdint>

#include "engine/run_options.h"
#include "oci/runtime_config.h"

namespace tare::engine {

/// Throws Error{invalid} for a name that is none. Names are given with or without CAP_, in any case; ALL is
/// one.
void check_capability_names(const RunOptions& options);

/// The container's set. `available`: what can be given at all; ALL means no more than that, but one that is
/// asked for by its name and not available is Error{unsupported}.
std::uint64_t choose_capabilities(const RunOptions& options, bool devices_are_filtered,
                                  std::uint64_t available);

/// The sets of a process that may come to have `set`.
oci::Capabilities make_capabilities(std::uint64_t set, std::uint32_t uid);

}  // namespace tare::engine
