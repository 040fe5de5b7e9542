// How much a tree of files takes, for `ps --size` and `inspect --size`.
#pragma once

#include "base/types.h"

namespace tare::engine {

/// The sizes of all files in it, each counted once however many names it has; of directories nothing, as
/// docker counts. What vanishes meanwhile, or is not there at all, counts nothing.
Bytes disk_usage(const HostPath& tree);

}  // namespace tare::engine
