// tare-runtime ps: the processes of a container.
#include <algorithm>
#include <charconv>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/format.h"
#include "base/json.h"
#include "cgroup/usage.h"
#include "commands/commands.h"
#include "runtime/process_list.h"
#include "runtime/state_dir.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option option_table[] = {
    {"format", 'f', Takes::value, "table|json", "how to print (default: table)"},
};

// What the machine's own ps(1) prints: its columns are for it to choose.
std::string output_of_ps(const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("cannot make a pipe");
  const sys::UniqueFd read_end(ends[0]);
  sys::UniqueFd write_end(ends[1]);
  std::vector<char*> words;
  words.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, write_end.number(), STDOUT_FILENO);
  pid_t pid;
  const int failed = ::posix_spawnp(&pid, "ps", &actions, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw system_error(failed, "cannot run ps", "--format json does without");
  write_end.reset();
  std::string text = sys::read_all(read_end);
  if (sys::reap(pid) != 0) throw Error(ErrorKind::system, "ps failed");
  return text;
}

// The header, and the lines whose column PID has one of these.
std::string filtered(std::string_view text, const std::vector<pid_t>& pids) {
  std::string kept;
  std::size_t column = std::string::npos;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    std::vector<std::string_view> fields;
    for (std::size_t at = 0; (at = line.find_first_not_of(' ', at)) != line.npos;) {
      const std::size_t end = std::min(line.find(' ', at), line.size());
      fields.push_back(line.substr(at, end - at));
      at = end;
    }
    if (column == std::string::npos) {
      column = static_cast<std::size_t>(std::ranges::find(fields, "PID") - fields.begin());
      if (column == fields.size()) throw Error(ErrorKind::invalid, "ps shows no column PID");
      kept.append(line).append("\n");
      continue;
    }
    pid_t pid = 0;
    if (column < fields.size())
      std::from_chars(fields[column].data(), fields[column].data() + fields[column].size(), pid);
    if (std::ranges::binary_search(pids, pid)) kept.append(line).append("\n");
  }
  return kept;
}

}  // namespace

constinit const cli::Command ps_command = {
    .name = "ps",
    .operands = "ID [PS OPTION...]",
    .summary = "List the processes of a container",
    .details = "The table is that of ps(1), with the options given (default: -ef).",
    .options = option_table,
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = true,
    .aliases = {},
};

int ps(const Context& context, const cli::Parsed& parsed) {
  const std::string format_name = parsed.value("format").value_or("table");
  if (format_name != "table" && format_name != "json")
    throw Error(ErrorKind::usage, format("invalid format option: {}", format_name), 0, "table or json");
  const auto directory = runtime::StateDirectory::open(context.root, parsed.operands.front());
  const auto state = directory.try_read();
  std::vector<pid_t> pids;
  const cgroup::Layout cgroups = cgroup::read_layout();
  const bool has_ended = directory.status(state) == runtime::Status::stopped;
  if (state)
    pids = has_ended ? cgroup::list_processes(cgroups, state->cgroup)
                     : runtime::list_processes(cgroups, state->cgroup, state->pid);
  if (format_name == "json") {
    print(json::compact(json::array(pids.begin(), pids.end())) + "\n");
    return 0;
  }
  std::vector<std::string> arguments{"ps"};
  arguments.insert(arguments.end(), parsed.operands.begin() + 1, parsed.operands.end());
  if (arguments.size() == 1) arguments.emplace_back("-ef");
  print(filtered(output_of_ps(arguments), pids));
  return 0;
}

}  // namespace tare::commands
