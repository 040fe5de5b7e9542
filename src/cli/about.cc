#include "cli/about.h"

#include <fcntl.h>

#include "base/format.h"
#include "cli/completion.h"
#include "cli/manual.h"
#include "cli/text.h"
#include "sys/file.h"

namespace tare::cli {

namespace {

constexpr Option manual_options[] = {
    {"all", 0, Takes::value, "DIR", "write every page into DIR, each a file named as man(1) looks for it"}};

void write_page(const std::string& directory, const Program& program, int section, const Command* command) {
  const std::string file = format("{}/{}.{}", directory, manual_name(program, command), section);
  const sys::UniqueFd page = sys::open_at(sys::here, file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  sys::write_all(page, manual(program, section, command));
}

}  // namespace

constinit const Command completion_command = {
    .name = "completion",
    .operands = "bash|zsh|fish",
    .summary = "Print what makes a shell complete this program's command line",
    .details =
        "For the shell you are in, as long as it runs, with this program's name:\n"
        "\n"
        "  source <(PROGRAM completion bash)\n"
        "  PROGRAM completion fish | source\n",
    .options = {},
    .minimum_operands = 1,
    .maximum_operands = 1,
    .options_end_at_first_operand = false,
    .aliases = {},
};

constinit const Command manual_command = {
    .name = "manual",
    .operands = "[SUBCOMMAND...]",
    .summary = "Print the manual page of the program or of a command, for man(1)",
    .details =
        "To read one that is not installed, with this program's name:\n"
        "\n"
        "  PROGRAM manual run | man -l -\n",
    .options = manual_options,
    .minimum_operands = 0,
    .maximum_operands = 2,
    .options_end_at_first_operand = false,
    .aliases = {},
};

std::string print_completion(const Program& program, const Parsed& parsed) {
  return completion_script(program, parsed.operands.front());
}

std::string print_manual(const Program& program, int section, const Parsed& parsed) {
  if (const auto directory = parsed.value("all")) {
    write_page(*directory, program, section, nullptr);
    for (const Command& command : program.commands) write_page(*directory, program, section, &command);
    return "";
  }
  if (parsed.operands.empty()) return manual(program, section);
  std::string name;
  for (const auto& word : parsed.operands) name.append(name.empty() ? "" : " ").append(word);
  const Command* command = find_command(program, name);
  if (!command)
    throw Error(ErrorKind::usage, format("{} has no command {}", program.name, printable(name)), 0,
                format("see '{} --help'", program.name));
  return manual(program, section, command);
}

}  // namespace tare::cli
