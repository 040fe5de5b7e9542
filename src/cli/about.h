// The commands by which a program tells of itself to shells and to man(1).
#pragma once

#include <string>

#include "cli/option_table.h"

namespace tare::cli {

extern const Command completion_command, manual_command;

/// What they print. Throw Error{usage} for a shell or a command that is not there.
std::string print_completion(const Program& program, const Parsed& parsed);
/// With --all: nothing, and every page is a file in that directory.
std::string print_manual(const Program& program, int section, const Parsed& parsed);

}  // namespace tare::cli
