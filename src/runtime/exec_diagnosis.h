// Why a program could not be executed: what execve(2)'s three or four errno values hide.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/types.h"
#include "sys/unique_fd.h"

namespace tare::runtime {

/// Looks at the candidates in the container's root and makes the sentence: not there (no_command, exit code
/// 127), missing loader or interpreter (no_command), not executable, a directory, another machine's program,
/// a text without
/// `#!` (not_executable, 126). `name` is the command as given, `cwd` what relative candidates start from.
Error explain_exec_failure(sys::Fd root, const std::string& name, const std::vector<std::string>& candidates,
                           const ContainerPath& cwd, int error_number);

}  // namespace tare::runtime
