// The verbs of tare-image: each file has the verb's option table and the function that carries it out.
#pragma once

#include "cli/option_table.h"

namespace tare::commands {

/// Carries a parsed command out; the result is the exit code.
using Verb = int (*)(const cli::Parsed& parsed);

extern const cli::Command unpack_command, export_command;
int unpack(const cli::Parsed& parsed);
int export_layers(const cli::Parsed& parsed);

}  // namespace tare::commands
