// tare info, tare version.
#include "base/format.h"
#include "commands/commands.h"
#include "engine/host_report.h"

namespace tare::commands {

constinit const cli::Command info_command = {
    .name = "info",
    .operands = "",
    .summary = "Tell what this machine offers containers, and what it lacks",
    .details = {},
    .options = {},
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int info(const Context& context, const cli::Parsed&) {
  print(engine::host_report(context.place));
  return 0;
}

constinit const cli::Command version_command = {
    .name = "version",
    .operands = "",
    .summary = "Print the version",
    .details = {},
    .options = {},
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int version(const Context&, const cli::Parsed&) {
  print(format("tare version {}\n", TARE_VERSION));
  return 0;
}

}  // namespace tare::commands
