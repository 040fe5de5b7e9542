// What happens in the container's namespaces until its first process is the command.
#include <algorithm>

#include "base/format.h"
#include "script/functions.h"
#include "script/mounts.h"
#include "script/variables.h"
#include "script/writer.h"

namespace tare::script {

using plan::Entry;
using plan::Input;
using plan::Kind;

// The host's root does this in a mount namespace that only leads to the container's: what is mounted here
// is locked there, and may be bound again.
void Writer::write_stage() {
  text_.section("what the container's root needs of the host, put where it finds it");
  text_.raw("stage() {\n  set -euo pipefail\n");
  text_.indent = 2;
  for (const auto& input : program_.inputs) {
    if (input.what != Input::What::bind || input.ids == Input::Ids::mapped) continue;
    if (!is_staged(text_, program_, input)) continue;
    const std::string source = text_.host_path(input.path), target = bind_source(text_, program_, input);
    text_.line(format("make_target {0} {1}; mount --{2} {0} {1}", source, target,
                      input.recursive ? "rbind" : "bind"),
               input.path + ": on the way to it there may be what only the host's root can pass");
  }
  if (program_.settings.oom_score_adj)
    text_.line(format("echo {} >/proc/self/oom_score_adj", *program_.settings.oom_score_adj),
               "how soon the kernel ends it when memory is short: the host's to say");
  text_.line("mount --rbind \"$work\" /mnt", "all of it, where everybody can go");
  text_.line("export work=/mnt root=/mnt/rootfs", "from now on");
  text_.indent = 0;
  text_.raw("}\n");
}

void Writer::write_build() {
  if (has_own_ids()) write_stage();
  text_.section("what happens inside of the new namespaces, still with all rights and with the host's tools");
  text_.raw(mount_functions);
  text_.raw("build() {\n  set -euo pipefail\n");
  text_.indent = 2;
  text_.line("umask 022", "what is made on the way is for all to see and for root to change");
  Mounts mounts(text_, program_);
  for (const auto& entry : program_.entries) (void)mounts.write(entry);
  if (find(program_, Kind::raise_loopback)) write_loopback();
  if (program_.settings.oom_score_adj && !has_own_ids())
    text_.line(format("echo {} >/proc/self/oom_score_adj", *program_.settings.oom_score_adj),
               "how soon the kernel ends it when memory is short");
  if (find(program_, Kind::supervise))
    text_.line(
        ": >\"$work\"/bash && mount --bind \"$BASH\" \"$work\"/bash && mount -o remount,bind,ro "
        "\"$work\"/bash",
        "stays as process 1: through /proc/1/exe nobody may change the host's");
  text_.line("cd /", "moves to the new root with pivot_root, as this process's root does");
  write_command();
  text_.indent = 0;
  text_.raw("}\n");
}

void Writer::write_loopback() {
  text_.line("mkdir \"$work\"/net && mount -t sysfs sysfs \"$work\"/net",
             "shows this network namespace, and can be written");
  text_.line("echo 0x9 >\"$work\"/net/class/net/lo/flags",
             "IFF_UP and IFF_LOOPBACK: lo goes up, without ip(8)");
  text_.line("umount \"$work\"/net", "no longer needed");
}

// A variable whose name means nothing to bash goes through it as it is; the others it sets at the very end,
// when they can no longer change what it does.
void Writer::write_command() {
  const Entry* execute = find(program_, Kind::execute);
  std::string command = "exec", variables, underscore;
  if (!find(program_, Kind::open_console)) command += " setsid";
  if (const std::string words = limits(); !words.empty()) command += " \\\n    prlimit" + words;
  command += " \\\n    setpriv" + rights() + " \\\n    env -i --default-signal";
  for (const auto& variable : execute->environment)
    if (!is_shell_variable(variable))
      command += " " + quoted(variable);
    else if (name_of(variable) == "_")
      underscore = " " + quoted(variable.substr(2));
    else if (!is_kept_by_bash(variable))
      variables += " " + quoted(variable);
  std::string directory = "/";
  for (const auto& entry : program_.entries)
    if (entry.kind == Kind::enter_directory) directory = entry.path;
  command += format(" \\\n    {} -p -c \"$wait_and_become\" bash",
                    find(program_, Kind::supervise) ? "\"$work\"/bash" : "\"$BASH\"");
  command += format(" \\\n    {}{} --{} \\\n   ", quoted(directory), variables, underscore);
  for (const auto& argument : execute->arguments) command += " " + quoted(argument);
  text_.line(
      command,
      "limits, ids and capabilities, an empty environment; then bash waits, as those tools are out of reach "
      "when the host's tree is, and gets: a directory, variables, --, the command");
}

// No apostrophe may be in it.
void Writer::write_last_steps() {
  text_.raw(R"sh(# the rest, without any tool
export wait_and_become='
	# nothing that the script has open is for the command
	for fd in /proc/self/fd/*; do fd=${fd##*/}; if [ "$fd" -gt 4 ]; then eval "exec $fd>&-"; fi; done
	echo ready >&4
	read -r _ <&3 || exit 125
	exec 3<&- 4>&-
	cd -- "$1" || exit 126
)sh");
  if (find(program_, Kind::open_null)) text_.raw("\t# the one of the container\n\texec </dev/null\n");
  std::uint64_t mask = 022;
  for (const auto& entry : program_.entries)
    if (entry.kind == Kind::set_umask) mask = entry.a;
  text_.raw(format("\tumask {:03o}\n", mask));
  text_.raw(
      R"sh(	# what bash sets by itself; an array is not exported, and so exec does not bring SHLVL back
	unset -v fd PWD OLDPWD SHLVL
	declare -a SHLVL
	shift
	# unset: it means nothing to bash any more. A locale that is not there is no news
	while [ "$1" != -- ]; do unset -v "${1%%=*}"; export "$1"; shift; done 2>/dev/null
	shift
)sh");
  const bool has_underscore = std::ranges::any_of(find(program_, Kind::execute)->environment,
                                                  [](const auto& one) { return name_of(one) == "_"; });
  const char* become = has_underscore ? "_=$1 exec -- \"${@:2}\"" : "exec -- \"$@\"";
  text_.raw(find(program_, Kind::supervise) ? format("\t({})\n\texit \"$?\"\n'\n", become)
                                            : format("\t{}\n'\n", become));
}

}  // namespace tare::script
