// tare exec: one more process in a container that runs.
#include "engine/exec.h"

#include <unistd.h>

#include "base/error.h"
#include "commands/commands.h"
#include "sys/file.h"
#include "sys/terminal.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option exec_options[] = {
    {"interactive", 'i', Takes::nothing, "", "keep standard input open and pass it on"},
    {"tty", 't', Takes::nothing, "", "give the command a terminal"},
    {"detach", 'd', Takes::nothing, "", "let it run in the background"},
    {"detach-keys", 0, Takes::value, "KEYS", "keys that let this client go (default: ctrl-p,ctrl-q)"},
    {"env", 'e', Takes::value, "NAME[=VALUE]", "set a variable, or take it over from here", true},
    {"env-file", 0, Takes::value, "FILE", "set the variables in FILE, a line each", true},
    {"workdir", 'w', Takes::value, "DIR", "the working directory in the container"},
    {"user", 'u', Takes::value, "USER[:GROUP]",
     "run as this user: a name of the container's own, or a number"},
    {"privileged", 0, Takes::nothing, "", "give the command all capabilities, and no system call filter"},
};

}  // namespace

constinit const cli::Command exec_command = {
    .name = "exec",
    .operands = "CONTAINER COMMAND [ARG...]",
    .summary = "Run a command in a running container",
    .details =
        "In its namespaces and cgroup, with its limits, its capabilities and its environment. The exit code "
        "is the "
        "command's, 127 if it does not exist, 126 if it cannot be run, 1 if the container does not run.\n"
        "\n"
        "Examples:\n"
        " tare exec -it web sh\n"
        " tare exec -u nobody -w /tmp web ls -l",
    .options = exec_options,
    .minimum_operands = 2,
    .maximum_operands = -1,
    .options_end_at_first_operand = true,
    .aliases = {},
};

int exec(const Context& context, const cli::Parsed& parsed) {
  engine::ExecOptions options;
  options.interactive = parsed.has("interactive");
  options.terminal = parsed.has("tty");
  options.detached = parsed.has("detach");
  options.privileged = parsed.has("privileged");
  options.environment = read_environment(parsed);
  options.user = parsed.value("user").value_or("");
  if (const auto directory = parsed.value("workdir")) options.working_directory = ContainerPath(*directory);
  options.detach_keys = parsed.value("detach-keys").value_or("");
  options.command.assign(parsed.operands.begin() + 1, parsed.operands.end());
  if (options.terminal && options.interactive && !options.detached &&
      !sys::is_terminal(sys::Fd(STDIN_FILENO)))
    throw Error(ErrorKind::usage, "the input device is not a TTY", 0,
                "leave out -t, or run it on a terminal");
  return engine::exec(context.place, parsed.operands.front(), options, notify);
}

}  // namespace tare::commands
