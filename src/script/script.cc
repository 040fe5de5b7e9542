#include "script/script.h"

#include <algorithm>
#include <cctype>
#include <sched.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/format.h"
#include "plan/names.h"
#include "script/mounts.h"
#include "script/text.h"

namespace tare::script {
namespace {

using plan::Entry;
using plan::Kind;
using What = plan::HostStep::What;

const Entry* find(const plan::Program& program, Kind kind) {
  const auto found = std::ranges::find(program.entries, kind, &Entry::kind);
  return found == program.entries.end() ? nullptr : &*found;
}

/// What no tool of util-linux 2.38 does, said where the reader begins.
std::vector<std::string> shortcomings(const plan::Document& document) {
  const plan::Program& program = document.program;
  std::vector<std::string> said;
  if (const Entry* filter = find(program, Kind::load_filter))
    said.push_back("seccomp: no tool loads the filter of system calls (" + filter->text + ")");
  if (find(program, Kind::join_keyring))
    said.emplace_back("keyring: the container has the session keyring of whoever runs the script");
  if (const Entry* label = find(program, Kind::set_label))
    said.push_back("label: it runs without the security label \"" + label->text + "\"");
  if (find(program, Kind::open_console))
    said.emplace_back("terminal: it uses yours, which is not in its /dev/pts and not its /dev/console");
  if (find(program, Kind::supervise))
    said.emplace_back("init: process 1 is a bash that reaps what ends and passes no signals on");
  for (const auto& step : document.host) {
    if (step.what == What::filter_devices)
      said.push_back("devices: cgroup v2 limits them by a BPF program, not by a file: " + step.value);
    if (step.what == What::make_volume)
      said.push_back("volumes: a new one, " + step.value + ", is gone when the script ends");
  }
  said.emplace_back(
      "links: one in the root file system that leads out of it is followed: have one that you trust");
  return said;
}

void check(const plan::Program& program) {
  const auto refuse = [](const char* what) {
    throw Error(ErrorKind::unsupported, format("a script cannot start this container: {}", what));
  };
  if (program.user_namespace)
    refuse("util-linux 2.38 cannot mount with mapped ids, as its user namespace needs");
  for (const auto& entry : program.entries)
    if (entry.kind == Kind::fork_process || entry.kind == Kind::take_root)
      refuse("it joins a pid or user namespace that is there already");
  for (const auto& entry : program.entries)
    if (entry.kind == Kind::reopen_directory && entry.path.find_first_of(":,\\") != entry.path.npos)
      refuse("mount(8) would split the name of its root file system at : or ,");
  for (const auto& input : program.inputs)
    if (!input.mount_namespace.empty()) refuse("it shows a mount of another container");
}

constexpr std::string_view functions = R"sh(
# mountinfo keeps what else a mount is (nosuid, nodev), so mount(8) is given the target alone
remount_all() { # TARGET OPTIONS: it and all mounts below
	local target
	findmnt -rno TARGET -R "$1" | while read -r target; do mount -o "remount,bind,$2" "$(printf %b "$target")"; done
}
make_target() { # SOURCE TARGET
	if [[ -d $1 ]]; then mkdir -p "$2"; elif [[ ! -e $2 ]]; then mkdir -p "${2%/*}" && : >"$2"; fi
}
hide() { # PATH: a directory by an empty one, a file by /dev/null
	if [[ -d $1 ]]; then
		mount -t tmpfs -o nosuid,nodev,noexec,mode=755,nr_inodes=2,size=4k tmpfs "$1"
		mount -o remount,bind,ro "$1"
	elif [[ -e $1 ]]; then
		mount --bind "$root/dev/null" "$1"
	fi
}
protect() { # PATH
	if [[ -e $1 ]]; then
		mount --rbind "$1" "$1"
		remount_all "$1" ro
	fi
}
)sh";

// What would change the bash that waits, or have it complain of a locale, or is changed by it, comes last.
bool is_for_later(std::string_view variable) {
  const auto name = variable.substr(0, variable.find('='));
  if (std::ranges::any_of(name, [](unsigned char c) { return !std::isalnum(c) && c != '_'; })) return false;
  return name.starts_with("LD_") || name.starts_with("LC_") || name == "LANG" || name == "GLIBC_TUNABLES" ||
         name == "PWD" || name == "OLDPWD" || name == "TMOUT";
}

class Writer {
 public:
  Writer(const plan::Document& document, const Facts& facts)
      : document_(document), program_(document.program), facts_(facts), text_(facts.id) {
    text_.move(facts.directory, "");
    text_.move(facts.layer, "image");
  }

  std::string write() {
    write_head();
    write_host();
    write_inside();
    write_start();
    return text_.text();
  }

