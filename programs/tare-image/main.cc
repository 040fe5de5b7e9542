// tare-image: everything that moves image bytes. Parses the command line and calls the verb.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iterator>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/help.h"
#include "cli/option_table.h"
#include "commands/commands.h"

namespace tare {
namespace {

using cli::Takes;

constexpr cli::Option global_options[] = {
    {"root", 0, Takes::value, "DIR", "where layers are kept (default: $TARE_ROOT, or /var/lib/tare)"},
};
const cli::Command command_table[] = {
    commands::pull_command,         commands::push_command,         commands::login_command,
    commands::logout_command,       commands::load_command,         commands::save_command,
    commands::import_command,       commands::system_check_command, commands::unpack_command,
    commands::unpack_image_command, commands::export_command,       commands::commit_command};
constexpr commands::Verb verbs[] = {commands::pull,         commands::push,          commands::login,
                                    commands::logout,       commands::load,          commands::save,
                                    commands::import,       commands::check,         commands::unpack,
                                    commands::unpack_image, commands::export_layers, commands::commit};
static_assert(std::size(command_table) == std::size(verbs));

const cli::Program program = {
    .name = "tare-image",
    .summary = "the part of tare that moves image bytes",
    .details = "`tare` starts it when it needs it.",
    .global_options = global_options,
    .commands = command_table,
    .single_dash_names = false,
};

int act(cli::Words words) {
  const cli::Split split = cli::split(program, words);
  const int width = cli::terminal_width(sys::Fd(STDOUT_FILENO));
  if (!split.command) {
    std::fputs(cli::help(program, width, split.group).c_str(), stdout);
    return 0;
  }
  const cli::Parsed parsed = cli::parse(program, split);
  if (parsed.help) {
    std::fputs(cli::help(program, *split.command, width).c_str(), stdout);
    return 0;
  }
  return verbs[split.command - command_table](parsed);
}

}  // namespace
namespace commands {

HostPath root_of(const cli::Parsed& parsed) {
  const char* root = std::getenv("TARE_ROOT");
  return HostPath(parsed.value("root").value_or(root && *root ? root : "/var/lib/tare"));
}

image::ProgressReport reporting_to(cli::Progress& progress) {
  return [&progress](Bytes done, Bytes total) {
    progress.update(static_cast<std::uint64_t>(done),
                    total > 0 ? std::optional(static_cast<std::uint64_t>(total)) : std::nullopt);
  };
}

}  // namespace commands
}  // namespace tare

int main(int count, char** words) {
  ::umask(022);
  try {
    const int code =
        tare::act({words + (count > 0 ? 1 : 0), static_cast<std::size_t>(count > 0 ? count - 1 : 0)});
    if (std::fflush(stdout) != 0) throw tare::system_error("cannot write to standard output");
    return code;
  } catch (const tare::Error& error) {
    std::fprintf(stderr, "tare: %s\n", error.what());
    // As tare's own verbs: 125 where the command line is wrong, else 1.
    const int code = tare::exit_code(error.kind());
    return code == 125 && error.kind() != tare::ErrorKind::usage ? 1 : code;
  } catch (const tare::Reported& reported) {
    return reported.exit_code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tare: %s\n", error.what());
    return 125;
  }
}
