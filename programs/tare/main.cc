// tare: containers on the command line. Parses, calls the verb, prints one line when it fails.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iterator>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cli/about.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/image_verbs.h"
#include "cli/option_table.h"
#include "commands/commands.h"
#include "engine/own_namespace.h"
#include "engine/rootfs.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare {
namespace {

using cli::Takes;

constexpr cli::Option global_options[] = {
    {"root", 0, Takes::value, "DIR",
     "where containers and layers are kept (default: $TARE_ROOT, or /var/lib/tare; for others than root "
     "~/.local/share/tare)"},
    {"run-root", 0, Takes::value, "DIR",
     "where running containers are noted (default: $TARE_RUN_ROOT, or /run/tare; for others than root "
     "$XDG_RUNTIME_DIR/tare)"},
    {"version", 'v', Takes::nothing, "", "print the version"},
};

using namespace commands;

int completion(const Context& context, const cli::Parsed& parsed);
int hand_over(const Context& context, const cli::Parsed& parsed);
int manual(const Context& context, const cli::Parsed& parsed);

// The order is that of the help.
const cli::Command commands_table[] = {run_command,          create_command,
                                       start_command,        stop_command,
                                       restart_command,      kill_command,
                                       wait_command,         attach_command,
                                       exec_command,         ps_command,
                                       logs_command,         top_command,
                                       stats_command,        inspect_command,
                                       explain_command,      script_command,
                                       rename_command,       pause_command,
                                       unpause_command,      rm_command,
                                       export_command,       commit_command,
                                       images_command,       pull_command,
                                       push_command,         load_command,
                                       save_command,         import_command,
                                       tag_command,          rmi_command,
                                       history_command,      image_inspect_command,
                                       image_prune_command,  volume_create_command,
                                       volume_ls_command,    volume_inspect_command,
                                       volume_rm_command,    volume_prune_command,
                                       system_df_command,    system_prune_command,
                                       system_check_command, login_command,
                                       logout_command,       info_command,
                                       version_command,      cli::completion_command,
                                       cli::manual_command};
// As whom a verb works for a user who is not root.
enum class As {
  nobody,            ///< it has nothing to do with containers
  user,              ///< a container is explained from outside of its user namespace
  root,              ///< of the user namespace that his containers share
  root_if_possible,  ///< else it tells what is missing
};
constexpr struct {
  Verb verb;
  As as;
} verbs[] = {
    {run, As::root},
    {create, As::root},
    {start, As::root},
    {stop, As::root},
    {restart, As::root},
    {kill, As::root},
    {wait, As::root},
    {attach, As::root},
    {exec, As::root},
    {ps, As::root},
    {logs, As::root},
    {top, As::root},
    {stats, As::root},
    {inspect, As::root},
    {explain_containers, As::user},
    {write_script, As::root},
    {rename, As::root},
    {pause, As::root},
    {unpause, As::root},
    {rm, As::root},
    {export_container, As::root},
    {commit, As::root},
    {images, As::root},
    {hand_over, As::root},
    {hand_over, As::root},
    {hand_over, As::root},
    {hand_over, As::root},
    {hand_over, As::root},
    {tag, As::root},
    {rmi, As::root},
    {history, As::root},
    {image_inspect, As::root},
    {image_prune, As::root},
    {volume_create, As::root},
    {volume_ls, As::root},
    {volume_inspect, As::root},
    {volume_rm, As::root},
    {volume_prune, As::root},
    {system_df, As::root},
    {system_prune, As::root},
    {hand_over, As::root},
    {hand_over, As::user},
    {hand_over, As::user},
    {info, As::root_if_possible},
    {version, As::nobody},
    {completion, As::nobody},
    {manual, As::nobody},
};
static_assert(std::size(commands_table) == std::size(verbs));

// As docker: 125 is told apart from the exit codes of a container's command; where there is none, 1 will do.
int exit_code_for(const cli::Command& command, ErrorKind kind) {
  return kind == ErrorKind::usage || command.name == "run" || exit_code(kind) != 125 ? exit_code(kind) : 1;
}

const cli::Program program = {
    .name = "tare",
    .summary = "containers that weigh nothing and hide nothing",
    .details =
        "`tare run --rm -it ./busybox.tar sh` starts a shell in a container; `--plan` shows what that takes.",
    .global_options = global_options,
    .commands = commands_table,
    .single_dash_names = false,
};

int completion(const Context&, const cli::Parsed& parsed) {
  print(cli::print_completion(program, parsed));
  return 0;
}

int manual(const Context&, const cli::Parsed& parsed) {
  print(cli::print_manual(program, 1, parsed));
  return 0;
}

// What moves image bytes is tare-image's: it reads the same words again.
int hand_over(const Context& context, const cli::Parsed&) {
  const std::string image_program = engine::image_program();
  std::string group(context.verb.substr(0, context.verb.find(' ')));
  std::string verb(context.verb.substr(context.verb.rfind(' ') + 1));
  std::vector<const char*> words{"tare-image", "--root", context.place.root.c_str(), group.c_str()};
  if (group != verb) words.push_back(verb.c_str());
  words.insert(words.end(), context.words.begin(), context.words.end());
  words.push_back(nullptr);
  ::execv(image_program.c_str(), const_cast<char* const*>(words.data()));
  throw system_error(format("cannot execute {}", image_program));
}

// An option, else the environment, else the default; absolute, since it outlives this process's working
// directory.
HostPath place_of(const cli::Parsed& parsed, std::string_view option, const char* variable,
                  std::string (*otherwise)()) {
  const char* set = std::getenv(variable);
  const auto given = parsed.value(option);
  std::string path = given ? *given : set && *set ? set : otherwise();
  if (path.empty()) throw Error(ErrorKind::usage, format("--{} needs a directory", option));
  // Made by what puts something there: to look, or to plan, leaves nothing.
  if (sys::exists(sys::here, path)) return sys::canonical(HostPath(path));
  return path.starts_with('/') ? HostPath(path) : sys::canonical(HostPath(".")) / path;
}

int print_help(const std::string& text) {
  commands::print(text);
  return 0;
}

commands::Context context_of(const cli::Parsed& globals, std::string_view verb = {}, cli::Words words = {}) {
  return {.verb = verb,
          .words = words,
          .place = {.root = place_of(globals, "root", "TARE_ROOT", engine::standard_root),
                    .run_root = place_of(globals, "run-root", "TARE_RUN_ROOT", engine::standard_run_root)}};
}

void become(As whom, const state::Place& place, std::optional<engine::OwnNamespace>& own_namespace) {
  if (whom == As::nobody || whom == As::user) return;
  try {
    own_namespace.emplace(place);
  } catch (const Error& error) {
    if (whom == As::root) throw;
    notify(error.what());
  }
}

int complete(cli::Words words) {
  const auto names_of = [&](std::string_view placeholder) {
    return names(context_of(cli::split(program, words).globals), placeholder);
  };
  return print_help(cli::to_text(cli::complete(program, words, names_of)));
}

int act(cli::Words words) {
  if (!words.empty() && std::string_view(words[0]) == "__complete") return complete(words.subspan(1));
  const auto width = [] { return cli::terminal_width(sys::Fd(STDOUT_FILENO)); };
  if (!words.empty() && std::string_view(words[0]) == "help") {
    const auto* command = words.size() > 1 ? cli::find_command(program, words[1]) : nullptr;
    return print_help(command ? cli::help(program, *command, width()) : cli::help(program, width()));
  }
  const cli::Split split = cli::split(program, words);
  if (!split.command) {
    if (split.globals.has("version")) return commands::version({}, split.globals);
    return print_help(cli::help(program, width(), split.group));
  }
  const cli::Parsed parsed = cli::parse(program, split);
  if (parsed.help) return print_help(cli::help(program, *split.command, width()));
  try {
    const auto& [verb, whom] = verbs[split.command - commands_table];
    const commands::Context context =
        whom == As::nobody ? commands::Context{} : context_of(parsed, split.command->name, split.words);
    std::optional<engine::OwnNamespace> own_namespace;
    become(whom, context.place, own_namespace);
    return verb(context, parsed);
  } catch (const Error& error) {
    notify(error.what());
    return exit_code_for(*split.command, error.kind());
  }
}

}  // namespace

