// The container's first process begins, and the script waits for it.
#include <sched.h>

#include "base/format.h"
#include "plan/names.h"
#include "script/writer.h"

namespace tare::script {

using plan::Input;
using plan::Kind;
using What = plan::HostStep::What;

// The fork is unshare's: it is what makes the process that is in the pid namespace.
std::string Writer::joined() const {
  std::string words;
  for (const auto& entry : program_.entries) {
    if (entry.kind != Kind::join_namespaces) continue;
    for (const auto& input : program_.inputs)
      if (input.slot == entry.slot)
        for (const auto& name : plan::namespace_names(entry.a))
          words += format(" --{}={}", name == "network" ? "net" : name, quoted(input.path));
    if (entry.a & CLONE_NEWPID) words += " --no-fork";
  }
  return words.empty() ? "" : "nsenter" + words + " ";
}

std::string Writer::unshared() const {
  std::uint64_t namespaces = program_.namespaces;
  for (const auto& entry : program_.entries)
    if (entry.kind == Kind::unshare) namespaces |= entry.a;
  constexpr struct {
    std::uint64_t flag;
    const char* option;
  } rows[] = {{CLONE_NEWNS, " --mount --propagation private"},
              {CLONE_NEWNET, " --net"},
              {CLONE_NEWIPC, " --ipc"},
              {CLONE_NEWUTS, " --uts"},
              {CLONE_NEWPID, " --pid"}};
  std::string words = "unshare";
  for (const auto& row : rows)
    if (namespaces & row.flag) words += row.option;
  return words + " --fork --kill-child";
}

// Opened out here, because the kernel asks who opened the file.
std::string Writer::write_joins() {
  std::string opened, join, closed;
  int descriptor = 10;
  const auto add = [&](const std::string& file) {
    opened += format("{}exec {}>{}", opened.empty() ? "" : "\n", descriptor, file);
    join += format("echo 0 >&{}; ", descriptor);
    closed += format(" {}>&-", descriptor++);
  };
  for (const auto& input : program_.inputs)
    if (input.what == Input::What::cgroup_join) add(text_.host_path(input.path));
  for (const auto& step : document_.host)
    if (step.what == What::join_at_birth) add(text_.host_path(step.path) + "/cgroup.procs");
  if (!opened.empty())
    text_.line(opened, "the files of its cgroups: who opens them is asked for the right to");
  bool own_view = false;
  for (const auto& entry : program_.entries)
    own_view |= entry.kind == Kind::unshare && (entry.a & CLONE_NEWCGROUP);
  text_.line(format("enter() {{ {}exec {}\"$BASH\" -c build; }}", join, own_view ? "unshare --cgroup " : ""),
             own_view
                 ? "0 is the process that writes; what it is in by then is the root of its cgroup namespace"
                 : "0 is the process that writes");
  return closed;
}

void Writer::write_start() {
  text_.section("start it");
  text_.line("mkfifo \"$work\"/go \"$work\"/ready", "the container and this script wait for each other");
  text_.line("exec 3<>\"$work\"/go 4<>\"$work\"/ready", "opened for both: neither open blocks");
  const std::string closed = write_joins();
  text_.line(format("export -f {}enter build in_root make_target remount_all hide protect",
                    has_own_ids() ? "stage " : ""),
             "the bash inside is another one");
  const std::string birth = joined() + unshared();
  if (has_own_ids())
    text_.line(format("unshare --mount --propagation private \"$BASH\" -euc 'stage; exec nsenter "
                      "--user=\"/proc/$holder/ns/user\" {} \"$BASH\" -euc enter' <&0 &",
                      birth),
               "first the user namespace, as its root: so the others belong to it");
  else
    text_.line(format("{} \"$BASH\" -euc enter <&0 &", birth), "its first process");
  text_.raw("child=$!\n");
  text_.line(
      "until read -r -t 1 _ <&4; do kill -0 \"$child\" 2>/dev/null || { wait \"$child\" || exit; exit 1; }; "
      "done",
      "all is mounted, and the last bash waits");
  write_arrival();
  text_.line("echo go >&3", "the command may begin");
  text_.line("exec 3<&- 4>&-" + closed, "nobody waits any more");
  text_.raw("status=0\n");
  text_.line("wait \"$child\" || status=$?", "as long as it runs");
  text_.line("child=", "it has ended");
  text_.line("exit \"$status\"", "its exit code is this script's");
}

// By the host's root, which alone may write names by way of /proc.
void Writer::write_arrival() {
  const auto write_name = [&](Kind kind, const char* file, const char* why) {
    if (const plan::Entry* name = find(program_, kind))
      text_.line(format("nsenter --uts=\"/proc/$child/ns/uts\" \"$BASH\" -euc 'echo \"$1\" "
                        ">/proc/sys/kernel/{}' bash {}",
                        file, quoted(name->text)),
                 why);
  };
  write_name(Kind::set_hostname, "hostname", "its name, in its uts namespace");
  write_name(Kind::set_domainname, "domainname", "its NIS domain");
  text_.line(format("nsenter --mount=\"/proc/$child/ns/mnt\" \"$BASH\" -euc 'cd {}; pivot_root . .'",
                    has_own_ids() ? "/mnt/rootfs" : "\"$root\""),
             "the root of all processes in there becomes this one; the old one lies over it");
  text_.line("nsenter --mount=\"/proc/$child/ns/mnt\" umount --no-canonicalize -l /",
             "who enters a mount namespace sees what lies on top: the host's tree, which goes");
}

}  // namespace tare::script
