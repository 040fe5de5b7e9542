// tare-runtime features: what a config.json may ask for.
#include "runtime/features.h"

#include "commands/commands.h"

namespace tare::commands {

constinit const cli::Command features_command = {
    .name = "features",
    .operands = "",
    .summary = "Print what is supported, as JSON",
    .details = "The form is the specification's (features.md).",
    .options = {},
    .minimum_operands = 0,
    .maximum_operands = 0,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int features(const Context&, const cli::Parsed&) {
  print(json::pretty(runtime::describe_features()));
  return 0;
}

}  // namespace tare::commands
