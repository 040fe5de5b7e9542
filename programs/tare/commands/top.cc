// tare top: the processes of a container.
#include "engine/top.h"

#include "cli/table.h"
#include "commands/commands.h"

namespace tare::commands {

constinit const cli::Command top_command = {
    .name = "top",
    .operands = "CONTAINER [PS-OPTION...]",
    .summary = "List the processes of a running container",
    .details =
        "As `ps -ef` does, with the host's pids. With options the host's ps is run, which must print a "
        "column "
        "PID.\n"
        "\n"
        "Examples:\n"
        " tare top web\n"
        " tare top web -o pid,rss,cmd",
    .options = {},
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = true,
    .aliases = {},
};

int top(const Context& context, const cli::Parsed& parsed) {
  const std::vector<std::string> options(parsed.operands.begin() + 1, parsed.operands.end());
  const std::string& name = parsed.operands.front();
  engine::ProcessTable processes = options.empty() ? engine::list_processes(context.place, name)
                                                   : engine::list_processes(context.place, name, options);
  constexpr std::size_t narrowest = 20;  // docker's
  cli::Table table(std::move(processes.titles), narrowest);
  for (const auto& row : processes.rows) table.add(row);
  print(table.text());
  return 0;
}

}  // namespace tare::commands
