// tare-runtime create, start, run.
#include "runtime/create.h"

#include "base/units.h"
#include "commands/commands.h"

namespace tare::commands {
namespace {

using cli::Takes;

// One's own first, what both take, and the other's own.
constexpr cli::Option option_table[] = {
    {"plan", 0, Takes::optional_value, "text|json", "print what would be done, in order, and do nothing"},
    {"bundle", 'b', Takes::value, "DIR", "the bundle (default: the working directory)"},
    {"console-socket", 0, Takes::value, "PATH", "send the terminal's controlling side to this unix socket"},
    {"pid-file", 0, Takes::value, "FILE", "write the process's pid to FILE"},
    {"config", 'f', Takes::value, "FILE", "take this in place of the bundle's config.json"},
    {"pidfd-socket", 0, Takes::value, "PATH", "send a pidfd of the process to this unix socket"},
    {"no-pivot", 0, Takes::nothing, "",
     "for an initial ramdisk: do not use pivot_root. Less secure: the host's tree stays mounted below the "
     "root, for "
     "whoever gets out of a chroot"},
    {"no-new-keyring", 0, Takes::nothing, "", "let the container have the caller's session keyring"},
    {"preserve-fds", 0, Takes::value, "N", "pass N more descriptors on, from 3"},
    {"detach", 'd', Takes::nothing, "", "do not wait for its end"},
    {"keep", 0, Takes::nothing, "", "do not delete the container when it ends"},
    {"no-subreaper", 0, Takes::nothing, "", "accepted for compatibility: nothing is adopted anyway"},
};
constexpr std::size_t only_of_create = 1, only_of_run = 3;

runtime::CreateOptions read_options(const Context& context, const cli::Parsed& parsed) {
  const auto number = [](const std::string& text) { return parse_integer<int>(text, 0, 1024); };
  return {.root = context.root,
          .id = parsed.operands.front(),
          .bundle = HostPath(parsed.value("bundle").value_or(".")),
          .pid_file = parsed.value("pid-file").value_or(""),
          .config_file = parsed.value("config").value_or(""),
          .console_socket = parsed.value("console-socket").value_or(""),
          .pidfd_socket = parsed.value("pidfd-socket").value_or(""),
          .passed_descriptors = parsed.value_as("preserve-fds", number).value_or(0),
          .new_keyring = !parsed.has("no-new-keyring"),
          .pivots = !parsed.has("no-pivot"),
          .driver = context.driver,
          .warn = warn};
}

}  // namespace

constinit const cli::Command create_command = {
    .name = "create",
    .operands = "ID",
    .summary = "Create a container from a bundle; its process waits for `start`",
    .details = {},
    .options = std::span(option_table).first(std::size(option_table) - only_of_run),
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int create(const Context& context, const cli::Parsed& parsed) {
  const runtime::CreateOptions options = read_options(context, parsed);
  if (const auto format = parsed.value_as("plan", plan::parse_format))
    print(plan::print(runtime::plan_creation(options), *format));
  else
    runtime::create(options);
  return 0;
}

constinit const cli::Command start_command = {
    .name = "start",
    .operands = "ID",
    .summary = "Let a created container's process become the user's program",
    .details = {},
    .options = {},
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int start(const Context& context, const cli::Parsed& parsed) {
  runtime::start(context.root, parsed.operands.front());
  return 0;
}

constinit const cli::Command run_command = {
    .name = "run",
    .operands = "ID",
    .summary = "Create a container from a bundle and start it",
    .details =
        "Waits for its end, passing signals on to it, and then deletes it. The exit code is the process's, "
        "or 128 "
        "+ N if signal N ended it.",
    .options = std::span(option_table).subspan(only_of_create),
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

int run(const Context& context, const cli::Parsed& parsed) {
  return runtime::run(read_options(context, parsed),
                      parsed.has("detach") ? runtime::Stay::not_at_all : runtime::Stay::until_end,
                      parsed.has("keep") ? runtime::Keep::state : runtime::Keep::nothing);
}

}  // namespace tare::commands