 private:
  void write_head();
  void write_host();
  void write_cgroups();
  void write_inside();
  void write_start();
  std::string rights() const;
  std::string limits() const;
  std::string unshared() const;

  const plan::Document& document_;
  const plan::Program& program_;
  const Facts& facts_;
  Text text_;
  int volumes_ = 0;
};

void Writer::write_head() {
  text_.raw(
      "#!/bin/bash\n"
      "# A container, by bash, util-linux and coreutils alone. Run it as root.\n#\n"
      "# What this script cannot do:\n");
  for (std::string said : shortcomings(document_)) {
    std::ranges::replace(said, '\n', ' ');
    text_.raw(format("#  - {}\n", said));
  }
  text_.raw(
      "#\n# A $ in single quotes is meant as it stands, or for the bash inside, which calls functions, too.\n"
      "# shellcheck disable=SC2016,SC2317\n\n");
  text_.line("set -euo pipefail", "a step that fails ends it: no container is better than half of one");
  text_.line(format("export id={}", quoted(facts_.id)), "names its cgroups");
  text_.line("work=$(mktemp -d)",
             "what the container changes is kept here, and gone with it; TMPDIR says where");
  text_.line("export work root=$work/rootfs", "where its root is put together");
}

void Writer::write_cgroups() {
  std::string made;
  for (const auto& step : document_.host)
    if (step.what == What::make_cgroup && step.path.find(facts_.id) != step.path.npos)
      made = text_.host_path(step.path) + (made.empty() ? "" : " ") + made;
  text_.line(format("cgroups=({})", made), "those of this container alone, the innermost first");
}

void Writer::write_host() {
  text_.section(
      "what is undone at the end: mounts and namespaces end by themselves, with the last process in them");
  write_cgroups();
  text_.raw(R"sh(child=
clean_up() {
	# whatever happened, nothing of the container goes on
	if [[ -n $child ]]; then kill -KILL "$child" 2>/dev/null || :; wait "$child" 2>/dev/null || :; fi
	local group left
	# what changed its user id is no longer killed with its parent, so all that is left is; then the cgroup can go
	for group in "${cgroups[@]}"; do
		for _ in {1..50}; do
			if [[ ! -d $group ]] || rmdir "$group" 2>/dev/null; then break; fi
			while read -r left; do kill -KILL "$left" || :; done <"$group"/cgroup.procs 2>/dev/null || :
			sleep 0.1
		done
	done
	# neither a mount nor a device of the container's is followed
	rm -rf --one-file-system "$work"
}
)sh");
  text_.line("trap clean_up EXIT", "also when a step fails");
  text_.line("trap 'exit 130' INT", "Ctrl-C: 128 and the signal's number, as shells say it");
  text_.line("trap 'exit 143' TERM", "the same for kill");
  text_.section("directories and files of its own");
  text_.line("mkdir \"$work\"/{rootfs,upper,work}",
             "overlayfs keeps what is changed in upper, and needs work beside it");
  if (!facts_.tarball.empty()) {
    text_.line("mkdir \"$work\"/image", "for the root file system");
    text_.line(format("tar --numeric-owner --xattrs -xpf {} -C \"$work\"/image", quoted(facts_.tarball)),
               "owners are numbers: names are the host's");
  }
  std::string layer;
  for (const auto& step : document_.host) {
    if (step.what == What::make_volume) text_.move(step.path, format("volume-{}", ++volumes_));
    if (step.what == What::copy_owner) layer = text_.host_path(step.value);
    const std::string path = text_.host_path(step.path);
    const bool is_own = !facts_.directory.empty() && step.path.starts_with(facts_.directory + "/");
    switch (step.what) {
      case What::copy_owner:
        text_.line(
            format("chown --reference={0} {1} && chmod --reference={0} {1} && touch --reference={0} {1}",
                   text_.host_path(step.value), path),
            "the root directory that is seen is this one");
        break;
      case What::write_file:
        if (is_own && !step.value.empty() &&
            step.path.find('/', facts_.directory.size() + 1) == std::string::npos &&
            step.path != facts_.directory + "/id")
          text_.line(format("printf %s {} >{}", quoted(step.value), path), "lies over the one in its /etc");
        break;
      case What::make_directory:
        for (const auto& input : program_.inputs)
          if (!is_own && input.what == plan::Input::What::bind &&
              (input.path + "/").starts_with(step.path + "/")) {
            text_.line(format("mkdir -p {}", path), "a directory that it is to see, and that is missing");
            break;
          }
        break;
      case What::make_volume: text_.line(format("mkdir -p {}", path), "a new volume"); break;
      case What::fill_volume:
        text_.line(format("if [[ -d {0} ]]; then cp -a {0}/. {1}; fi", layer + quoted(step.value), path),
                   "an empty volume gets what the root file system has in its place");
        break;
      default: break;
    }
  }
  text_.section("cgroups: what it may use");
  for (const auto& step : document_.host) {
    const std::string path = text_.host_path(step.path);
    if (step.what == What::make_cgroup) {
      const bool own = step.path.find(facts_.id) != step.path.npos;
      text_.line(format("mkdir {}{}", own ? "" : "-p ", path), "limits count for all that is in it");
    } else if (step.what == What::write_cgroup) {
      const std::string write = format("echo {} >{}", quoted(step.value), path);
      if (!step.other_path.empty())
        text_.line(format("if [[ -e {} ]]; then {}; else echo {} >{}; fi", path, write,
                          quoted(step.other_value), text_.host_path(step.other_path)),
                   step.why);
      else
        text_.line(step.optional ? format("if [[ -e {} ]]; then {}; fi", path, write) : write, step.why);
    }
  }
}

std::string Writer::limits() const {
  std::string words;
  const auto number = [](std::uint64_t value) {
    return value == RLIM_INFINITY ? std::string("unlimited") : std::to_string(value);
  };
  for (const auto& entry : program_.entries)
    if (entry.kind == Kind::set_rlimit)
      words += format(" --{}={}:{}", entry.slot == RLIMIT_RTPRIO ? "rtprio" : plan::rlimit_name(entry.slot),
                      number(entry.a), number(entry.b));
  return words;
}

std::string Writer::rights() const {
  const auto sets = [](std::uint64_t set) {
    std::string words = "-all";
    for (std::string name : plan::capability_names(set)) {
      if (name == "ALL") return std::string("+all");
      for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
      words += ",+" + name;
    }
    return words;
  };
  std::string words;
  for (const auto& entry : program_.entries) {
    if (entry.kind == Kind::set_groups) {
      std::string groups;
      for (const auto group : entry.groups) groups += (groups.empty() ? "" : ",") + std::to_string(group);
      words += groups.empty() ? " --clear-groups" : " --groups " + groups;
    } else if (entry.kind == Kind::drop_bounding) {
      words += " --bounding-set " + sets(entry.a);
    } else if (entry.kind == Kind::set_ids) {
      words += format(" --reuid {} --regid {}", entry.a, entry.b);
    } else if (entry.kind == Kind::set_capabilities) {
      words += format(" --inh-caps {} --ambient-caps {}", sets(entry.b), sets(entry.ambient));
    } else if (entry.kind == Kind::no_new_privileges) {
      words += " --no-new-privs";
    }
  }
  return words;
}

void Writer::write_inside() {
  text_.section("what happens inside of the new namespaces, still with all rights and with the host's tools");
  text_.raw(functions);
  text_.raw("build() {\n  set -euo pipefail\n");
  text_.indent = 2;
  text_.line("umask 022", "what is made on the way is for all to see and for root to change");
  Mounts mounts(text_, program_);
  for (const auto& entry : program_.entries) (void)mounts.write(entry);
  if (find(program_, Kind::raise_loopback)) {
    text_.line("mkdir \"$work\"/net && mount -t sysfs sysfs \"$work\"/net",
               "shows this network namespace, and can be written");
    text_.line("echo 0x9 >\"$work\"/net/class/net/lo/flags",
               "IFF_UP and IFF_LOOPBACK: lo goes up, without ip(8)");
    text_.line("umount \"$work\"/net", "no longer needed");
  }
  if (const Entry* name = find(program_, Kind::set_hostname))
    text_.line(format("echo {} >/proc/sys/kernel/hostname", quoted(name->text)),
               "its name, in its uts namespace");
  if (const Entry* name = find(program_, Kind::set_domainname))
    text_.line(format("echo {} >/proc/sys/kernel/domainname", quoted(name->text)), "its NIS domain");
  if (program_.oom_score_adj)
    text_.line(format("echo {} >/proc/self/oom_score_adj", *program_.oom_score_adj),
               "how soon the kernel ends it when memory is short");
  const bool stays = find(program_, Kind::supervise) != nullptr;
  if (stays)
    text_.line(
        ": >\"$work\"/bash && mount --bind \"$BASH\" \"$work\"/bash && mount -o remount,bind,ro "
        "\"$work\"/bash",
        "stays as process 1: through /proc/1/exe nobody may change the host's");
  text_.line("cd /", "moves to the new root with pivot_root, as this process's root does");
  const Entry* execute = find(program_, Kind::execute);
  std::string command = "exec";
  if (!find(program_, Kind::open_console)) command += " setsid";
  if (const std::string words = limits(); !words.empty()) command += " \\\n    prlimit" + words;
  command += " \\\n    setpriv" + rights() + " \\\n    env -i --default-signal";
  for (const auto& variable : execute->environment)
    if (!is_for_later(variable)) command += " " + quoted(variable);
  command += stays ? " \\\n    \"$work\"/bash" : " \\\n    \"$BASH\"";
  command += " -p -c \"$wait_and_become\" bash";
  for (const auto& argument : execute->arguments) command += " " + quoted(argument);
  text_.line(command,
             "limits, ids and capabilities, a clean environment; then bash waits, as those tools are out of "
             "reach when the host's tree is");
  text_.indent = 0;
  text_.raw("}\n");
  std::string last =
      "for fd in /proc/self/fd/*; do fd=${fd##*/}; if [ \"$fd\" -gt 4 ]; then eval \"exec $fd>&-\"; fi; "
      "done; "
      "unset -v fd; echo ready >&4; read -r _ <&3 || exit 125; exec 3<&- 4>&-; ";
  for (const auto& entry : program_.entries) {
    if (entry.kind == Kind::enter_directory) last += "cd -- " + quoted(entry.path) + " || exit 126; ";
  }
  if (find(program_, Kind::open_null)) last += "exec </dev/null; ";
  std::uint64_t mask = 022;
  for (const auto& entry : program_.entries)
    if (entry.kind == Kind::set_umask) mask = entry.a;
  last += format("umask {:03o}; ", mask);
  last += "unset -v PWD OLDPWD SHLVL; declare -a SHLVL; ";
  for (const auto& variable : execute->environment)
    if (is_for_later(variable)) last += "export " + quoted(variable) + " 2>/dev/null; ";
  last += stays ? "(exec -- \"$@\") <&0 & wait \"$!\"; status=$?; exit \"$status\"" : "exec -- \"$@\"";
  text_.line(format("export wait_and_become={}", quoted(last)),
             "the rest without any tool: wait for the root, go to the directory, become the command");
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

void Writer::write_start() {
  text_.section("start it");
  text_.line("mkfifo \"$work\"/go \"$work\"/ready", "the container and this script wait for each other");
  text_.line("exec 3<>\"$work\"/go 4<>\"$work\"/ready", "opened for both: neither open blocks");
  text_.line("export -f build remount_all make_target hide protect", "the bash inside is another one");
  std::string joined, cgroups;
  for (const auto& entry : program_.entries) {
    if (entry.kind != Kind::join_namespaces) continue;
    for (const auto& input : program_.inputs)
      if (input.slot == entry.slot)
        for (const auto& name : plan::namespace_names(entry.a))
          joined += format(" --{}={}", name == "network" ? "net" : name, quoted(input.path));
  }
  for (const auto& input : program_.inputs)
    if (input.what == plan::Input::What::cgroup_join)
      cgroups += format("echo 0 >{}; ", text_.host_path(input.path));
  for (const auto& step : document_.host)
    if (step.what == What::join_at_birth)
      cgroups += format("echo 0 >{}/cgroup.procs; ", text_.host_path(step.path));
  bool own_view = false;
  for (const auto& entry : program_.entries)
    own_view |= entry.kind == Kind::unshare && (entry.a & CLONE_NEWCGROUP);
  text_.line(format("join() {{ {}:; }}", cgroups), "0 is the process that writes");
  text_.raw("export -f join\n");
  text_.line(
      format("{}{} \"$BASH\" -euc 'join; exec {}\"$BASH\" -c build' <&0 &",
             joined.empty() ? "" : "nsenter" + joined + " ", unshared(), own_view ? "unshare --cgroup " : ""),
      own_view ? "the cgroup namespace last: what it is in by then is its root" : "in its cgroups first");
  text_.raw("child=$!\n");
  text_.line(
      "until read -r -t 1 _ <&4; do kill -0 \"$child\" 2>/dev/null || { wait \"$child\" || exit; exit 1; }; "
      "done",
      "all is mounted, and the last bash waits");
  text_.line("nsenter --mount=\"/proc/$child/ns/mnt\" \"$BASH\" -euc 'cd \"$root\"; pivot_root . .'",
             "the root of all processes in there becomes this one; the old one lies over it");
  text_.line("nsenter --mount=\"/proc/$child/ns/mnt\" umount --no-canonicalize -l /",
             "who enters a mount namespace sees what lies on top: the host's tree, which goes");
  text_.line("echo go >&3", "the command may begin");
  text_.line("exec 3<&- 4>&-", "nobody waits any more");
  text_.raw("status=0\n");
  text_.line("wait \"$child\" || status=$?", "as long as it runs");
  text_.line("child=", "it has ended");
  text_.line("exit \"$status\"", "its exit code is this script's");
}

}  // namespace

std::string write(const plan::Document& document, const Facts& facts) {
  check(document.program);
  return Writer(document, facts).write();
}

}  // namespace tare::script
