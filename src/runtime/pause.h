// pause and resume: every process of a container stops where it is, and goes on.
#pragma once

#include <string>

#include "base/types.h"

namespace tare::runtime {

/// Returns when all are stopped. Throws Error{not_found}, Error{conflict} "container not running" when there
/// is nothing to stop, Error{unsupported} where no freezer is to be had.
void pause(const HostPath& root, const std::string& id);

/// Throws Error{not_found}, or Error{conflict} "container not paused".
void resume(const HostPath& root, const std::string& id);

}  // namespace tare::runtime
