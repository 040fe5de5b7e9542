// tare-runtime: containers from OCI bundles, for engines. Parses, calls the verb, tells an error to the log
// and to standard error.
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/help.h"
#include "cli/option_table.h"
#include "commands/commands.h"
#include "sys/file.h"
#include "sys/process.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

namespace tare {
namespace {

using cli::Takes;

constexpr cli::Option global_options[] = {
    {"root", 0, Takes::value, "DIR",
     "where containers are noted (default: $XDG_RUNTIME_DIR/tare-runtime, or /run/tare-runtime)"},
    {"log", 0, Takes::value, "FILE", "append errors to FILE, too"},
    {"log-format", 0, Takes::value, "text|json", "the form of the log (default: text)"},
    {"debug", 0, Takes::nothing, "", "accepted for compatibility"},
    {"systemd-cgroup", 0, Takes::nothing, "",
     "have systemd make new containers' cgroups; cgroupsPath is SLICE:PREFIX:NAME"},
    {"cgroup-manager", 0, Takes::value, "cgroupfs|systemd",
     "who makes new containers' cgroups (default: cgroupfs)"},
    {"version", 'v', Takes::nothing, "", "print the version"},
};

const cli::Command commands_table[] = {
    commands::create_command, commands::start_command, commands::state_command, commands::kill_command,
    commands::delete_command, commands::run_command,   commands::exec_command,  commands::ps_command,
    commands::list_command,   commands::spec_command};
constexpr commands::Verb verbs[] = {commands::create, commands::start, commands::state, commands::kill,
                                    commands::remove, commands::run,   commands::exec,  commands::ps,
                                    commands::list,   commands::spec};

const cli::Program program = {
    .name = "tare-runtime",
    .summary = "containers from OCI bundles",
    .details = "The command line is that of runc; docs/compatibility.md says what differs.",
    .global_options = global_options,
    .commands = commands_table,
    .single_dash_names = true,
};

constexpr int failed = 1;
constexpr int exec_failed = 255;  ///< as runc has it: engines tell it from the process's own

/// Where an error goes besides standard error.
struct Log {
  sys::UniqueFd file;
  bool json = false;
};

Log open_log(const cli::Parsed& globals) {
  Log log;
  const std::string format_name = globals.value("log-format").value_or("text");
  if (format_name != "text" && format_name != "json")
    throw Error(ErrorKind::usage, format("invalid log-format: {}", format_name), 0, "text or json");
  log.json = format_name == "json";
  if (const auto path = globals.value("log"); path && !path->empty())
    log.file = sys::open_at(sys::here, *path, O_WRONLY | O_CREAT | O_APPEND, 0644);
  return log;
}

// One object per error, and nothing else: engines read the last one, or expect only one.
std::string log_line(const Log& log, std::string_view words) {
  if (!log.json)
    return format("time=\"{}\" level=error msg={}\n", format_time(now()), json::compact(json::value(words)));
  return json::compact(json::object{
             {"level", "error"}, {"msg", json::replace_invalid_utf8(words)}, {"time", format_time(now())}}) +
         "\n";
}

// Engines match the words on standard error, too.
void tell(const Log& log, std::string_view words) {
  if (log.file) {
    const std::string line = log_line(log, words);
    (void)!::write(log.file.number(), line.data(), line.size());
  }
  const std::string text = log.json && !log.file ? log_line(log, words) : format("tare-runtime: {}\n", words);
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

HostPath root_of(const cli::Parsed& parsed) {
  const char* user_directory = std::getenv("XDG_RUNTIME_DIR");
  const bool is_users = ::geteuid() != 0 && user_directory && *user_directory;
  const std::string standard =
      is_users ? std::string(user_directory) + "/tare-runtime" : std::string("/run/tare-runtime");
  std::string root = parsed.value("root").value_or(standard);
  if (root.empty() || root == "/")
    throw Error(ErrorKind::usage, format("\"{}\" is no place for containers", root), 0, "see --root");
  return HostPath(std::move(root));
}

runtime::CgroupDriver driver_of(const cli::Parsed& parsed) {
  if (parsed.has("systemd-cgroup")) return runtime::CgroupDriver::systemd;
  return runtime::parse_driver(parsed.value("cgroup-manager").value_or("cgroupfs"));
}

int act(const cli::Split& split, const cli::Parsed& parsed) {
  const int width = cli::terminal_width(sys::Fd(STDOUT_FILENO));
  if (split.globals.has("version") || parsed.has("version")) {
    commands::print(format("tare-runtime version {}\nspec: 1.3.0\n", TARE_VERSION));
    return 0;
  }
  if (!split.command || parsed.help) {
    commands::print(split.command ? cli::help(program, *split.command, width) : cli::help(program, width));
    return 0;
  }
  return verbs[split.command - commands_table]({.root = root_of(parsed), .driver = driver_of(parsed)},
                                               parsed);
}

int run_program(cli::Words words) {
  Log log;
  int code = failed;
  try {
    const cli::Split split = cli::split(program, words);
    const cli::Parsed parsed = split.command ? cli::parse(program, split) : split.globals;
    log = open_log(parsed);
    if (split.command && split.command->name == "exec") code = exec_failed;
    return act(split, parsed);
  } catch (const std::exception& error) {
    tell(log, error.what());
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

}  // namespace commands
}  // namespace tare

int main(int count, char** words) {
  ::umask(022);  // the container's files have the modes they should, whatever the caller's habits are
  tare::sys::fill_standard_streams();
  // Nothing that the caller left open gets into the container (CVE-2024-21626).
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  tare::sys::keep_ended_children();
  return tare::run_program(
      {words + (count > 0 ? 1 : 0), static_cast<std::size_t>(count > 0 ? count - 1 : 0)});
}
