// A plan in words: what `--plan` shows, and what an error says that init could not do.
#pragma once

#include <string>

#include "plan/program.h"

namespace tare::plan {

/// One operation as a phrase that begins with its verb: "mount tmpfs on /dev (rw,nosuid,mode=755)".
std::string words(const Program& program, const Entry& entry);

/// The whole program, a numbered line each: what the parent opens, the namespaces, then the operations.
std::string print(const Program& program);

}  // namespace tare::plan
