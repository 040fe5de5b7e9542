#include "explain/processes.h"

#include <algorithm>

#include "base/format.h"
#include "explain/namespaces.h"
#include "explain/proc_text.h"
#include "sys/file.h"
#include "sys/user_names.h"

namespace tare::explain {
namespace {

constexpr std::size_t longest_command = 4096;

// The last number is the one in the innermost pid namespace.
int last_number(std::string_view line) {
  int number = 0;
  while (!line.empty()) number = static_cast<int>(number_from(next_field(line)));
  return number;
}

}  // namespace

std::optional<Process> parse_process(std::string_view status, std::string_view command_line) {
  Process process;
  process.pid = static_cast<int>(number_from(value_of(status, "Pid")));
  if (process.pid == 0) return std::nullopt;
  process.inner_pid = last_number(value_of(status, "NSpid"));
  std::string_view users = value_of(status, "Uid");
  next_field(users);  // the real one; the effective one counts
  process.user = static_cast<std::uint32_t>(number_from(next_field(users)));
  process.state = value_of(status, "State").substr(0, 1);
  while (command_line.ends_with('\0')) command_line.remove_suffix(1);
  process.command = command_line;
  std::ranges::replace(process.command, '\0', ' ');
  if (process.command.empty()) process.command = format("[{}]", value_of(status, "Name"));
  return process;
}

std::vector<Process> read_processes(const std::vector<int>& pids,
                                    const std::vector<oci::IdMapping>& uid_mappings) {
  const sys::UserNames users;
  std::vector<Process> processes;
  for (const int pid : pids) {
    const auto directory = sys::try_open_at(sys::here, format("/proc/{}", pid), O_PATH | O_DIRECTORY);
    if (!directory) continue;
    auto process =
        parse_process(read_some(directory, "status"), read_some(directory, "cmdline", longest_command));
    if (!process) continue;
    process->user_name = users.name_of(process->user);
    process->inner_user = inner_id(uid_mappings, process->user);
    processes.push_back(std::move(*process));
  }
  return processes;
}

}  // namespace tare::explain
