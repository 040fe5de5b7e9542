// tare export: a container's files as a tarball.
#include "engine/export.h"

#include <unistd.h>

#include "commands/commands.h"
#include "sys/terminal.h"

namespace tare::commands {
namespace {

constexpr cli::Option option_table[] = {
    {"output", 'o', cli::Takes::value, "FILE", "write to FILE instead of standard output"},
};

}  // namespace

constinit const cli::Command export_command = {
    .name = "export",
    .operands = "CONTAINER",
    .summary = "Write a container's root file system as a tar archive",
    .details =
        "Of a running, created or ended container: what its root file system is together with its changes, "
        "without what is mounted in it (volumes, /proc, /dev). `tare run` takes it as a ROOTFS, and `docker "
        "import` as it is.\n"
        "\n"
        "Examples:\n"
        " tare export web -o web.tar\n"
        " tare export web | zstd >web.tar.zst",
    .options = option_table,
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int export_container(const Context& context, const cli::Parsed& parsed) {
  const auto output = parsed.value("output");
  if (output && output->empty()) throw Error(ErrorKind::usage, "--output needs a file");
  if (!output && sys::is_terminal(sys::Fd(STDOUT_FILENO)))
    throw Error(ErrorKind::usage, "cowardly refusing to save to a terminal", 0,
                "use the -o flag or redirect");
  engine::export_container(context.place, parsed.operands.front(), output);
}

}  // namespace tare::commands
