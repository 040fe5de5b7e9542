// tare logs: what a container wrote.
#include "engine/logs.h"

#include <unistd.h>

#include "base/units.h"
#include "commands/commands.h"
#include "engine/moment.h"
#include "sys/file.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option logs_options[] = {
    {"follow", 'f', Takes::nothing, "", "go on with what it writes until it ends"},
    {"tail", 'n', Takes::value, "N", "the last N lines only; \"all\" for all (default: all)"},
    {"since", 0, Takes::value, "TIME", "only what came at TIME or later"},
    {"until", 0, Takes::value, "TIME", "only what came at TIME or earlier"},
    {"timestamps", 't', Takes::nothing, "", "the time before each line"},
    {"details", 0, Takes::nothing, "", "before each line what --log-opt labels=… and env=… named"},
};

std::optional<std::uint64_t> parse_tail(const std::string& text) {
  if (text == "all") return std::nullopt;
  const auto count = parse_integer<std::int64_t>(text);
  return count < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(count));
}

}  // namespace

constinit const cli::Command logs_command = {
    .name = "logs",
    .operands = "CONTAINER",
    .summary = "Show what a container wrote to its standard output and error",
    .details =
        "Each to the stream it was written to, byte for byte, also after the container has ended. TIME is a "
        "duration ago (10m, 1h30m), a date (2024-02-29, 2024-02-29T12:00:00Z) or seconds since 1970.",
    .options = logs_options,
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int logs(const Context& context, const cli::Parsed& parsed) {
  const Time present = now();
  const auto read_moment = [&](const std::string& text) { return engine::parse_moment(text, present); };
  const engine::LogQuery query{.follow = parsed.has("follow"),
                               .timestamps = parsed.has("timestamps"),
                               .details = parsed.has("details"),
                               .tail = parsed.value_as("tail", parse_tail).value_or(std::nullopt),
                               .since = parsed.value_as("since", read_moment),
                               .until = parsed.value_as("until", read_moment)};
  engine::show_log(context.place, parsed.operands.front(), query,
                   [](monitor::LogStream stream, std::string_view text) {
                     if (stream == monitor::LogStream::output)
                       print(text);
                     else
                       sys::write_all(sys::Fd(STDERR_FILENO), text);
                   });
  return 0;
}

}  // namespace tare::commands
