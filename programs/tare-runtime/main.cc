// tare-runtime: containers from OCI bundles, for engines. Parses, calls the verb, tells an error to the log
// and to standard error.
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cli/about.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/option_table.h"
#include "commands/commands.h"
#include "log.h"
#include "runtime/state_dir.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/signals.h"
#include "sys/user_namespace.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

namespace tare {
namespace {

using cli::Takes;

constexpr cli::Option global_options[] = {
    {"root", 0, Takes::value, "DIR",
     "where containers are noted (default: $XDG_RUNTIME_DIR/tare-runtime, or /run/tare-runtime)"},
    {"log", 0, Takes::value, "[file:]FILE", "append errors to FILE, too"},
    {"log-format", 0, Takes::value, "text|json", "the form of the log (default: text)"},
    {"debug", 0, Takes::nothing, "", "accepted for compatibility"},
    {"systemd-cgroup", 0, Takes::nothing, "",
     "have systemd make new containers' cgroups; cgroupsPath is SLICE:PREFIX:NAME"},
    {"cgroup-manager", 0, Takes::value, "cgroupfs|systemd|disabled",
     "who makes new containers' cgroups (default: cgroupfs)"},
    {"rootless", 0, Takes::value, "true|false|auto", "accepted for compatibility"},
    {"log-level", 0, Takes::value, "error|warning|debug", "accepted for compatibility: only errors are told"},
    {"version", 'v', Takes::nothing, "", "print the version"},
    {"V", 'V', Takes::nothing, "", "the same"},
};

// Of options that have no other effect.
constexpr struct {
  std::string_view name;
  std::string_view words[3];
} choices[] = {{"rootless", {"true", "false", "auto"}}, {"log-level", {"error", "warning", "debug"}}};

int completion(const commands::Context& context, const cli::Parsed& parsed);
int manual(const commands::Context& context, const cli::Parsed& parsed);

const cli::Command commands_table[] = {
    commands::create_command,     commands::start_command,   commands::state_command,
    commands::kill_command,       commands::delete_command,  commands::run_command,
    commands::exec_command,       commands::ps_command,      commands::list_command,
    commands::spec_command,       commands::pause_command,   commands::resume_command,
    commands::update_command,     commands::events_command,  commands::features_command,
    commands::checkpoint_command, commands::restore_command, cli::completion_command,
    cli::manual_command};
constexpr commands::Verb verbs[] = {commands::create,
                                    commands::start,
                                    commands::state,
                                    commands::kill,
                                    commands::remove,
                                    commands::run,
                                    commands::exec,
                                    commands::ps,
                                    commands::list,
                                    commands::spec,
                                    commands::pause,
                                    commands::resume,
                                    commands::update,
                                    commands::events,
                                    commands::features,
                                    commands::checkpoint,
                                    commands::restore,
                                    completion,
                                    manual};
static_assert(std::size(commands_table) == std::size(verbs));

const cli::Program program = {
    .name = "tare-runtime",
    .summary = "containers from OCI bundles",
    .details = "The command line is that of runc; docs/compatibility.md says what differs.",
    .global_options = global_options,
    .commands = commands_table,
    .single_dash_names = true,
};

int completion(const commands::Context&, const cli::Parsed& parsed) {
  commands::print(cli::print_completion(program, parsed));
  return 0;
}

int manual(const commands::Context&, const cli::Parsed& parsed) {
  commands::print(cli::print_manual(program, 8, parsed));
  return 0;
}

constexpr int failed = 1;
constexpr int exec_failed = 255;  ///< as runc has it: engines tell it from the process's own

HostPath root_of(const cli::Parsed& parsed) {
  const char* user_directory = std::getenv("XDG_RUNTIME_DIR");
  std::string standard = "/run";
  if (!sys::is_root_of_system())
    standard =
        user_directory && *user_directory ? user_directory : format("/run/user/{}", sys::outside_uid());
  standard += "/tare-runtime";
  std::string root = parsed.value("root").value_or(standard);
  if (root.empty() || root == "/")
    throw Error(ErrorKind::usage, format("\"{}\" is no place for containers", root), 0, "see --root");
  return HostPath(std::move(root));
}

int complete(cli::Words words) {
  const auto names_of = [&](std::string_view placeholder) -> std::vector<std::string> {
    if (placeholder == "ID") return runtime::list_ids(root_of(cli::split(program, words).globals));
    if (placeholder != "SIGNAL") return {};
    const auto names = sys::signal_names();
    return {names.begin(), names.end()};
  };
  commands::print(cli::to_text(cli::complete(program, words, names_of)));
  return 0;
}

void check_choices(const cli::Parsed& parsed) {
  for (const auto& choice : choices)
    if (const auto word = parsed.value(choice.name);
        word && std::ranges::find(choice.words, *word) == std::end(choice.words))
      throw Error(ErrorKind::usage, format("invalid {}: {}", choice.name, *word), 0,
                  format("{}, {} or {}", choice.words[0], choice.words[1], choice.words[2]));
}

runtime::CgroupDriver driver_of(const cli::Parsed& parsed) {
  if (parsed.has("systemd-cgroup")) return runtime::CgroupDriver::systemd;
  return runtime::parse_driver(parsed.value("cgroup-manager").value_or("cgroupfs"));
}

int act(const cli::Split& split, const cli::Parsed& parsed) {
  if (split.globals.has("version") || parsed.has("version") || parsed.has("V")) {
    commands::print(format("tare-runtime version {}\nspec: 1.3.0\n", TARE_VERSION));
    return 0;
  }
  if (!split.command || parsed.help) {
    const int width = cli::terminal_width(sys::Fd(STDOUT_FILENO));
    commands::print(split.command ? cli::help(program, *split.command, width) : cli::help(program, width));
    return 0;
  }
  check_choices(parsed);
  return verbs[split.command - commands_table]({.root = root_of(parsed), .driver = driver_of(parsed)},
                                               parsed);
}

int run_program(cli::Words words) {
  Log log;
  int code = failed;
  try {
    if (!words.empty() && std::string_view(words[0]) == "__complete") return complete(words.subspan(1));
    const cli::Split split = cli::split(program, words);
    if (split.command && split.command->name == "exec") code = exec_failed;
    log = Log(split.globals);  // what is wrong with the command's own options is for it, too
    const cli::Parsed parsed = split.command ? cli::parse(program, split) : split.globals;
    log = Log(parsed);
    return act(split, parsed);
  } catch (const std::exception& error) {
    log.tell(error);
    return code;
  }
}

}  // namespace

namespace commands {

void print(std::string_view text) {
  try {
    sys::write_all(sys::Fd(STDOUT_FILENO), text);
  } catch (const Error& error) {
    throw system_error(error.error_number(), "cannot write to standard output");
  }
}

void warn(std::string_view words) {
  const std::string line = format("tare-runtime: warning: {}\n", words);
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace commands
}  // namespace tare

int main(int count, char** words) {
  ::umask(022);  // the container's files have the modes they should, whatever the caller's habits are
  tare::sys::fill_standard_streams();
  tare::sys::close_inherited_on_exec();
  tare::sys::keep_ended_children();
  return tare::run_program(
      {words + (count > 0 ? 1 : 0), static_cast<std::size_t>(count > 0 ? count - 1 : 0)});
}
