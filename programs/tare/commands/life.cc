// tare start, stop, restart, kill, wait, attach, rename, pause, unpause: what is done to containers.
#include "engine/life.h"

#include <unistd.h>

#include "base/format.h"
#include "base/units.h"
#include "commands/commands.h"
#include "sys/terminal.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option start_options[] = {
    {"attach", 'a', Takes::nothing, "",
     "show its output and pass signals on; the exit code is the container's"},
    {"interactive", 'i', Takes::nothing, "", "pass standard input on, too"},
    {"detach-keys", 0, Takes::value, "KEYS", "keys that let this client go (default: ctrl-p,ctrl-q)"},
};

constexpr cli::Option stop_options[] = {
    {"signal", 's', Takes::value, "SIGNAL", "what is sent first (default: its own stop signal, or TERM)"},
    {"timeout", 't', Takes::value, "SECONDS",
     "wait so long before SIGKILL; -1: for ever (default: its own, or 10)"},
};

constexpr cli::Option kill_options[] = {
    {"signal", 's', Takes::value, "SIGNAL", "a name or a number (default: KILL)"},
};

constexpr cli::Option attach_options[] = {
    {"no-stdin", 0, Takes::nothing, "", "pass no input on"},
    {"sig-proxy", 0, Takes::nothing, "", "pass signals on (default: true)"},
    {"detach-keys", 0, Takes::value, "KEYS", "keys that let this client go (default: ctrl-p,ctrl-q)"},
};

constexpr cli::Command of_containers(std::string_view name, std::string_view summary,
                                     std::string_view details, std::span<const cli::Option> options) {
  return {.name = name,
          .operands = "CONTAINER [CONTAINER...]",
          .summary = summary,
          .details = details,
          .options = options,
          .minimum_operands = 1,
          .maximum_operands = -1,
          .options_end_at_first_operand = false,
          .aliases = {}};
}

engine::StopOptions read_stop_options(const cli::Parsed& parsed) {
  return {.signal = parsed.value("signal").value_or(""),
          .seconds =
              parsed.value_as("timeout", [](const auto& t) { return parse_integer<int>(t, -1, 1 << 30); })};
}

// Does `act` for each container and prints its name.
template <typename Act>
int for_each_and_print(const cli::Parsed& parsed, Act act) {
  return for_each_name(parsed, [&](const std::string& name) {
    act(name);
    print(name + "\n");
  });
}

}  // namespace

constinit const cli::Command start_command =
    of_containers("start", "Start containers that were created or have ended",
                  "The container's changes are still there. With -a or -i one container only, and the exit "
                  "code is its own.",
                  start_options);

int start(const Context& context, const cli::Parsed& parsed) {
  const engine::StartOptions options{.attaches = parsed.has("attach"),
                                     .interactive = parsed.has("interactive"),
                                     .detach_keys = parsed.value("detach-keys").value_or("")};
  if (options.attaches || options.interactive) {
    if (parsed.operands.size() > 1)
      throw Error(ErrorKind::usage, "you cannot start and attach multiple containers at once");
    const engine::Result result = engine::start(context.place, parsed.operands.front(), options, notify);
    return result.started ? result.exit_code : 1;  // as docker; 126 and 127 could be the command's own
  }
  return for_each_and_print(parsed, [&](const std::string& name) {
    const engine::Result result = engine::start(context.place, name, options, notify);
    if (!result.started) throw Reported{result.exit_code};
  });
}

constinit const cli::Command stop_command =
    of_containers("stop", "Stop running containers",
                  "Sends the stop signal, and SIGKILL to what has not ended in time.", stop_options);

int stop(const Context& context, const cli::Parsed& parsed) {
  const engine::StopOptions options = read_stop_options(parsed);
  return for_each_and_print(parsed,
                            [&](const std::string& name) { engine::stop(context.place, name, options); });
}

constinit const cli::Command restart_command =
    of_containers("restart", "Stop containers and start them again", {}, stop_options);

int restart(const Context& context, const cli::Parsed& parsed) {
  const engine::StopOptions options = read_stop_options(parsed);
  return for_each_and_print(
      parsed, [&](const std::string& name) { engine::restart(context.place, name, options, notify); });
}

constinit const cli::Command kill_command =
    of_containers("kill", "Send a signal to running containers", {}, kill_options);

int kill(const Context& context, const cli::Parsed& parsed) {
  const std::string signal = parsed.value("signal").value_or("");
  return for_each_and_print(parsed,
                            [&](const std::string& name) { engine::kill(context.place, name, signal); });
}

constinit const cli::Command wait_command =
    of_containers("wait", "Wait until containers have ended and print their exit codes", {}, {});

int wait(const Context& context, const cli::Parsed& parsed) {
  return for_each_name(
      parsed, [&](const std::string& name) { print(format("{}\n", engine::wait(context.place, name))); });
}

constinit const cli::Command pause_command =
    of_containers("pause", "Stop all processes of containers where they are", {}, {});

int pause(const Context& context, const cli::Parsed& parsed) {
  return for_each_and_print(parsed, [&](const std::string& name) { engine::pause(context.place, name); });
}

constinit const cli::Command unpause_command =
    of_containers("unpause", "Let the processes of paused containers go on", {}, {});

int unpause(const Context& context, const cli::Parsed& parsed) {
  return for_each_and_print(parsed, [&](const std::string& name) { engine::unpause(context.place, name); });
}

constinit const cli::Command rename_command = {
    .name = "rename",
    .operands = "CONTAINER NAME",
    .summary = "Give a container another name",
    .details = {},
    .options = {},
    .minimum_operands = 2,
    .maximum_operands = 2,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int rename(const Context& context, const cli::Parsed& parsed) {
  engine::rename(context.place, parsed.operands[0], parsed.operands[1]);
  return 0;
}

constinit const cli::Command attach_command = {
    .name = "attach",
    .operands = "CONTAINER",
    .summary = "Take part in a running container's input and output",
    .details =
        "Shows what it writes from now on, and passes input on if it was started with -i. Any number of "
        "clients may "
        "be attached. The detach keys, typed on a terminal, let this client go; the container goes on. The "
        "exit "
        "code is the container's.",
    .options = attach_options,
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int attach(const Context& context, const cli::Parsed& parsed) {
  return engine::attach(context.place, parsed.operands.front(),
                        {.input = !parsed.has("no-stdin"),
                         .passes_signals = parsed.has("sig-proxy", true),
                         .detach_keys = parsed.value("detach-keys").value_or("")},
                        notify);
}

}  // namespace tare::commands
