// AppArmor: the profile of containers that ask for none, and how it gets into the kernel.
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "engine/security_labels.h"
#include "sys/file.h"
#include "sys/process.h"

namespace tare::engine {
namespace {

constexpr const char* loaded_profiles = "/sys/kernel/security/apparmor/profiles";
constexpr int cannot_execute = 127;

// Never looked for in PATH.
const char* find_parser() {
  for (const char* path : {"/sbin/apparmor_parser", "/usr/sbin/apparmor_parser"})
    if (::access(path, X_OK) == 0) return path;
  return nullptr;
}

std::string selinux_contexts() {
  const auto config = sys::try_read_file(sys::here, "/etc/selinux/config").value_or(std::string());
  const std::string key = "\nSELINUXTYPE=";
  const auto at = ("\n" + config).find(key);
  if (at == std::string::npos) return {};
  const std::string rest = config.substr(at + key.size() - 1);
  const std::string type = rest.substr(0, rest.find_first_of(" \t\r\n"));
  return sys::try_read_file(sys::here, format("/etc/selinux/{}/contexts/lxc_contexts", type))
      .value_or(std::string());
}

}  // namespace

SecurityModules read_security_modules() {
  SecurityModules modules;
  const auto enabled = sys::try_read_file(sys::here, "/sys/module/apparmor/parameters/enabled");
  modules.apparmor = enabled && enabled->starts_with('Y');
  modules.default_profile = modules.apparmor && (find_parser() || default_profile_is_loaded());
  modules.selinux = sys::exists(sys::here, "/sys/fs/selinux/enforce");
  if (modules.selinux) modules.selinux_contexts = selinux_contexts();
  return modules;
}

std::string choose_apparmor_profile(const SecurityOptions& options, bool privileged,
                                    const SecurityModules& modules) {
  if (options.apparmor == "unconfined") return {};
  if (options.apparmor.empty()) return modules.default_profile && !privileged ? default_profile_name : "";
  if (!modules.apparmor)
    throw Error(
        ErrorKind::unsupported,
        format("the AppArmor profile {} was asked for, but AppArmor is not enabled here", options.apparmor));
  return options.apparmor;
}

// What a container's root must not do to the host even if its capabilities, masks or namespaces let it. Files
// of its own it may use as it likes; signals and traces stay among containers, but from outside they may
// come.
std::string default_profile_text() {
  return format(R"(profile {0} flags=(attach_disconnected, mediate_deleted) {{
  capability,
  file,
  network,
  unix,
  umount,
  deny mount,

  signal (receive) peer=unconfined,
  signal (send, receive) peer={0},
  ptrace (read, readby, trace, tracedby) peer={0},

  # In /proc only what belongs to a process, and the kernel's parameters for shared memory, is for writing.
  deny /proc/* w,
  deny /proc/{{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}}/** w,
  deny /proc/sys/[^k]** w,
  deny /proc/sys/kernel/{{?,??,[^s][^h][^m]**}} w,
  deny /proc/sysrq-trigger rwklx,
  deny /proc/kcore rwklx,

  # In /sys only the cgroups are.
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}}
)",
                default_profile_name);
}

bool default_profile_is_loaded() {
  const auto profiles = sys::try_read_file(sys::here, loaded_profiles);
  return profiles &&
         ("\n" + *profiles).find(format("\n{} (enforce)", default_profile_name)) != std::string::npos;
}

void load_default_profile() {
  if (default_profile_is_loaded()) return;
  Step step("load the AppArmor profile", default_profile_name);
  const char* parser = find_parser();
  if (!parser) throw Error(ErrorKind::unsupported, "there is no apparmor_parser");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("cannot make a pipe");
  sys::UniqueFd theirs(ends[0]), ours(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("cannot start apparmor_parser");
  if (pid == 0) {
    ::dup2(theirs.number(), 0);
    ::dup2(2, 1);
    ::execl(parser, "apparmor_parser", "--skip-cache", "--replace", "--quiet", nullptr);
    ::_exit(cannot_execute);
  }
  theirs.reset();
  // It fits into the pipe, so nobody need read it (and a parser that does not is no SIGPIPE).
  sys::write_all(ours, default_profile_text());
  ours.reset();
  const int status = sys::reap(pid);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Error(ErrorKind::system, "apparmor_parser did not take it", 0,
                "--security-opt apparmor=unconfined does without it");
}

}  // namespace tare::engine
