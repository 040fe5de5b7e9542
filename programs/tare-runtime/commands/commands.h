// The verbs of tare-runtime: each file has the verb's option table and the function that carries it out.
#pragma once

#include <string_view>

#include "base/types.h"
#include "cli/option_table.h"
#include "runtime/container_cgroup.h"

namespace tare::commands {

struct Context {
  HostPath root;                   ///< where the containers are noted
  runtime::CgroupDriver driver{};  ///< who makes a new container's cgroup
};

/// Carries a parsed command out; the result is the exit code.
using Verb = int (*)(const Context& context, const cli::Parsed& parsed);

extern const cli::Command spec_command, create_command, start_command, state_command, kill_command,
    delete_command, run_command, exec_command, ps_command, list_command, pause_command, resume_command,
    update_command, events_command, features_command, checkpoint_command, restore_command;
int spec(const Context& context, const cli::Parsed& parsed);
int create(const Context& context, const cli::Parsed& parsed);
int start(const Context& context, const cli::Parsed& parsed);
int state(const Context& context, const cli::Parsed& parsed);
int kill(const Context& context, const cli::Parsed& parsed);
int remove(const Context& context, const cli::Parsed& parsed);
int run(const Context& context, const cli::Parsed& parsed);
int exec(const Context& context, const cli::Parsed& parsed);
int ps(const Context& context, const cli::Parsed& parsed);
int list(const Context& context, const cli::Parsed& parsed);
int pause(const Context& context, const cli::Parsed& parsed);
int resume(const Context& context, const cli::Parsed& parsed);
int update(const Context& context, const cli::Parsed& parsed);
int events(const Context& context, const cli::Parsed& parsed);
int features(const Context& context, const cli::Parsed& parsed);
int checkpoint(const Context& context, const cli::Parsed& parsed);
int restore(const Context& context, const cli::Parsed& parsed);

/// Writes to standard output; throws when that fails, so that a full disk is not a success.
void print(std::string_view text);

/// A line on standard error, never in the log: callers take an object there for the reason of a failure, and
/// podman expects only one.
void warn(std::string_view words);

}  // namespace tare::commands
