// tare-runtime state, list, pause, resume, kill, delete: the containers there are, and their end.
#include <optional>
#include <regex.h>

#include "base/error.h"
#include "base/format.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/table.h"
#include "commands/commands.h"
#include "runtime/end.h"
#include "runtime/pause.h"
#include "runtime/state_dir.h"
#include "sys/signals.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option list_options[] = {
    {"format", 'f', Takes::value, "table|json", "how to print (default: table)"},
    {"quiet", 'q', Takes::nothing, "", "print ids only"},
};
constexpr cli::Option kill_options[] = {
    {"all", 'a', Takes::nothing, "", "send it to every process in the container, whether it runs or not"},
    {"regex", 'r', Takes::nothing, "", "ID is a regular expression (POSIX, extended): all that match it"},
};
constexpr cli::Option delete_options[] = {
    {"force", 'f', Takes::nothing, "",
     "end a running container first (SIGKILL); one that is not there is no error"},
    {"regex", 'r', Takes::nothing, "", "ID is a regular expression (POSIX, extended): all that match it"},
};

std::vector<std::string> matching_ids(const HostPath& root, const std::string& expression) {
  regex_t compiled;
  if (::regcomp(&compiled, expression.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
    throw Error(ErrorKind::usage, format("invalid regular expression: {}", expression));
  std::vector<std::string> ids = runtime::list_ids(root);
  std::erase_if(ids,
                [&](const std::string& id) { return ::regexec(&compiled, id.c_str(), 0, nullptr, 0) != 0; });
  ::regfree(&compiled);
  return ids;
}

// Of several, one that fails does not keep the others; its error is the one to tell.
template <typename Act>
void for_each_named(const Context& context, const cli::Parsed& parsed, Act act) {
  const std::string& name = parsed.operands.front();
  if (!parsed.has("regex")) return act(name);
  std::optional<Error> first;
  for (const auto& id : matching_ids(context.root, name)) try {
      act(id);
    } catch (const Error& error) {
      if (!first) first = error;
    }
  if (first) throw Error(*first);
}

}  // namespace

constinit const cli::Command state_command = {
    .name = "state",
    .operands = "ID",
    .summary = "Print the state of a container, as JSON",
    .details = {},
    .options = {},
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int state(const Context& context, const cli::Parsed& parsed) {
  const auto directory = runtime::StateDirectory::open(context.root, parsed.operands.front());
  print(json::pretty(runtime::describe_state(directory, directory.try_read())));
  return 0;
}

constinit const cli::Command list_command = {
    .name = "list",
    .operands = "",
    .summary = "List containers",
    .details = {},
    .options = list_options,
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int list(const Context& context, const cli::Parsed& parsed) {
  const std::string format_name = parsed.value("format").value_or("table");
  if (format_name != "table" && format_name != "json")
    throw Error(ErrorKind::usage, format("invalid format option: {}", format_name), 0, "table or json");
  const bool as_json = format_name == "json";
  json::array all;
  cli::Table table({"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"});
  std::string ids;
  for (const auto& id : runtime::list_ids(context.root)) {
    if (parsed.has("quiet")) {
      ids += id + "\n";
      continue;
    }
    const auto directory = runtime::StateDirectory::try_open(context.root, id);
    if (!directory) continue;  // deleted meanwhile
    if (as_json) {
      all.push_back(runtime::describe_state(*directory, directory->try_read()));
      continue;
    }
    const auto one = runtime::summarize_state(*directory, directory->try_read());
    table.add({id, std::to_string(one.pid), std::string(runtime::status_name(one.status)), one.known.bundle,
               format_time(one.known.created), one.owner});
  }
  print(parsed.has("quiet") ? ids : as_json ? json::compact(all) + "\n" : table.text());
  return 0;
}

constinit const cli::Command pause_command = {
    .name = "pause",
    .operands = "ID",
    .summary = "Stop every process of a container where it is",
    .details = {},
    .options = {},
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int pause(const Context& context, const cli::Parsed& parsed) {
  runtime::pause(context.root, parsed.operands.front());
  return 0;
}

constinit const cli::Command resume_command = {
    .name = "resume",
    .operands = "ID",
    .summary = "Let the processes of a paused container go on",
    .details = {},
    .options = {},
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int resume(const Context& context, const cli::Parsed& parsed) {
  runtime::resume(context.root, parsed.operands.front());
  return 0;
}

constinit const cli::Command kill_command = {
    .name = "kill",
    .operands = "ID [SIGNAL]",
    .summary = "Send a signal to a container's process",
    .details =
        "SIGNAL is a name, with SIG or without, or a number (default: TERM). A container that was not "
        "started "
        "yet is ended by each signal that would end a program.",
    .options = kill_options,
    .minimum_operands = 1,
    .maximum_operands = 2,
    .options_end_at_first_operand = true,
    .aliases = {},
};

int kill(const Context& context, const cli::Parsed& parsed) {
  const int signal = sys::parse_signal(parsed.operands.size() > 1 ? parsed.operands[1] : "TERM");
  const auto to = parsed.has("all") ? runtime::To::all_processes : runtime::To::first_process;
  for_each_named(context, parsed,
                 [&](const std::string& id) { runtime::kill(context.root, id, signal, to); });
  return 0;
}

constinit const cli::Command delete_command = {
    .name = "delete",
    .operands = "ID",
    .summary = "Delete a container that has stopped, or was never started",
    .details = {},
    .options = delete_options,
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int remove(const Context& context, const cli::Parsed& parsed) {
  const auto removal = parsed.has("force") ? runtime::Removal::also_running : runtime::Removal::only_stopped;
  for_each_named(context, parsed,
                 [&](const std::string& id) { runtime::remove(context.root, id, removal, warn); });
  return 0;
}

}  // namespace tare::commands
