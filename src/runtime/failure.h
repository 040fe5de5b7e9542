// What init reported, in words.
#pragma once

#include "base/error.h"
#include "plan/program.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

/// The sentence for a failed operation. `root`: the container's root directory, to look at a command that
/// could not be executed; may be invalid.
Error describe_failure(const plan::Program& program, std::uint32_t operation, int error_number, sys::Fd root);

}  // namespace tare::runtime
