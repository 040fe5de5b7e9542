// tare-image export: writes what layers show together as a tar archive.
#include "image/export.h"

#include "commands/commands.h"

namespace tare::commands {
namespace {

constexpr cli::Option option_table[] = {
    {"output", 'o', cli::Takes::value, "FILE", "write to FILE instead of standard output"},
    {"user-marks", 0, cli::Takes::nothing, "", "overlayfs wrote the layers in a user namespace (userxattr)"},
};

}  // namespace

constinit const cli::Command export_command = {
    .name = "export",
    .operands = "LAYER...",
    .summary = "Write what directories show together as a tar archive",
    .details = "The topmost first, as overlayfs understands them.",
    .options = option_table,
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int export_layers(const cli::Parsed& parsed) {
  image::ExportOptions options;
  for (const auto& layer : parsed.operands) options.layers.emplace_back(layer);
  if (parsed.has("user-marks")) options.marks = store::Marks::user;
  options.output = parsed.value("output");
  image::export_tarball(options);
  return 0;
}

}  // namespace tare::commands
