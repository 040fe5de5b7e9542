"""The configurations by hand: a name each, and a small patch over one base; a group for each part of config.json.

A patch is a table of: dotted path in config.json -> value. A path that ends in "+" adds the values to the list that
is there; the value GONE takes the field away. Four paths are not config.json's:
  look         commands whose output inside the container is compared, too
  rootfs       what is done to the root file system before: tuples of make_rootfs() in container.py
  own_process  the process is not the look: its output is compared as it is
  text         config.json as a whole (None: there is none)
In strings, @WORK@ is the directory of this run, with bundle/ and out/ in it, @ID@ the container's id, @HOLDER@
/proc/PID/ns of a process that has namespaces of its own.
"""
import copy
import os

GONE = "@GONE@"
ROOT_CAPABILITIES = [
    "CAP_" + name for name in
    ("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
     "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE")]

BASE = {
    "ociVersion": "1.0.2",
    "root": {"path": "rootfs", "readonly": False},
    "hostname": "differential",
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": ["/bin/sh", "/look"],
        "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": {"bounding": ROOT_CAPABILITIES, "effective": ROOT_CAPABILITIES, "permitted": ROOT_CAPABILITIES},
        "noNewPrivileges": True,
    },
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
         "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
         "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]},
    ],
    "linux": {
        "cgroupsPath": "/tare-differential/@ID@",
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
        "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
}


def patched(config, patch):
    """The config with the patch, whose own paths (look, rootfs) come back as a second table."""
    config, extra = copy.deepcopy(config), {}
    for path, value in patch.items():
        if path in ("look", "rootfs", "text", "own_process"):
            extra[path] = value
            continue
        *parents, name = path.split(".")
        table = config
        for parent in parents:
            table = table.setdefault(parent, {})
        if value == GONE:
            table.pop(name, None)
        elif name.endswith("+"):
            table.setdefault(name[:-1], [])
            table[name[:-1]] = table[name[:-1]] + copy.deepcopy(value)
        else:
            table[name] = copy.deepcopy(value)
    if extra.get("look"):
        config["process"]["args"] = config["process"]["args"] + extra["look"]
    return config, extra


def namespaces(*without, **more):
    """The base's namespaces without some, and with others: a path, or "" for a new one."""
    gone = {*without, *more}
    kept = [entry for entry in BASE["linux"]["namespaces"] if entry["type"] not in gone]
    return kept + [{"type": kind, "path": path} if path else {"type": kind} for kind, path in more.items()]


def runs(*args):
    return {"own_process": True, "process.args": list(args)}


def sh(text):
    return runs("/bin/sh", "-c", text)


def mount(destination, kind="tmpfs", source="tmpfs", options=(), **more):
    return {"mounts+": [{"destination": destination, "type": kind, "source": source, "options": list(options), **more}]}


def base_mounts(destination, **changes):
    """The base's mounts, one of them changed."""
    return [{**entry, **changes} if entry["destination"] == destination else entry for entry in BASE["mounts"]]


def bind(destination, source, *options):
    return mount(destination, "bind", source, ["bind", *options])


def hook(point, *args, path="@WORK@/hook", **more):
    return {"hooks." + point: [{"path": path, "args": ["hook", "@WORK@/out", point, *args], **more}]}


def inside_hook(*args, **more):
    """startContainer's, which runs in the container: what it notes goes through a mount."""
    return {**bind("/out", "@WORK@/out"), "hooks.startContainer": [
        {"path": "/hook", "args": ["hook", "/out", "startContainer", *args], **more}]}


def user_namespace(**more):
    ids = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    return {"linux.namespaces": namespaces(user="", **more), "linux.uidMappings": ids, "linux.gidMappings": ids,
            "rootfs": [("own", 100000)]}