namespace commands {

void print(std::string_view text) {
  try {
    sys::write_all(sys::Fd(STDOUT_FILENO), text);
  } catch (const Error& error) {
    throw system_error(error.error_number(), "cannot write to standard output");
  }
}

bool is_confirmed(const std::string& question) {
  print(question + "\nAre you sure you want to continue? [y/N] ");
  char answer = 0;
  return ::read(STDIN_FILENO, &answer, 1) == 1 && (answer == 'y' || answer == 'Y');
}

void notify(const std::string& line) {
  const std::string text = "tare: " + line + "\n";
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace commands
}  // namespace tare

int main(int count, char** words) {
  ::umask(022);  // the container's files have the modes they should, whatever the caller's habits are
  tare::sys::remember_command_line(count, words);
  tare::sys::fill_standard_streams();
  tare::sys::keep_ended_children();
  try {
    return tare::act({words + (count > 0 ? 1 : 0), static_cast<std::size_t>(count > 0 ? count - 1 : 0)});
  } catch (const tare::Error& error) {
    tare::commands::notify(error.what());
    return tare::exit_code(error.kind());
  } catch (const tare::Reported& reported) {
    return reported.exit_code;
  } catch (const std::exception& error) {
    tare::commands::notify(error.what());
    return 125;
  }
}
