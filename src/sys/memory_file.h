// Files that exist in memory and under no name.
#pragma once

#include "sys/unique_fd.h"

namespace tare::sys {

/// memfd_create(2); where that is missing, a file without a name in a directory for such, which nobody else
/// can open either but which knows no seals. Throws.
UniqueFd make_memory_file(const char* name, unsigned flags);

}  // namespace tare::sys
