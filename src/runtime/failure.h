// What init reported, in words.
#pragma once

#include "base/error.h"
#include "plan/program.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

/// The sentence for a failed operation. `root`: the container's root directory, to look at a command that
/// could not be executed; may be invalid.
Error describe_failure(const plan::Program& program, const plan::Report& report, sys::Fd root);

}  // namespace tare::runtime
