// tare-runtime events: what a container uses, as lines of JSON.
#include "runtime/events.h"

#include "base/error.h"
#include "base/units.h"
#include "commands/commands.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option option_table[] = {
    {"interval", 0, Takes::value, "DURATION", "the time between two statistics (default: 5s)"},
    {"stats", 0, Takes::nothing, "", "print the statistics once"},
};

std::chrono::nanoseconds read_interval(const std::string& text) {
  const auto interval = try_parse_duration(text);
  if (!interval) throw Error(ErrorKind::invalid, "not a duration", 0, "as 5s, 500ms or 1m30s");
  return *interval;
}

}  // namespace

constinit const cli::Command events_command = {
    .name = "events",
    .operands = "ID",
    .summary = "Print what a container uses, and when it was short of memory",
    .details = "Each line is a JSON object: type stats or oom, id, data. Ends with the container.",
    .options = option_table,
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int events(const Context& context, const cli::Parsed& parsed) {
  const auto interval = parsed.value_as("interval", read_interval).value_or(std::chrono::seconds(5));
  if (interval.count() <= 0) throw Error(ErrorKind::usage, "duration interval must be greater than 0");
  const auto tell = [](const json::object& event) { print(json::compact(event) + "\n"); };
  if (parsed.has("stats"))
    tell(runtime::statistics_event(context.root, parsed.operands.front()));
  else
    runtime::watch_events(context.root, parsed.operands.front(), interval, tell);
  return 0;
}

}  // namespace tare::commands
