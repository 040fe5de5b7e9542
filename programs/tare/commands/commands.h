// The verbs of tare: each file has the verb's option table and the function that carries it out.
#pragma once

#include <string>

#include "cli/option_table.h"
#include "engine/containers.h"

namespace tare::commands {

struct Context {
  state::Place place;
};

/// Carries a parsed command out; the result is the exit code.
using Verb = int (*)(const Context& context, const cli::Parsed& parsed);

extern const cli::Command run_command, ps_command, rm_command, inspect_command, info_command, version_command;
int run(const Context& context, const cli::Parsed& parsed);
int ps(const Context& context, const cli::Parsed& parsed);
int rm(const Context& context, const cli::Parsed& parsed);
int inspect(const Context& context, const cli::Parsed& parsed);
int info(const Context& context, const cli::Parsed& parsed);
int version(const Context& context, const cli::Parsed& parsed);

/// Writes to standard output; throws when that fails, so that a full disk is not a success.
void print(std::string_view text);
/// A line for a person, on standard error: "tare: …".
void notify(const std::string& line);

}  // namespace tare::commands
