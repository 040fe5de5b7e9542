// tare-runtime exec: one more process in a container.
#include "runtime/exec.h"

#include <algorithm>

#include "base/format.h"
#include "base/units.h"
#include "commands/commands.h"
#include "plan/names.h"
#include "runtime/config_json.h"
#include "sys/file.h"

namespace tare::commands {
namespace {

using cli::Takes;

constexpr cli::Option option_table[] = {
    {"process", 'p', Takes::value, "FILE", "the process as JSON, in place of COMMAND and its options"},
    {"detach", 'd', Takes::nothing, "", "do not wait for its end"},
    {"tty", 't', Takes::nothing, "", "give it a terminal"},
    {"console-socket", 0, Takes::value, "PATH", "send the terminal's controlling side to this unix socket"},
    {"pid-file", 0, Takes::value, "FILE", "write the process's pid to FILE"},
    {"env", 'e', Takes::value, "NAME=VALUE", "set a variable", true},
    {"cwd", 0, Takes::value, "DIR", "its working directory in the container"},
    {"user", 'u', Takes::value, "UID[:GID]", "run as this user"},
    {"additional-gids", 'g', Takes::value, "GID", "one more group", true},
    {"cap", 'c', Takes::value, "CAPABILITY", "one more capability", true},
    {"no-new-privs", 0, Takes::nothing, "", "programs do not get more rights by being executed"},
    {"apparmor", 0, Takes::value, "PROFILE", "the AppArmor profile"},
    {"process-label", 0, Takes::value, "LABEL", "the SELinux label"},
    {"preserve-fds", 0, Takes::value, "N", "pass N more descriptors on, from 3"},
    {"cgroup", 0, Takes::value, "[CTRL[,CTRL]:]PATH",
     "run it in this cgroup below the container's own; on v1 CTRL says of which controllers", true},
    {"pidfd-socket", 0, Takes::value, "PATH", "send a pidfd of the process to this unix socket"},
    {"ignore-paused", 0, Takes::nothing, "", "also in a paused container: it then waits"},
};

void set_variable(std::vector<std::string>& env, std::string variable) {
  const std::string name = variable.substr(0, variable.find('=')) + "=";
  std::erase_if(env, [&](const std::string& other) { return other.starts_with(name); });
  env.push_back(std::move(variable));
}

// Inheritable is what the config says, and never more (CVE-2022-29162).
void add_capability(oci::Capabilities& capabilities, std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
  if (name.starts_with("CAP_")) name.erase(0, 4);
  const auto number = plan::capability_number(name);
  if (!number) throw Error(ErrorKind::invalid, format("unknown capability {}", name));
  const std::uint64_t bit = std::uint64_t{1} << *number;
  capabilities.bounding |= bit;
  capabilities.effective |= bit;
  capabilities.permitted |= bit;
}

oci::Process choose(const cli::Parsed& parsed, const oci::Process& own) {
  if (const auto file = parsed.value("process"))
    return runtime::parse_process(sys::read_file(sys::here, *file));
  oci::Process process = own;
  process.args.assign(parsed.operands.begin() + 1, parsed.operands.end());
  if (process.args.empty()) throw Error(ErrorKind::usage, "there is neither a COMMAND nor --process");
  process.terminal = parsed.has("tty");
  process.no_new_privileges = parsed.has("no-new-privs", own.no_new_privileges);
  if (const auto cwd = parsed.value("cwd")) process.cwd = ContainerPath(*cwd);
  for (auto& variable : parsed.values("env")) set_variable(process.env, std::move(variable));
  if (const auto user = parsed.value("user")) runtime::set_user(process.user, *user);
  for (const auto& group : parsed.values("additional-gids"))
    process.user.additional_gids.push_back(parse_integer<std::uint32_t>(group));
  for (const auto& capability : parsed.values("cap")) add_capability(process.capabilities, capability);
  if (const auto profile = parsed.value("apparmor")) process.apparmor_profile = *profile;
  if (const auto label = parsed.value("process-label")) process.selinux_label = *label;
  return process;
}

}  // namespace

constinit const cli::Command exec_command = {
    .name = "exec",
    .operands = "ID [COMMAND [ARG...]]",
    .summary = "Run one more process in a container",
    .details =
        "Without --process it is as the container's own, but for what the options say. The exit code is the "
        "process's, 128 + N if signal N ended it, 255 if it could not be started.",
    .options = option_table,
    .minimum_operands = 1,
    .maximum_operands = -1,
    .options_end_at_first_operand = true,
    .aliases = {},
};

int exec(const Context& context, const cli::Parsed& parsed) {
  const auto number = [](const std::string& text) { return parse_integer<int>(text, 0, 1024); };
  return runtime::exec({.root = context.root,
                        .id = parsed.operands.front(),
                        .pid_file = parsed.value("pid-file").value_or(""),
                        .console_socket = parsed.value("console-socket").value_or(""),
                        .pidfd_socket = parsed.value("pidfd-socket").value_or(""),
                        .cgroups = parsed.values("cgroup"),
                        .passed_descriptors = parsed.value_as("preserve-fds", number).value_or(0),
                        .even_if_paused = parsed.has("ignore-paused"),
                        .stay = parsed.has("detach") ? runtime::Stay::not_at_all : runtime::Stay::until_end},
                       [&](const oci::Process& own) { return choose(parsed, own); });
}

}  // namespace tare::commands
