#include "engine/top.h"

#include <algorithm>
#include <ctime>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "cgroup/layout.h"
#include "cgroup/text.h"
#include "engine/containers.h"
#include "engine/process_status.h"
#include "runtime/process_list.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/user_names.h"

namespace tare::engine {
namespace {

using cgroup::next_word, cgroup::to_number;

std::vector<pid_t> processes_of(const state::Place& place, const std::string& name_or_id) {
  const Container container = find_container(place, name_or_id);
  if (!container.running)
    throw Error(ErrorKind::conflict, format("container {} is not running", container.record.id.value));
  return runtime::list_processes(cgroup::read_layout(), container.record.cgroup, container.running->pid);
}

std::string output_of_ps(const std::vector<std::string>& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("cannot make a pipe");
  const sys::UniqueFd output(ends[0]);
  sys::UniqueFd theirs(ends[1]);
  std::vector<char*> words{const_cast<char*>("ps")};
  for (const auto& option : options) words.push_back(const_cast<char*>(option.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, theirs.number(), STDOUT_FILENO);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, "ps", &actions, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw system_error(error, "cannot start ps", "leave out its options");
  theirs.reset();
  std::string text = sys::read_all(output);
  const int status = sys::reap(pid);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw Error(ErrorKind::invalid, "ps failed");
  return text;
}

// The last column, which may have blanks in it, takes the rest.
std::vector<std::string> fields_of(std::string_view line, std::size_t most) {
  std::vector<std::string> fields;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty()) return fields;
    const auto end = fields.size() + 1 == most ? line.npos : line.find_first_of(" \t");
    fields.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(end, line.size()));
  }
}

}  // namespace

ProcessTable list_processes(const state::Place& place, const std::string& name_or_id) {
  ProcessTable table{.titles = {"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"}, .rows = {}};
  const sys::UserNames users;
  for (const pid_t pid : processes_of(place, name_or_id)) {
    const auto status = read_process_status(pid);
    if (!status) continue;  // it has ended
    table.rows.push_back({users.name_of(status->user), std::to_string(pid), std::to_string(status->parent),
                          std::to_string(cpu_share(*status)), start_words(*status, now()),
                          terminal_name(status->terminal), cpu_time_words(*status), status->command});
  }
  return table;
}

ProcessTable list_processes(const state::Place& place, const std::string& name_or_id,
                            const std::vector<std::string>& ps_options) {
  const std::vector<pid_t> pids = processes_of(place, name_or_id);
  const std::string text = output_of_ps(ps_options);
  std::string_view rest = text;
  ProcessTable table{.titles = fields_of(next_word(rest, '\n'), std::string::npos), .rows = {}};
  const auto column = static_cast<std::size_t>(std::ranges::find(table.titles, "PID") - table.titles.begin());
  if (column == table.titles.size())
    throw Error(ErrorKind::invalid, "Couldn't find PID field in ps output", 0,
                "let ps print it, as in -o pid,cmd");
  bool is_ours = false;
  while (!rest.empty()) {
    auto fields = fields_of(next_word(rest, '\n'), table.titles.size());
    if (fields.size() <= column) continue;
    // A thread's line has a dash there, and belongs to the process before it.
    if (fields[column] != "-") {
      const auto pid = to_number(fields[column]);
      is_ours = pid && std::ranges::binary_search(pids, static_cast<pid_t>(*pid));
    }
    if (is_ours) table.rows.push_back(std::move(fields));
  }
  return table;
}

}  // namespace tare::engine
