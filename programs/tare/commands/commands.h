// The verbs of tare: each file has the verb's option table and the function that carries it out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/option_table.h"
#include "engine/containers.h"

namespace tare::commands {

struct Context {
  std::string_view verb = {};  ///< the command's name, and the words after it
  cli::Words words = {};
  state::Place place;
};

/// Carries a parsed command out; the result is the exit code.
using Verb = int (*)(const Context& context, const cli::Parsed& parsed);

extern const cli::Command run_command, create_command, start_command, stop_command, restart_command,
    kill_command, wait_command, attach_command, exec_command, rename_command, pause_command, unpause_command,
    ps_command, logs_command, top_command, stats_command, rm_command, inspect_command, info_command,
    version_command, export_command, commit_command, volume_create_command, volume_ls_command,
    volume_inspect_command, volume_rm_command, volume_prune_command, explain_command, script_command,
    images_command, tag_command, rmi_command, history_command, image_inspect_command, image_prune_command,
    system_df_command, system_prune_command;
int run(const Context& context, const cli::Parsed& parsed);
int create(const Context& context, const cli::Parsed& parsed);
int start(const Context& context, const cli::Parsed& parsed);
int stop(const Context& context, const cli::Parsed& parsed);
int restart(const Context& context, const cli::Parsed& parsed);
int kill(const Context& context, const cli::Parsed& parsed);
int wait(const Context& context, const cli::Parsed& parsed);
int attach(const Context& context, const cli::Parsed& parsed);
int exec(const Context& context, const cli::Parsed& parsed);
int rename(const Context& context, const cli::Parsed& parsed);
int pause(const Context& context, const cli::Parsed& parsed);
int unpause(const Context& context, const cli::Parsed& parsed);
int logs(const Context& context, const cli::Parsed& parsed);
int top(const Context& context, const cli::Parsed& parsed);
int stats(const Context& context, const cli::Parsed& parsed);
int ps(const Context& context, const cli::Parsed& parsed);
int rm(const Context& context, const cli::Parsed& parsed);
int inspect(const Context& context, const cli::Parsed& parsed);
int info(const Context& context, const cli::Parsed& parsed);
int version(const Context& context, const cli::Parsed& parsed);
int volume_create(const Context& context, const cli::Parsed& parsed);
int volume_ls(const Context& context, const cli::Parsed& parsed);
int volume_inspect(const Context& context, const cli::Parsed& parsed);
int volume_rm(const Context& context, const cli::Parsed& parsed);
int volume_prune(const Context& context, const cli::Parsed& parsed);
int images(const Context& context, const cli::Parsed& parsed);
int tag(const Context& context, const cli::Parsed& parsed);
int rmi(const Context& context, const cli::Parsed& parsed);
int history(const Context& context, const cli::Parsed& parsed);
int image_inspect(const Context& context, const cli::Parsed& parsed);
int image_prune(const Context& context, const cli::Parsed& parsed);
int system_df(const Context& context, const cli::Parsed& parsed);
int system_prune(const Context& context, const cli::Parsed& parsed);
int write_script(const Context& context, const cli::Parsed& parsed);
int explain_containers(const Context& context, const cli::Parsed& parsed);
int commit(const Context& context, const cli::Parsed& parsed);
int export_container(const Context& context, const cli::Parsed& parsed);

/// What a placeholder of the tables stands for: the containers there are for CONTAINER, and so on.
std::vector<std::string> names(const Context& context, std::string_view placeholder);

/// The variables of the options env-file and env.
std::vector<std::string> read_environment(const cli::Parsed& parsed);

/// Writes to standard output; throws when that fails, so that a full disk is not a success.
void print(std::string_view text);
/// Asks on standard output; true for an answer that begins with y.
bool is_confirmed(const std::string& question);
/// A line for a person, on standard error: "tare: …".
void notify(const std::string& line);

/// Does `act` for each operand; a failure is told and the others go on. The exit code.
template <typename Act>
int for_each_name(const cli::Parsed& parsed, Act act) {
  int code = 0;
  for (const auto& name : parsed.operands) {
    try {
      act(name);
    } catch (const Error& error) {
      notify(error.what());
      code = 1;
    } catch (const Reported&) {
      code = 1;
    }
  }
  return code;
}

}  // namespace tare::commands