def seccomp(action="SCMP_ACT_ALLOW", *rules, **more):
    return {"linux.seccomp": {
        "defaultAction": action, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": list(rules), **more}}


def rule(action, *names, **more):
    return {"names": list(names), "action": action, **more}


def limits(**kinds):
    return {"process.rlimits": [{"type": "RLIMIT_" + kind, "soft": soft, "hard": hard}
                                for kind, (soft, hard) in kinds.items()]}


def capabilities(**sets):
    return {"process.capabilities": {kind: ["CAP_" + name for name in names] for kind, names in sets.items()}}


IDMAP = [{"containerID": 0, "hostID": 1000, "size": 10}]
CORPUS = {}


def group(name, **entries):
    for entry, patch in entries.items():
        CORPUS[f"{name}.{entry.replace('__', '.').replace('_', '-')}"] = patch


CORPUS["base"] = {}
group("ociVersion",
      v1_0_0={"ociVersion": "1.0.0"},
      v1_3_0={"ociVersion": "1.3.0"},
      of_the_future={"ociVersion": "1.99.0"},
      two={"ociVersion": "2.0.0"},
      none={"ociVersion": GONE},
      no_version={"ociVersion": "latest"})
group("root", readonly={"root.readonly": True}, absolute={"root.path": "@WORK@/bundle/rootfs"}, none={"root": GONE},
      missing={"root.path": "nowhere"}, file={"root.path": "config.json"},
      symlink={"root.path": "@WORK@/bundle/link", "rootfs": [("link", "../link", "rootfs")]})
group("hostname", long={"hostname": "h" * 64}, too_long={"hostname": "h" * 65}, none={"hostname": GONE},
      of_the_host={"hostname": GONE, "linux.namespaces": namespaces("uts")},
      without_namespace={"linux.namespaces": namespaces("uts")})
group("domainname", set={"domainname": "example.org"},
      without_namespace={"domainname": "example.org", "hostname": GONE, "linux.namespaces": namespaces("uts")})
group("annotations", some={"annotations": {"org.example.a": "1", "org.example.b": "two words"}},
      empty={"annotations": {}}, odd={"annotations": {"": "", "ü": "\u2028\"\\"}}, number={"annotations": {"a": 1}})

group("process",
      cwd={"process.cwd": "/tmp"},
      cwd_made={"process.cwd": "/made/for/it"},
      cwd_relative={"process.cwd": "tmp"},
      cwd_file={"process.cwd": "/etc/passwd"},
      cwd_none={"process.cwd": GONE},
      cwd_empty={"process.cwd": ""},
      cwd_of_user={"process.cwd": "/private", "process.user.uid": 1000, "rootfs": [("directory", "private", 0o700)]},
      cwd_forbidden={
          "process.cwd": "/private", "process.user.uid": 1000, "process.capabilities": GONE,
          "rootfs": [("directory", "private", 0o700)]},
      env={"process.env+": ["A=1", "B=two words", "EMPTY=", "C=a=b"]},
      env_none={"process.env": GONE},
      env_twice={"process.env+": ["A=1", "A=2"]},
      env_home={"process.env+": ["HOME=/elsewhere"]},
      env_home_of_user={"process.user.uid": 65534},
      env_home_of_nobody_known={"process.user.uid": 4242},
      env_bare={"process.env+": ["NOTHING"]},
      env_odd={"process.env+": ["=x", "ü=ä"]},
      env_home_empty={"process.env+": ["HOME="]},
      args_relative={**runs("sh", "-c", "echo found"), "process.cwd": "/bin"},
      args_slash={**runs("bin/sh", "-c", "echo found")},
      args_dot={**runs("./sh", "-c", "echo found"), "process.cwd": "/bin"},
      args_in_path=runs("sh", "-c", "echo $0"),
      args_empty={"own_process": True, "process.args": []},
      args_none={"own_process": True, "process.args": GONE},
      args_empty_word=runs(""),
      args_missing=runs("/nowhere"),
      args_missing_in_path=runs("nowhere"),
      args_directory=runs("/etc"),
      args_file=runs("/etc/passwd"),
      args_under_file=runs("/etc/passwd/x"),
      args_dangling=runs("/dangling"),
      args_interpreter_missing=runs("/script"),
      args_garbage=runs("/garbage"),
      args_no_path={**runs("sh", "-c", "echo found"), "process.env": []},
      args_path_later={**runs("tool"), "process.env": ["PATH=/forbidden:/tools"]},
      command_line={"process.commandLine": "cmd"},
      none={"process": GONE},
      exit_7=sh("exit 7"),
      exit_255=sh("exit 255"),
      killed=sh("kill -KILL $$"),
      terminated=sh("kill -TERM $$"),
      output=sh("echo out; echo err >&2"),
      input=sh("cat; echo $?"),
      children=sh("(sleep 0.05; echo late) & echo early"),
      nnp_off={"process.noNewPrivileges": False},
      nnp_none={"process.noNewPrivileges": GONE},
      oom={"process.oomScoreAdj": 500},
      oom_max={"process.oomScoreAdj": 1000},
      oom_zero={"process.oomScoreAdj": 0},
      oom_too_much={"process.oomScoreAdj": 1001},
      terminal={"process.terminal": True},
      terminal_size={
          "process.terminal": True, "process.consoleSize": {"height": 33, "width": 101}, "look": ["stty size"]},
      terminal_of_user={"process.terminal": True, "process.user.uid": 1000, "process.user.gid": 1000},
      size_without_terminal={"process.consoleSize": {"height": 33, "width": 101}},
      apparmor={"process.apparmorProfile": "unconfined"},
      apparmor_missing={"process.apparmorProfile": "nowhere"},
      selinux={"process.selinuxLabel": "system_u:system_r:container_t:s0"},
      scheduler={"process.scheduler": {"policy": "SCHED_BATCH", "nice": 5}},
      scheduler_other={"process.scheduler": {"policy": "SCHED_OTHER", "nice": 3}},
      scheduler_idle={"process.scheduler": {"policy": "SCHED_IDLE"}},
      scheduler_fifo={
          "process.scheduler": {"policy": "SCHED_FIFO", "priority": 10, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}},
      scheduler_rr={  # where realtime is shared out to cgroups, those have none to begin with
          "process.scheduler": {"policy": "SCHED_RR", "priority": 3}, "linux.cgroupsPath": "/@ID@",
          "linux.resources.cpu": {"realtimeRuntime": 10000}},
      scheduler_nice_too_much={"process.scheduler": {"policy": "SCHED_OTHER", "nice": 20}},
      scheduler_deadline={
          "process.scheduler": {
              "policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 5000000, "period": 10000000}},
      scheduler_unknown={"process.scheduler": {"policy": "SCHED_NOWHERE"}},
      io_priority={"process.ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 7}},
      io_priority_idle={"process.ioPriority": {"class": "IOPRIO_CLASS_IDLE"}},
      io_priority_rt={"process.ioPriority": {"class": "IOPRIO_CLASS_RT", "priority": 1}},
      io_priority_too_low={"process.ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 8}},
      io_priority_unknown={"process.ioPriority": {"class": "NOTHING", "priority": 1}},
      exec_affinity={"process.execCPUAffinity": {"initial": "0", "final": "0-1"}},
      exec_affinity_unknown={"process.execCPUAffinity": {"final": "4242"}})

group("user",
      uid={"process.user.uid": 1000},
      gid={"process.user.gid": 1000},
      both={"process.user.uid": 1000, "process.user.gid": 1001},
      high={"process.user.uid": 4294967294, "process.user.gid": 4294967294},
      umask={"process.user.umask": 0o77},
      umask_zero={"process.user.umask": 0},
      groups={"process.user.additionalGids": [5, 6, 1000]},
      groups_twice={"process.user.additionalGids": [5, 5, 0]},
      groups_of_user={"process.user.uid": 1000, "process.user.gid": 1000, "process.user.additionalGids": [10, 20]},
      username={"process.user.username": "nobody"},
      none={"process.user": GONE},
      negative={"process.user.uid": -1},
      too_high={"process.user.uid": 4294967296},
      text={"process.user.uid": "0"})

group("capabilities",
      none={"process.capabilities": GONE},
      empty=capabilities(),
      all_empty=capabilities(bounding=[], effective=[], permitted=[], inheritable=[], ambient=[]),
      bounding_alone=capabilities(bounding=["KILL", "CHOWN"]),
      three=capabilities(bounding=["KILL"], effective=["KILL"], permitted=["KILL"]),
      inheritable=capabilities(
          bounding=["KILL", "CHOWN"], effective=["KILL"], permitted=["KILL", "CHOWN"], inheritable=["CHOWN"]),
      ambient=capabilities(
          **dict.fromkeys(("bounding", "effective", "permitted", "inheritable", "ambient"), ["NET_RAW", "KILL"])),
      ambient_of_user={
          **capabilities(
              **dict.fromkeys(("bounding", "effective", "permitted", "inheritable", "ambient"), ["NET_RAW"])),
          "process.user.uid": 1000},
      ambient_without_inheritable=capabilities(
          bounding=["KILL"], effective=["KILL"], permitted=["KILL"], ambient=["KILL"]),
      of_user={"process.user.uid": 1000},
      unknown=capabilities(bounding=["KILL", "FROM_THE_FUTURE"], effective=["KILL"], permitted=["KILL"]),
      lower_case={
          "process.capabilities": {"bounding": ["cap_kill"], "effective": ["cap_kill"], "permitted": ["cap_kill"]}},
      effective_without_permitted=capabilities(bounding=["KILL"], effective=["KILL"]),
      many=capabilities(
          **dict.fromkeys(
              ("bounding", "effective", "permitted"), ["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "BPF", "PERFMON"])))

group("rlimits",
      nofile=limits(NOFILE=(1000, 2000)),
      many=limits(
          AS=(1 << 40, 1 << 40), CORE=(0, 0), CPU=(100, 200), DATA=(1 << 40, 1 << 40), FSIZE=(1 << 40, 1 << 40),
          LOCKS=(50, 60), MEMLOCK=(4096, 8192), MSGQUEUE=(4096, 8192), NICE=(0, 0)),
      others=limits(
          NPROC=(500, 600), RSS=(1 << 40, 1 << 40), RTPRIO=(0, 0), RTTIME=(1000000, 2000000), SIGPENDING=(100, 200),
          STACK=(1 << 20, 1 << 24)),
      infinite=limits(CORE=(2**64 - 1, 2**64 - 1)),
      crossed=limits(NOFILE=(2000, 1000)),
      unknown=limits(NOTHING=(1, 1)),
      lower_case={"process.rlimits": [{"type": "nofile", "soft": 1, "hard": 1}]},
      twice={"process.rlimits": [{"type": "RLIMIT_NOFILE", "soft": 10 + n, "hard": 20 + n} for n in (0, 1)]},
      too_much=limits(NOFILE=(1 << 40, 1 << 40)),
      above_ours=limits(NOFILE=(20001, 1000000)),
      empty={"process.rlimits": []})

OPTIONS = ("ro rw suid nosuid dev nodev exec noexec sync async dirsync mand nomand atime noatime diratime nodiratime "
           "relatime norelatime strictatime nostrictatime iversion noiversion lazytime nolazytime silent loud "
           "private rprivate shared rshared slave rslave unbindable runbindable symfollow nosymfollow "
           "rro rrw rnosuid rsuid rnodev rdev rnoexec rexec rnoatime ratime rnodiratime rdiratime rrelatime "
           "rnorelatime rstrictatime rnostrictatime rsymfollow rnosymfollow defaults tmpcopyup remount idmap "
           "ridmap").split()
for option in OPTIONS:
    CORPUS["mounts.tmpfs." + option] = {**mount("/full", options=[option]), "look": ["ls -l /full | sed 1d"]}
for option in ("rbind ro rro nosuid rnosuid nodev noexec rnoexec noatime rnoatime relatime strictatime nodiratime "
               "nosymfollow private rprivate shared rshared slave rslave unbindable runbindable rstrictatime "
               "rnodiratime rnosymfollow idmap ridmap").split():
    CORPUS["mounts.bind." + option] = bind("/to", "@WORK@/tree", option)
group("mounts",
      bind_type_none={**mount("/to", "none", "@WORK@/tree", ["bind"])},
      bind_type_only=mount("/to", "bind", "@WORK@/tree"),
      rbind_only=mount("/to", "", "@WORK@/tree", ["rbind"]),
      remount={"mounts+": [{"destination": "/dev/shm", "type": "none", "options": ["remount", "ro", "noatime"]}]},
      bind_and_remount=bind("/to", "@WORK@/tree", "remount", "ro"),
      bind_file=bind("/etc/passwd", "@WORK@/file"),
      bind_file_made=bind("/a/b/file", "@WORK@/file", "ro"),
      bind_device=bind("/null", "/dev/null"),
      bind_relative=bind("/to", "../tree"),
      bind_missing=bind("/to", "@WORK@/nowhere"),
      bind_file_on_directory=bind("/etc", "@WORK@/file"),
      bind_directory_on_file=bind("/etc/passwd", "@WORK@/tree"),
      bind_through_symlink=bind("/inner/x", "@WORK@/tree"),
      bind_out_of_root=bind("/outer/x", "@WORK@/tree"),
      bind_ro_and_rw=bind("/to", "@WORK@/tree", "ro", "rw"),
      bind_rw_and_ro=bind("/to", "@WORK@/tree", "rw", "ro"),
      bind_data=bind("/to", "@WORK@/tree", "mode=700"),
      bind_source_symlink=bind("/to", "@WORK@/treelink"),
      bind_dots=bind("/tmp/../to/./x", "@WORK@/tree"),
      bind_twice={
          "mounts+": [{"destination": "/to", "type": "bind", "source": "@WORK@/tree", "options": ["bind"]}] * 2},
      bind_over_dev_file=bind("/dev/null", "@WORK@/file"),
      bind_in_dev={**bind("/dev/extra", "@WORK@/file")},
      two_propagations=bind("/to", "@WORK@/tree", "rprivate", "unbindable"),
      recursive_and_flat=bind("/to", "@WORK@/tree", "rbind", "rro", "nosuid"),
      recursive=bind("/to", "@WORK@/tree", "rbind", "rro", "rnosuid", "rnodev", "rnoatime", "rprivate"),
      recursive_off=bind("/to", "@WORK@/tree", "rbind", "rexec"),
      shared_with_the_host={
          **bind("/to", "@WORK@/tree", "rbind", "rshared"), "linux.rootfsPropagation": "rshared"},
      idmapped=mount("/to", "bind", "@WORK@/tree", ["bind", "idmap"], uidMappings=IDMAP, gidMappings=IDMAP),
      idmapped_recursive=mount(
          "/to", "bind", "@WORK@/tree", ["rbind", "ridmap"], uidMappings=IDMAP, gidMappings=IDMAP),
      idmapped_without_option=mount("/to", "bind", "@WORK@/tree", ["bind"], uidMappings=IDMAP, gidMappings=IDMAP),
      idmapped_half=mount("/to", "bind", "@WORK@/tree", ["bind", "idmap"], uidMappings=IDMAP),
      idmapped_tmpfs=mount("/to", options=["idmap"], uidMappings=IDMAP, gidMappings=IDMAP),
      idmapped_in_user_namespace={**user_namespace(), **mount("/to", "bind", "@WORK@/tree", ["bind", "idmap"])},
      tmpfs_options=mount("/to", options=["size=1m", "mode=1700", "uid=5", "gid=6", "nr_inodes=10"]),
      tmpfs_mode_of_directory=mount("/private", options=["nosuid"]),
      tmpfs_copied={**mount("/full", options=["tmpcopyup", "size=1m"]), "look": ["ls -lR /full | sed 1d"]},
      tmpfs_copied_ro={**mount("/full", options=["tmpcopyup", "ro"]), "look": ["ls -lR /full | sed 1d"]},
      tmpfs_copied_nothing=mount("/to", options=["tmpcopyup"]),
      tmpfs_without_source={"mounts+": [{"destination": "/to", "type": "tmpfs"}]},
      tmpfs_ro={**mount("/full", options=["ro"])},
      option_unknown=mount("/to", options=["nothing"]),
      option_of_bind_unknown=bind("/to", "@WORK@/tree", "nothing"),
      option_empty=mount("/to", options=[""]),
      no_type={"mounts+": [{"destination": "/to", "source": "tmpfs"}]},
      type_unknown=mount("/to", "nothing"),
      destination_relative=mount("to"),
      destination_root=mount("/"),
      destination_none={"mounts+": [{"type": "tmpfs", "source": "tmpfs"}]},
      destination_file=mount("/etc/passwd"),
      destination_under_file=mount("/etc/passwd/x"),
      none={"mounts": []},
      no_dev={"mounts": [BASE["mounts"][0]]},
      no_proc={"mounts": BASE["mounts"][1:]},
      proc_later={"mounts": BASE["mounts"][1:] + BASE["mounts"][:1]},
      proc_option={**mount("/proc", "proc", "proc", ["hidepid=2", "nosuid"])},
      second_proc=mount("/other", "proc", "proc"),
      tmpfs_on_proc=mount("/proc"),
      tmpfs_in_proc=mount("/proc/acpi"),
      file_in_proc=bind("/proc/uptime", "@WORK@/file", "ro"),
      file_in_proc_forbidden=bind("/proc/version", "@WORK@/file"),
      tmpfs_on_sys=mount("/sys"),
      tmpfs_in_sys=mount("/sys/kernel/debug"),
      sys_rw={"mounts": base_mounts("/sys", options=["nosuid"])},
      bind_dev={
          "mounts": [
              BASE["mounts"][0],
              {"destination": "/dev", "type": "bind", "source": "/dev", "options": ["rbind", "ro"]}]},
      bind_proc={
          "mounts": [
              {"destination": "/proc", "type": "bind", "source": "/proc", "options": ["rbind"]}, *BASE["mounts"][1:]]},
      bind_sys={"mounts": base_mounts("/sys", type="bind", source="/sys", options=["rbind", "ro"])[:-1]},
      dev_ro={"mounts": base_mounts("/dev", options=["nosuid", "strictatime", "mode=755", "size=65536k", "ro"])},
      cgroup_rw={
          "mounts": BASE["mounts"][:-1] + [
              {**BASE["mounts"][-1], "options": ["nosuid", "noexec", "nodev", "relatime"]}]},
      cgroup_of_the_host={"linux.namespaces": namespaces("cgroup")},
      cgroup2_type={"mounts": BASE["mounts"][:-1] + [{**BASE["mounts"][-1], "type": "cgroup2"}]},
      cgroup_elsewhere={"mounts": BASE["mounts"][:-1] + [{**BASE["mounts"][-1], "destination": "/cg"}]},
      proc_is_a_symlink={"rootfs": [("link", "proc", "tmp")]},
      dev_is_a_symlink={"rootfs": [("link", "dev", "tmp")]},
      sys_is_a_symlink={"rootfs": [("link", "sys", "tmp")]},
      ramfs=mount("/to", "ramfs", "ramfs"),
      mqueue=mount("/to", "mqueue", "mqueue"),
      options_none={"mounts+": [{"destination": "/to", "type": "tmpfs", "source": "tmpfs", "options": None}]},
      deep=mount("/deep/er/and/deeper"),
      many={"mounts+": [{"destination": f"/m{n}", "type": "tmpfs", "source": "tmpfs"} for n in range(20)]})

OUTER_HOOKS = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
for point in OUTER_HOOKS:
    CORPUS[f"hooks.{point}"] = {**hook(point), "annotations": {"org.example.a": "1"}}
    CORPUS[f"hooks.{point}-env"] = hook(point, env=["A=1", "B=2"], timeout=5)
    CORPUS[f"hooks.{point}-fails"] = hook(point, "3")
    CORPUS[f"hooks.{point}-missing"] = hook(point, path="/nowhere")
    CORPUS[f"hooks.{point}-slow"] = {f"hooks.{point}": [{"path": "/bin/sleep", "args": ["sleep", "30"], "timeout": 1}]}
CORPUS["hooks.createContainer-in-user-namespace"] = {**user_namespace(), **hook("createContainer")}
CORPUS["hooks.startContainer"] = inside_hook()
CORPUS["hooks.startContainer-env"] = inside_hook(env=["A=1", "PATH=/bin"], timeout=5)
CORPUS["hooks.startContainer-fails"] = inside_hook("3")
CORPUS["hooks.startContainer-missing"] = inside_hook(path="/nowhere")
CORPUS["hooks.all"] = {
    **inside_hook(), **{key: value for point in OUTER_HOOKS for key, value in hook(point).items()}}
group("hooks",
      relative=hook("createRuntime", path="hook"),
      no_args={"hooks.createRuntime": [{"path": "@WORK@/noting"}]},
      empty={"hooks": {}},
      env_empty=hook("createRuntime", env=[]),
      env_of_start_empty=inside_hook(env=[]),
      timeout_zero=hook("createRuntime", timeout=0),
      timeout_negative=hook("createRuntime", timeout=-1),
      two={
          "hooks.createRuntime": [
              {"path": "@WORK@/hook", "args": ["hook", "@WORK@/out", name]} for name in ("first", "second")]},
      second_after_failure={
          "hooks.createRuntime": [
              {"path": "@WORK@/hook", "args": ["hook", "@WORK@/out", name, status]}
              for name, status in (("first", "3"), ("second", "0"))],
          **hook("poststop")})

group("namespaces",
      none={"linux.namespaces": [{"type": "mount"}], "hostname": GONE},
      no_mount={"linux.namespaces": namespaces("mount")},
      no_pid={"linux.namespaces": namespaces("pid")},
      no_network={"linux.namespaces": namespaces("network")},
      no_ipc={"linux.namespaces": namespaces("ipc")},
      no_cgroup={"linux.namespaces": namespaces("cgroup")},
      list_none={"linux.namespaces": GONE},
      twice={"linux.namespaces+": [{"type": "pid"}]},
      unknown={"linux.namespaces+": [{"type": "nothing"}]},
      empty_type={"linux.namespaces+": [{"type": ""}]},
      **{f"joined_{kind}": {"linux.namespaces": namespaces(**{kind: f"@HOLDER@/{file}"})}
         for kind, file in (
             ("network", "net"), ("uts", "uts"), ("ipc", "ipc"), ("pid", "pid"), ("cgroup", "cgroup"))},
      joined_wrong_kind={"linux.namespaces": namespaces(network="@HOLDER@/uts")},
      joined_missing={"linux.namespaces": namespaces(network="/nowhere")},
      joined_file={"linux.namespaces": namespaces(network="/etc/passwd")},
      time={"linux.namespaces": namespaces(time="")},
      time_offsets={
          "linux.namespaces": namespaces(time=""),
          "linux.timeOffsets": {
              "monotonic": {"secs": 1000, "nanosecs": 5}, "boottime": {"secs": 2000, "nanosecs": 6}}},
      time_offsets_negative={
          "linux.namespaces": namespaces(time=""), "linux.timeOffsets": {"boottime": {"secs": -1, "nanosecs": 0}}},
      time_offsets_joined={
          "linux.namespaces": namespaces(time="@HOLDER@/time"), "linux.timeOffsets": {"boottime": {"secs": 5}}},
      time_joined={"linux.namespaces": namespaces(time="@HOLDER@/time")},
      time_offsets_alone={"linux.timeOffsets": {"monotonic": {"secs": 10, "nanosecs": 0}}},
      user=user_namespace(),
      user_as_user={**user_namespace(), "process.user.uid": 1000},
      user_rootfs_not_mapped={**user_namespace(), "rootfs": []},
      user_groups={**user_namespace(), "process.user.additionalGids": [5]},
      user_two_mappings={
          **user_namespace(),
          "linux.uidMappings": [
              {"containerID": 0, "hostID": 100000, "size": 1000},
              {"containerID": 1000, "hostID": 200000, "size": 1000}]},
      user_without_mappings={"linux.namespaces": namespaces(user="")},
      user_mapping_alone={"linux.uidMappings": IDMAP, "linux.gidMappings": IDMAP},
      user_unmapped_uid={**user_namespace(), "process.user.uid": 70000},
      user_overlap={
          **user_namespace(),
          "linux.uidMappings": [
              {"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 5, "hostID": 200000, "size": 10}]},
      user_host_network={**user_namespace(), "linux.namespaces": namespaces("network", user="")},
      user_sysctl={**user_namespace(), "linux.sysctl": {"net.ipv4.ip_forward": "1"}},
      user_rlimit={**user_namespace(), **limits(NOFILE=(100, 200))},
      user_joined={"linux.namespaces": namespaces(user="@HOLDER@/user")})

group("devices",
      char={
          "linux.devices": [
              {"path": "/dev/x", "type": "c", "major": 10, "minor": 229, "fileMode": 0o640, "uid": 5, "gid": 6}]},
      unbuffered={"linux.devices": [{"path": "/dev/x", "type": "u", "major": 1, "minor": 3}]},
      block={"linux.devices": [{"path": "/dev/x", "type": "b", "major": 7, "minor": 0, "fileMode": 0o600}]},
      fifo={"linux.devices": [{"path": "/dev/pipe", "type": "p", "fileMode": 0o622}]},
      fifo_outside_dev={"linux.devices": [{"path": "/run/pipe", "type": "p", "uid": 3, "gid": 4}]},
      fifo_in_user_namespace={**user_namespace(), "linux.devices": [{"path": "/dev/pipe", "type": "p"}]},
      outside_dev_in_user_namespace={
          **user_namespace(), "linux.devices": [{"path": "/x", "type": "c", "major": 1, "minor": 3}]},
      same_as_default={"linux.devices": [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3}]},
      no_mode={"linux.devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3}]},
      deep={"linux.devices": [{"path": "/dev/a/b/x", "type": "c", "major": 1, "minor": 3}]},
      outside_dev={"linux.devices": [{"path": "/x", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666}]},
      over_default={"linux.devices": [{"path": "/dev/null", "type": "c", "major": 1, "minor": 5, "fileMode": 0o600}]},
      mode_with_type={"linux.devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 0o20666}]},
      unknown_type={"linux.devices": [{"path": "/dev/x", "type": "x", "major": 1, "minor": 3}]},
      relative={"linux.devices": [{"path": "x", "type": "c", "major": 1, "minor": 3}]},
      no_path={"linux.devices": [{"type": "c", "major": 1, "minor": 3}]},
      through_symlink={"linux.devices": [{"path": "/inner/x", "type": "c", "major": 1, "minor": 3}]},
      umask={
          "linux.devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 0o777}],
          "process.user.umask": 0o77},
      in_user_namespace={
          **user_namespace(), "linux.devices": [{"path": "/dev/x", "type": "c", "major": 10, "minor": 229}]},
      twice={"linux.devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": minor} for minor in (3, 5)]},
      netdevices={"linux.netDevices": {"lo": {"name": "lo9"}}},
      netdevices_missing={"linux.netDevices": {"nothing9": {}}},
      netdevices_without_namespace={
          "linux.netDevices": {"nothing9": {}}, "linux.namespaces": namespaces("network")},
      netdevices_bad_name={"linux.netDevices": {"nothing9": {"name": "a/b"}}})

group("linux",
      cgroups_path_none={"linux.cgroupsPath": GONE},
      cgroups_path_relative={"linux.cgroupsPath": "tare-differential/@ID@"},
      cgroups_path_deep={"linux.cgroupsPath": "/tare-differential/a/b/@ID@"},
      cgroups_path_dots={"linux.cgroupsPath": "/tare-differential/../tare-differential/@ID@"},
      cgroups_path_out={"linux.cgroupsPath": "/../../tare-differential/@ID@"},
      none={"linux": GONE},
      masked_none={"linux.maskedPaths": GONE},
      masked_file={"linux.maskedPaths": ["/etc/passwd"]},
      masked_directory={"linux.maskedPaths": ["/full"]},
      masked_missing={"linux.maskedPaths": ["/nowhere"]},
      masked_symlink={"linux.maskedPaths": ["/inner"]},
      masked_relative={"linux.maskedPaths": ["etc/passwd"]},
      masked_twice={"linux.maskedPaths": ["/etc/passwd", "/etc/passwd"]},
      readonly_none={"linux.readonlyPaths": GONE},
      readonly_file={"linux.readonlyPaths": ["/etc/passwd"]},
      readonly_directory={"linux.readonlyPaths": ["/tmp"]},
      readonly_missing={"linux.readonlyPaths": ["/nowhere"]},
      readonly_symlink={"linux.readonlyPaths": ["/inner"]},
      readonly_with_mounts={**mount("/tmp/below"), "linux.readonlyPaths": ["/tmp"]},
      readonly_relative={"linux.readonlyPaths": ["tmp"]},
      **{"propagation_" + kind: {"linux.rootfsPropagation": kind}
         for kind in "private rprivate slave rslave shared rshared unbindable runbindable nothing".split()},
      mount_label={"linux.mountLabel": "system_u:object_r:container_file_t:s0"},
      sysctl_net={"linux.sysctl": {"net.ipv4.ip_forward": "1", "net.core.somaxconn": "500"}},
      sysctl_ipc={"linux.sysctl": {"kernel.shmmax": "123456", "kernel.msgmax": "9999", "fs.mqueue.msg_max": "5"}},
      sysctl_slashes={"linux.sysctl": {"net/ipv4/ip_forward": "1"}},
      sysctl_range={"linux.sysctl": {"net.ipv4.ping_group_range": "0 100"}},
      sysctl_sem={"linux.sysctl": {"kernel.sem": "1 2 3 4"}},
      sysctl_host={"linux.sysctl": {"kernel.panic": "5"}},
      sysctl_host_network={"linux.sysctl": {"net.ipv4.ip_forward": "1"}, "linux.namespaces": namespaces("network")},
      sysctl_host_ipc={"linux.sysctl": {"kernel.shmmax": "123456"}, "linux.namespaces": namespaces("ipc")},
      sysctl_missing={"linux.sysctl": {"net.nothing": "1"}},
      sysctl_bad_value={"linux.sysctl": {"net.ipv4.ip_forward": "x"}},
      sysctl_hostname={"linux.sysctl": {"kernel.hostname": "other"}},
      sysctl_domainname={"linux.sysctl": {"kernel.domainname": "other"}},
      sysctl_dots={"linux.sysctl": {"net/../fs/pipe-max-size": "1048576"}},
      sysctl_user={"linux.sysctl": {"user.max_user_namespaces": "5"}},
      personality={"linux.personality": {"domain": "LINUX"}},
      personality_32={"linux.personality": {"domain": "LINUX32"}},
      personality_unknown={"linux.personality": {"domain": "BSD"}},
      personality_flags={"linux.personality": {"domain": "LINUX", "flags": ["x"]}},
      rdt={
          "linux.intelRdt": {
              "closID": "tare", "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=20", "schemata": ["L3:0=f"],
              "enableMonitoring": True}},
      rdt_empty={"linux.intelRdt": {}},
      memory_policy={"linux.memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}},
      memory_policy_interleave={"linux.memoryPolicy": {"mode": "MPOL_INTERLEAVE", "nodes": "0"}},
      memory_policy_local={"linux.memoryPolicy": {"mode": "MPOL_LOCAL"}},
      memory_policy_missing_node={"linux.memoryPolicy": {"mode": "MPOL_BIND", "nodes": "63"}},
      memory_policy_bad_flag={"linux.memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["NOTHING"]}},
      memory_policy_default={"linux.memoryPolicy": {"mode": "MPOL_DEFAULT"}},
      memory_policy_unknown={"linux.memoryPolicy": {"mode": "MPOL_NOTHING"}},
      unknown_field={"linux.fromTheFuture": [1]})

DENIED = {"look": ["mkdir /tmp/made && rmdir /tmp/made", "chmod 600 /etc/group", "hostname other"]}
group("seccomp",
      allow=seccomp(),
      errno={**seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat")), **DENIED},
      errno_ret={**seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat", errnoRet=5)), **DENIED},
      nnp_off={
          **seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir")), **DENIED, "process.noNewPrivileges": False},
      args={
          **seccomp(
              "SCMP_ACT_ALLOW",
              rule("SCMP_ACT_ERRNO", "chmod", "fchmodat", args=[{"index": 1, "value": 0o600, "op": "SCMP_CMP_EQ"}])),
          **DENIED},
      args_masked={
          **seccomp(
              "SCMP_ACT_ALLOW",
              rule(
                  "SCMP_ACT_ERRNO", "chmod",
                  args=[{"index": 1, "value": 0o700, "valueTwo": 0o600, "op": "SCMP_CMP_MASKED_EQ"}])), **DENIED},
      args_two={
          **seccomp(
              "SCMP_ACT_ALLOW",
              rule(
                  "SCMP_ACT_ERRNO", "chmod",
                  args=[
                      {"index": 1, "value": 0o500, "op": "SCMP_CMP_GT"},
                      {"index": 1, "value": 0o700, "op": "SCMP_CMP_LT"}])), **DENIED},
      args_same_index_twice={
          **seccomp(
              "SCMP_ACT_ALLOW",
              rule(
                  "SCMP_ACT_ERRNO", "chmod",
                  args=[
                      {"index": 1, "value": 0o600, "op": "SCMP_CMP_EQ"},
                      {"index": 1, "value": 0o700, "op": "SCMP_CMP_EQ"}])), **DENIED},
      trap=seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_TRAP", "sethostname")),
      kill={**seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_KILL", "sethostname")), **DENIED},
      kill_process={**seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_KILL_PROCESS", "mkdir")), **DENIED},
      kill_thread=seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_KILL_THREAD", "sethostname")),
      trace={**seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_TRACE", "mkdir", errnoRet=7)), **DENIED},
      log=seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_LOG", "sethostname")),
      default_errno_ret={
          **seccomp("SCMP_ACT_ERRNO", rule("SCMP_ACT_ALLOW", "nothing"), defaultErrnoRet=38), **sh("echo reached")},
      syscall_unknown=seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "no_such_call")),
      archs={
          **seccomp(
              "SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir"),
              architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]), **DENIED},
      arch_unknown=seccomp(architectures=["SCMP_ARCH_NOTHING"]),
      arch_none={"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}},
      flags=seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir"), flags=["SECCOMP_FILTER_FLAG_LOG"]),
      flags_tsync=seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir"), flags=["SECCOMP_FILTER_FLAG_TSYNC"]),
      flags_spec=seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir"), flags=["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]),
      flags_unknown=seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "mkdir"), flags=["NOTHING"]),
      action_unknown=seccomp("SCMP_ACT_NOTHING"),
      operator_unknown=seccomp(
          "SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "chmod", args=[{"index": 1, "value": 0, "op": "NOTHING"}])),
      index_too_high=seccomp(
          "SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO", "chmod", args=[{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}])),
      names_empty=seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_ERRNO")),
      notify={
          **seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_NOTIFY", "mkdir", "sethostname"), listenerPath="@WORK@/listener",
                    listenerMetadata="some words"), **DENIED},
      notify_all=seccomp("SCMP_ACT_NOTIFY", listenerPath="@WORK@/listener"),
      notify_write=seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_NOTIFY", "write"), listenerPath="@WORK@/listener"),
      notify_nobody=seccomp(
          "SCMP_ACT_ALLOW", rule("SCMP_ACT_NOTIFY", "mkdir"), listenerPath="@WORK@/nobody", listenerMetadata="x"),
      notify_without_path=seccomp("SCMP_ACT_ALLOW", rule("SCMP_ACT_NOTIFY", "mkdir")),
      listener_without_notify=seccomp(listenerPath="@WORK@/nobody"),
      empty={"linux.seccomp": {}})

# The resources; blockIO's device is a loop device, which every machine has.
GIB = 1 << 30


def resources(**kinds):
    return {"linux.resources." + kind: value for kind, value in kinds.items()}


LOOP = {"major": 7, "minor": 0}
group("resources",
      none={"linux.resources": GONE},
      empty={"linux.resources": {}},
      memory=resources(memory={"limit": GIB}),
      memory_reservation=resources(memory={"limit": GIB, "reservation": GIB // 2}),
      memory_reservation_alone=resources(memory={"reservation": GIB // 2}),
      memory_swap=resources(memory={"limit": GIB, "swap": 2 * GIB}),
      memory_swap_same=resources(memory={"limit": GIB, "swap": GIB}),
      memory_swap_unlimited=resources(memory={"limit": GIB, "swap": -1}),
      memory_unlimited=resources(memory={"limit": -1}),
      memory_zero=resources(memory={"limit": 0}),
      memory_swap_alone=resources(memory={"swap": GIB}),
      memory_swap_below=resources(memory={"limit": GIB, "swap": GIB // 2}),
      memory_odd=resources(memory={"limit": GIB + 1}),
      memory_tiny=resources(memory={"limit": 4096}),
      memory_kernel=resources(memory={"kernel": GIB}),
      memory_kernel_tcp=resources(memory={"kernelTCP": GIB}),
      swappiness=resources(memory={"swappiness": 5}),
      swappiness_zero=resources(memory={"swappiness": 0}),
      swappiness_too_much=resources(memory={"swappiness": 101}),
      oom_off=resources(memory={"disableOOMKiller": True, "limit": GIB}),
      oom_on=resources(memory={"disableOOMKiller": False}),
      hierarchy=resources(memory={"useHierarchy": True}),
      check_before_update=resources(memory={"checkBeforeUpdate": True, "limit": GIB}),
      memory_text=resources(memory={"limit": "1g"}),
      cpu_shares=resources(cpu={"shares": 512}),
      cpu_shares_low=resources(cpu={"shares": 1}),
      cpu_shares_high=resources(cpu={"shares": 300000}),
      cpu_shares_zero=resources(cpu={"shares": 0}),
      cpu_quota=resources(cpu={"quota": 50000, "period": 100000}),
      cpu_quota_alone=resources(cpu={"quota": 20000}),
      cpu_period_alone=resources(cpu={"period": 50000}),
      cpu_quota_unlimited=resources(cpu={"quota": -1, "period": 100000}),
      cpu_quota_tiny=resources(cpu={"quota": 1}),
      cpu_period_too_long=resources(cpu={"period": 2000000}),
      cpu_burst=resources(cpu={"quota": 50000, "period": 100000, "burst": 10000}),
      cpu_burst_too_much=resources(cpu={"quota": 50000, "period": 100000, "burst": 90000}),
      cpu_idle=resources(cpu={"idle": 1}),
      cpu_idle_zero=resources(cpu={"idle": 0}),
      cpu_realtime=resources(cpu={"realtimeRuntime": 1000, "realtimePeriod": 1000000}),
      cpu_realtime_period=resources(cpu={"realtimePeriod": 500000}),
      cpuset=resources(cpu={"cpus": "0", "mems": "0"}),
      cpuset_cpus=resources(cpu={"cpus": "0-1"}),
      cpuset_mems=resources(cpu={"mems": "0"}),
      cpuset_missing=resources(cpu={"cpus": "4000"}),
      cpuset_bad=resources(cpu={"cpus": "x"}),
      cpuset_odd=resources(cpu={"cpus": "0,1"}),
      pids=resources(pids={"limit": 50}),
      pids_unlimited=resources(pids={"limit": -1}),
      pids_zero=resources(pids={"limit": 0}),
      pids_one=resources(pids={"limit": 1}),
      pids_negative=resources(pids={"limit": -5}),
      block_weight=resources(blockIO={"weight": 500}),
      block_leaf_weight=resources(blockIO={"leafWeight": 300}),
      block_weight_too_low=resources(blockIO={"weight": 1}),
      block_weight_device=resources(blockIO={"weightDevice": [{**LOOP, "weight": 500, "leafWeight": 300}]}),
      block_read=resources(blockIO={"throttleReadBpsDevice": [{**LOOP, "rate": 1000000}]}),
      block_write=resources(blockIO={"throttleWriteBpsDevice": [{**LOOP, "rate": 2000000}]}),
      block_read_operations=resources(blockIO={"throttleReadIOPSDevice": [{**LOOP, "rate": 100}]}),
      block_write_operations=resources(blockIO={"throttleWriteIOPSDevice": [{**LOOP, "rate": 200}]}),
      block_missing_device=resources(blockIO={"throttleReadBpsDevice": [{"major": 4000, "minor": 0, "rate": 1}]}),
      hugepages=resources(hugepageLimits=[{"pageSize": "2MB", "limit": 4194304}]),
      hugepages_unknown=resources(hugepageLimits=[{"pageSize": "3MB", "limit": 1}]),
      hugepages_bad=resources(hugepageLimits=[{"pageSize": "two", "limit": 1}]),
      network_class=resources(network={"classID": 1048577}),
      network_priorities=resources(network={"priorities": [{"name": "lo", "priority": 5}]}),
      rdma=resources(rdma={"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}}),
      unified=resources(unified={"cgroup.max.depth": "5"}),
      unified_memory=resources(unified={"memory.high": "1073741824"}),
      unified_bad=resources(unified={"memory": "1"}),
      unified_path=resources(unified={"../x.y": "1"}),
      devices_all=resources(devices=[{"allow": True, "access": "rwm"}]),
      devices_none=resources(devices=[]),
      devices_one=resources(
          devices=[
              {"allow": False, "access": "rwm"},
              {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}]),
      devices_read_only=resources(
          devices=[
              {"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 1, "access": "r"}]),
      devices_major=resources(
          devices=[{"allow": False, "access": "rwm"}, {"allow": True, "type": "b", "major": 7, "access": "rwm"}]),
      devices_wildcard=resources(
          devices=[
              {"allow": False, "access": "rwm"},
              {"allow": True, "type": "c", "major": -1, "minor": -1, "access": "m"}]),
      devices_deny_one=resources(
          devices=[
              {"allow": True, "access": "rwm"},
              {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "rwm"}]),
      devices_deny_default=resources(
          devices=[
              {"allow": False, "access": "rwm"},
              {"allow": False, "type": "c", "major": 1, "minor": 5, "access": "rwm"}]),
      devices_unknown_type=resources(devices=[{"allow": True, "type": "x", "access": "rwm"}]),
      devices_bad_access=resources(devices=[{"allow": True, "type": "c", "major": 1, "minor": 3, "access": "x"}]),
      devices_no_access=resources(
          devices=[{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "minor": 229}]),
      devices_type_a=resources(devices=[{"allow": False, "type": "a", "access": "rwm"}]),
      devices_deny_nothing_allowed=resources(
          devices=[{"allow": False, "type": "c", "major": 10, "minor": 200, "access": "rwm"}]))

group("bad",
      not_json={"text": "{"},
      array={"text": "[]"},
      empty={"text": ""},
      missing={"text": None},
      trailing={"text": "TRAILING"},
      args_text={"process.args": "sh"},
      args_number={"process.args": [1]},
      env_table={"process.env": {}},
      mounts_table={"mounts": {}},
      namespaces_text={"linux.namespaces": "pid"},
      terminal_text={"process.terminal": "yes"},
      uid_fraction={"process.user.uid": 1.5},
      null_fields={"hostname": None, "mounts+": [], "linux.seccomp": None, "hooks": None, "process.rlimits": None},
      unknown_field={"fromTheFuture": {"a": 1}},
      wrong_case={"HostName": "other"},
      other_platforms={"windows": {"x": 1}, "solaris": {"milestone": "x"}, "vm": {}, "zos": {}, "freebsd": {}})


def fields_without_entry():
    """Fields of runtime-spec 1.3 (config.md, config-linux.md) that no entry sets."""
    def walk(prefix, value):
        yield prefix
        for key, below in value.items() if isinstance(value, dict) else ():
            yield from walk(f"{prefix}.{key}" if prefix else key, below)
        for below in value if isinstance(value, list) else ():
            yield from walk(prefix, below)
    there = set()
    for patch in CORPUS.values():
        there.update(walk("", patched(BASE, patch)[0]))
    with open(os.path.join(os.path.dirname(__file__), "spec-1.3-fields.txt"), encoding="ascii") as file:
        return [field for field in file.read().split() if field not in there]
