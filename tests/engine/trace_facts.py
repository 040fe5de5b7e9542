"""What processes did, as facts (see plan_truth.py), from a trace by `strace -f -y -v -s 65536 -qq`: up to the moment
in which a container's command is executed."""
import codecs
import os
import re

# Reading, memory, descriptors, waiting, and messages between tare's own processes: nothing outside is changed.
HARMLESS = set("""access arch_prctl brk capget clock_nanosleep close close_range dup epoll_create1 epoll_ctl epoll_wait
    exit exit_group faccessat2 fadvise64 fcntl fgetxattr flistxattr flock fstat fstatfs futex getcwd getdents64 getegid
    geteuid getgid getgroups getpgid getpid getppid getrandom getresgid getresuid getsid gettid getuid getxattr kill
    lgetxattr listen listxattr llistxattr lseek lstat madvise memfd_create mmap mprotect munmap nanosleep newfstatat
    pidfd_open pidfd_send_signal pipe2 poll ppoll pread64 read readlink readlinkat recvfrom recvmsg restart_syscall rseq
    rt_sigreturn rt_sigtimedwait sched_getaffinity sendmsg sendto set_robust_list set_tid_address setsockopt signalfd4
    socket socketpair stat statfs statx sysinfo tgkill uname wait4 waitid""".split())

# Calls by which tare-image makes or changes something, and which of their arguments names it.
IMAGE_WRITES = {"mkdirat": 0, "openat": 0, "mknodat": 0, "unlinkat": 0, "linkat": 2, "symlinkat": 1, "symlink": 1, "renameat": 2,
                "renameat2": 2, "fchmodat": 0}

NAMESPACES = {"NEWPID": "pid", "NEWNS": "mount", "NEWNET": "network", "NEWIPC": "ipc", "NEWUTS": "uts",
              "NEWCGROUP": "cgroup", "NEWUSER": "user", "NEWTIME": "time"}


def words(*parts):
    return " ".join(str(part) for part in parts if part != "")


def sorted_words(names):
    return ",".join(sorted(names))


def split_arguments(text):
    """The arguments at the top level, and what comes behind the closing parenthesis."""
    arguments, depth, begin, i = [], 0, 0, 0
    while i < len(text):
        c = text[i]
        if c == '"':
            i = re.compile(r'(?:[^"\\]|\\.)*"').match(text, i + 1).end()
            continue
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        if depth < 0 or (depth == 0 and c == ","):
            if text[begin:i].strip():
                arguments.append(text[begin:i].strip())
            begin = i + 1
            if depth < 0:
                return arguments, text[i + 1:]
        i += 1
    return arguments, ""


def text_of(argument):
    return codecs.escape_decode(argument[argument.index('"') + 1:argument.rindex('"')])[0].decode("utf-8", "replace")


def texts_of(argument):
    return [text_of(one) for one in split_arguments(argument[1:-1] + ")")[0]]


def field(argument, name):
    match = re.search(rf"\b{name}=(\[[^]]*\]|[^,}}]*)", argument)
    return match.group(1) if match else ""


def number(text):
    if text.startswith("RLIM"):
        return "unlimited"
    product = 1
    for factor in text.split("*"):
        product *= int(factor, 0)
    return product


def namespaces_in(flags):
    return sorted_words(NAMESPACES[one] for one in re.findall(r"CLONE_(NEW\w+)", flags))


def attributes_in(flags):
    flags = flags.replace("MOUNT_ATTR__ATIME", "MOUNT_ATTR_NOATIME|MOUNT_ATTR_STRICTATIME")
    names = {one.lower() for one in re.findall(r"MOUNT_ATTR_([A-Z]\w*)", flags)}
    return {"ro" if name == "rdonly" else name for name in names - {"relatime"}}


def capabilities_in(sets):
    return sorted_words(re.findall(r"CAP_([A-Z_]+)", sets))


class Process:
    def __init__(self, parent=None, shares_descriptors=False):
        self.role = parent.role if parent else "tare"
        if self.role == "monitor":
            self.role = "launch"
        self.paths = {} if not parent else parent.paths if shares_descriptors else dict(parent.paths)


class Call:
    def __init__(self, pid, begin, text):
        self.pid, self.begin = pid, begin
        self.name, rest = text.split("(", 1)
        self.args, rest = split_arguments(rest)
        self.result = rest.strip().removeprefix("= ")
        self.failed = self.result.startswith(("-1", "?"))


def read_calls(lines):
    pending = {}
    for at, line in enumerate(lines):
        pid, _, text = line.rstrip("\n").partition(" ")
        text = text.lstrip()
        if text.startswith(("---", "+++")):
            continue
        begin = at
        if text.endswith("<unfinished ...>"):
            pending[pid] = (at, text.removesuffix("<unfinished ...>"))
            if text.startswith(("clone", "fork", "vfork")):
                yield Call(pid, at, text.removesuffix("<unfinished ...>") + ") = 0 unfinished")
            continue
        if text.startswith("<..."):
            begin, first = pending.pop(pid)
            if first.startswith(("clone", "fork", "vfork")):
                continue
            text = first + text.split(" resumed>", 1)[1]
        yield Call(pid, begin, text)


class Trace:
    def __init__(self, lines, store, valued):
        self.store, self.valued = store, valued
        self.processes, self.facts, self.seen = {}, [], set()
        self.files, self.missing, self.root = {}, set(), None
        self.cloner, self.filesystems = None, {}
        calls = list(read_calls(lines))
        self.run(calls)
        for path, content in self.files.items():
            self.facts.append(words("write", path, content if path in valued else ""))

    def run(self, calls):
        end = None
        for call in calls:
            if end is not None and call.begin > end:
                continue
            if call.pid not in self.processes:
                parent = self.processes.get(self.cloner.pid) if self.cloner else None
                self.processes[call.pid] = Process(parent, bool(self.cloner) and "CLONE_FILES" in " ".join(self.cloner.args))
            process = self.processes[call.pid]
            if call.name in ("clone", "clone3", "fork", "vfork"):
                self.cloner = call
            if process.role == "parser":
                continue  # what it does is the profile's
            if process.role == "image":
                self.facts += self.image_facts(process, call)
                continue
            for fact in self.facts_of(process, call) or []:
                self.facts.append(fact)
            opened = re.match(r"(\d+)<(.*)>", call.result)
            if opened and call.name in ("openat", "openat2"):
                process.paths[opened.group(1)] = opened.group(2)
            if call.name == "close":
                process.paths.pop(call.args[0].partition("<")[0], None)
            if call.name == "execve" and process.role == "init" and not call.failed:
                end = call.begin
        if end is None:
            self.facts.append("(the container's command was not executed)")

    def once(self, fact):
        if fact in self.seen:
            return []
        self.seen.add(fact)
        return [fact]

    def facts_of(self, process, call):
        if call.name not in CALLS:
            return None if call.name in HARMLESS else [words("unknown call", call.name, *call.args)]
        if call.failed:
            if call.name == "openat" and "ENOENT" in call.result:
                self.missing.add(self.at(process, call.args))
            if call.name not in ("execve",):
                return None
        return CALLS[call.name](self, process, call.args, call.result)

    # What a descriptor is: a mount or a file system by the name that was noted, else its path.
    def what(self, process, argument):
        fd, _, path = argument.partition("<")
        noted = process.paths.get(fd)
        if noted and not noted.startswith("/"):
            return noted
        path = path.removesuffix("(deleted)").removesuffix(">")
        return noted if noted and path in ("/", "") else self.inside(path)

    def inside(self, path):
        if self.root and self.root != "/" and (path + "/").startswith(self.root + "/"):
            return path[len(self.root):] or "/"
        return path

    def at(self, process, args):
        directory = args[0].partition("<")[2].removesuffix(">")
        path = os.path.join(directory, text_of(args[1]))
        match = re.match(r"/proc/self/fd/(\d+)(/.*)?$", path)
        if match:
            path = process.paths.get(match.group(1), "?") + (match.group(2) or "")
        return os.path.normpath(path)

    # tare-image writes where layers are kept, and nowhere else.
    def image_facts(self, process, call):
        at = IMAGE_WRITES.get(call.name)
        if at is None or call.failed or (call.name == "openat" and not re.search("O_CREAT|O_WRONLY|O_RDWR", call.args[2])):
            return []
        path = text_of(call.args[1]) if call.name == "symlink" else self.at(process, call.args[at:])
        if path == self.store:
            return ["make the directory " + path]
        kept = re.match(re.escape(self.store) + "/(staging|layers|tarballs)(/|$)", path)
        return [] if kept or path == "/dev/null" else ["tare-image writes " + path]

    # On the host: volumes are made and filled in many steps, of which the plan tells the outcome.
    def changed(self, kind, path):
        match = re.match(re.escape(self.store) + r"/volumes(?:$|/([^/]+)(/(?:new|full)\b)?)", path)
        if not match or path.endswith("/_data") and kind == "make the directory":
            return [words(kind, path)]
        if not match.group(1):
            return []
        if match.group(2):
            return self.once(f"fill {self.store}/volumes/{match.group(1)}/_data")
        return [] if path.endswith("/_data") else self.once("volume " + match.group(1))


def make_directory(trace, process, args, result):
    path = trace.at(process, args)
    if process.role == "init":
        return [words("in the container: make the directory", trace.inside(path), args[2].lstrip("0"))]
    return trace.changed("make the directory", path)


def open_file(trace, process, args, result):
    path = trace.at(process, args)
    if process.role == "init" or args[2].startswith("{"):
        return trace.once("look at " + (trace.inside(path) if process.role == "init" else text_of(args[1])))
    if process.role == "monitor" and path.endswith("/tasks"):
        return ["open " + path]
    if "O_CREAT" in args[2]:
        path = path.removesuffix(".new")
        if path.startswith(trace.store + "/volumes"):
            return trace.changed("write", path)
        trace.files[path] = ""
    return None


def write(trace, process, args, result):
    path = trace.what(process, args[0])
    if path.startswith("/sys/fs/cgroup"):
        return [words("write", path, text_of(args[1]))]
    if path.startswith("/proc/"):
        path = re.sub(r"^/proc/\d+/task/\d+/", "/proc/thread-self/", path)
        pid = path.split("/")[2]
        if process.role == "monitor" and pid in trace.processes and trace.processes[pid] is process:
            return trace.once("monitor: treated normally")
        return [words("write", re.sub(r"^/proc/\d+/", "/proc/PID/", path), text_of(args[1]).strip())]
    path = path.removesuffix(".new")
    if path in trace.files:
        trace.files[path] += text_of(args[1])
        return None
    return None if re.match(r"pipe:|socket:|/memfd:|/dev/|/tmp/.*\.err$", path) or args[0][0] in "012" or \
        path.startswith(trace.store + "/volumes") else ["write into " + path]


def mknod(trace, process, args, result):
    path = trace.inside(trace.at(process, args))
    kind, _, mode = args[2].partition("|")
    if kind == "S_IFREG":
        return [words("in the container: make the file", path, mode.lstrip("0"))]
    device = ":".join(str(int(one, 16)) for one in re.findall(r"0x[0-9a-f]+|\b0\b", args[3]))
    return [words("make the node", path, "b" if kind == "S_IFBLK" else "c", device, mode.lstrip("0"))]


def own(trace, process, args, result):
    path = trace.what(process, args[0])
    if re.match(r"the terminal|/dev/pts/", path):
        return [words("the terminal belongs to", args[1])]
    if process.role in ("init", "monitor"):
        return [words("owner of a stream:", args[1])]
    return trace.changed("owner of", path)


def new_mount(trace, process, args, result):
    filesystem = trace.filesystems.pop(args[0].partition("<")[0])
    process.paths[result.partition("<")[0]] = filesystem[0]
    return [words("make a", *filesystem, "+" + sorted_words(attributes_in(args[2])))]


def open_filesystem(trace, process, args, result):
    trace.filesystems[result.partition("<")[0]] = [text_of(args[0])]


def configure(trace, process, args, result):
    if args[1] not in ("FSCONFIG_SET_STRING", "FSCONFIG_SET_FLAG"):
        return
    value = "=" + text_of(args[3]) if args[1] == "FSCONFIG_SET_STRING" else ""
    value = re.sub(r"/proc/self/fd/(\d+)", lambda match: process.paths.get(match.group(1), "?"), value)
    trace.filesystems[args[0].partition("<")[0]].append(text_of(args[2]) + value)


def open_tree(trace, process, args, result):
    if process.role == "tare":
        return []  # a detached clone, to read what a volume is filled with
    recursive = "AT_RECURSIVE" in args[2]
    if "AT_EMPTY_PATH" in args[2]:
        what, facts = trace.what(process, args[0]) + (" and below" if recursive else ""), []
    else:
        what = text_of(args[1])
        facts = [words("clone", what, "recursive" if recursive else "")]
    process.paths[result.partition("<")[0]] = "the terminal" if what.startswith("/dev/pts/") else what
    return facts


def set_attributes(trace, process, args, result):
    if process.role == "tare":
        return []
    what, recursive = trace.what(process, args[0]), "recursive" if "AT_RECURSIVE" in args[2] else ""
    if "MS_PRIVATE" in args[3]:
        return [words("private", recursive, what)]
    if "MOUNT_ATTR_IDMAP" in args[3]:
        return ["map the ids of " + what]
    added, removed = attributes_in(field(args[3], "attr_set")), attributes_in(field(args[3], "attr_clr"))
    return [words("set", what, recursive, "+" + sorted_words(added), "-" + sorted_words(removed - added))]


def move_mount(trace, process, args, result):
    what = trace.what(process, args[0])
    if "MOVE_MOUNT_T_EMPTY_PATH" in args[4]:
        return [words("mount", what, "on", trace.what(process, args[2]))]
    if args[2].partition("<")[0] != "AT_FDCWD":
        return [words("mount", what, "on", trace.inside(trace.at(process, args[2:])))]
    path = text_of(args[3])
    if path == "/proc/sys":
        return [words("mount", what, "on", path)]
    trace.root = path
    process.paths[args[0].partition("<")[0]] = "the root"
    return [words("mount", what, "on", path, "as the root")]


def new_process(trace, process, args, result):
    flags = " ".join(args)
    born = re.search(r"\bcgroup=(\d+)", flags)
    facts = ["born in " + process.paths[born.group(1)].rstrip("/")] if born else []
    if process.role == "init":
        return facts + ["new process: " + ("sibling" if "CLONE_PARENT" in flags else "child")]
    if process.role == "monitor" and "CLONE_FILES" not in flags:
        facts.append(words("new process: first", namespaces_in(flags)))
    return facts


def control_process(trace, process, args, result):
    what, value = args[0], args[1] if len(args) > 1 else ""
    if what == "PR_SET_NAME" and "tare: " in value:
        process.role = "monitor"
        return ["monitor: name"]
    if process.role == "launch" or what in ("PR_CAPBSET_READ", "PR_SET_MM"):
        return trace.once("launch: keep capabilities") if what == "PR_CAP_AMBIENT" else None
    return {"PR_SET_NAME": lambda: ["name " + text_of(value)],
            "PR_SET_PDEATHSIG": lambda: ["die with the parent: 9"] if value == "SIGKILL" else ["parent's death: " + value],
            "PR_SET_DUMPABLE": lambda: ["hide memory"],
            "PR_SET_KEEPCAPS": lambda: ["keep capabilities: " + value],
            "PR_CAPBSET_DROP": lambda: ["drop " + value.removeprefix("CAP_")],
            "PR_CAP_AMBIENT": lambda: ["clear ambient capabilities"] if "CLEAR" in value else
                              ["ambient capability " + args[2].removeprefix("CAP_")],
            "PR_SET_NO_NEW_PRIVS": lambda: ["no new privileges"],
            "PR_SET_CHILD_SUBREAPER": lambda: ["reap orphans"]}.get(what, lambda: [words("prctl", *args)])()


def resize_terminal(trace, rows, columns):
    """The monitor may pass the size on, which the terminal has already, before the command begins."""
    size = words("the terminal has", rows, "rows,", columns, "columns")
    if getattr(trace, "terminal_size", None) == size:
        return []
    trace.terminal_size = size
    return [size]


def control_device(trace, process, args, result):
    if process.role == "tare" and "TCSET" in args[1]:
        return []  # the caller's own terminal: it may be made raw before or after the command begins
    if args[1] == "TIOCGPTPEER":
        process.paths[result.partition("<")[0]] = "the terminal"
    size = re.search(r"ws_row=(\d+), ws_col=(\d+)", args[-1])
    return {"TIOCSPTLCK": lambda: None, "TIOCGPTPEER": lambda: ["the monitor opens it, too" if process.role == "monitor" else "open a new terminal"],
            "TIOCSWINSZ": lambda: resize_terminal(trace, size[1], size[2]),
            "TIOCSCTTY": lambda: ["the terminal controls"], "TIOCSPGRP": lambda: ["foreground"],
            "TIOCGWINSZ": lambda: None, "TCGETS": lambda: None,
            "SIOCSIFFLAGS": lambda: ["lo up"] if "IFF_UP" in args[2] and '"lo"' in args[2] else [words("ioctl", *args)],
            "BTRFS_IOC_CLONE or FICLONE": lambda: None}.get(args[1], lambda: [words("ioctl", *args[1:])])()


def set_limit(trace, process, args, result):
    if args[2] == "NULL":
        return None
    whose = "" if args[0] == "0" else "of another process"
    return [words("limit", whose, args[1].removeprefix("RLIMIT_").lower(), number(field(args[2], "rlim_cur")),
                  number(field(args[2], "rlim_max")))]


def signal_mask(trace, process, args, result):
    masks = {"[]": "empty", "~[]": "all"}
    return ["signal mask: " + masks.get(args[1], args[1])] if process.role == "init" and args[1] != "NULL" else None


def default_signal(trace, process, args, result):
    if process.role != "init" or args[1] == "NULL":
        return None
    import signal
    return [f"default signal {int(getattr(signal, args[0], 0))}" if "SIG_DFL" in args[1] else words("sigaction", *args)]


def execute(trace, process, args, result):
    if process.role == "init":
        return [words("execute", text_of(args[0]), texts_of(args[1]), texts_of(args[2]))]
    if args[0].endswith('/tare-image"') and not result.startswith("-1"):
        process.role = "image"
        return ["unpack " + texts_of(args[1])[-1]]
    if args[0].endswith('/apparmor_parser"') and not result.startswith("-1"):
        process.role = "parser"
        return ["load an AppArmor profile"]
    return None


def become_init(trace, process, args, result):
    process.role = "init"


def duplicate(trace, process, args, result):
    target = args[1].partition("<")[0]
    if process.role == "monitor" and int(target) < 3:
        return ["monitor: stream"]
    what = trace.what(process, args[0])
    process.paths[target] = what
    if process.role != "init":
        return None
    return [words("stream", target, re.sub(r"pipe:.*", "pipe", what))] if int(target) < 3 else ["reopen " + what]


def listen(trace, process, args, result):
    path = text_of(field(args[1], "sun_path"))
    return ["listen at " + trace.at(process, ["<>", '"' + path + '"'])]


def rename(trace, process, args, result):
    old, new = trace.at(process, args[:2]), trace.at(process, args[2:4])
    return None if old == new + ".new" else trace.changed("rename to", new)


def use_bpf(trace, process, args, result):
    target = re.search(r"target_fd=(\d+)", args[1])
    return ["filter of devices at " + process.paths[target.group(1)].rstrip("/")] if args[0] == "BPF_PROG_ATTACH" else None


def by_role(init, monitor):
    """The same call by the first process and by the monitor when it leaves its caller."""
    def fact(trace, process, args, result):
        return {"init": lambda: [init(args)], "monitor": lambda: trace.once("monitor: " + monitor(args))}.get(
            process.role, lambda: None)()
    return fact


def always(make):
    return lambda trace, process, args, result: [make(args)]


def path_changed(kind, at=True):
    def fact(trace, process, args, result):
        path = trace.at(process, args) if at and args[1] != "NULL" else trace.what(process, args[0])
        if process.role == "init":
            return [words(kind, trace.inside(path), *args[2:4])]
        return trace.changed(kind, path)
    return fact


def first_is_path(function):
    return lambda trace, process, args, result: function(trace, process, ["AT_FDCWD<>"] + args, result)


CALLS = {
    "bind": listen, "bpf": use_bpf, "capset": lambda trace, process, args, result: None if process.role == "launch" else [
        words("capabilities", *(f"{name}={capabilities_in(field(args[1], name))}" for name in
                                ("effective", "permitted", "inheritable")))],
    "chdir": by_role(lambda args: "enter " + text_of(args[0]), lambda args: "enter " + text_of(args[0])),
    "clone": new_process, "clone3": new_process, "copy_file_range": lambda trace, process, args, result: trace.changed("write into", trace.what(process, args[2])),
    "dup2": duplicate, "dup3": duplicate, "execve": execute, "execveat": become_init,
    "fchdir": always(lambda args: "enter the root"), "fchmod": path_changed("mode of", False), "fchown": own,
    "fchownat": path_changed("owner of"), "fork": new_process, "fsconfig": configure, "fsmount": new_mount,
    "fsopen": open_filesystem, "ioctl": control_device,
    "keyctl": always(lambda args: "keyring " + text_of(args[1]) if "JOIN_SESSION" in args[0] else words("keyctl", *args)),
    "link": lambda trace, process, args, result: ["take the name " + text_of(args[1])],
    "mkdir": first_is_path(make_directory), "mkdirat": make_directory, "mknodat": mknod,
    "mount": always(lambda args: words("propagation", text_of(args[1]), "private" if "MS_PRIVATE" in args[3] else args[3],
                                       "MS_REC" in args[3])),
    "mount_setattr": set_attributes, "move_mount": move_mount, "open_tree": open_tree, "openat": open_file,
    "openat2": open_file, "personality": by_role(lambda args: words("personality", *args), lambda args: "treated normally"),
    "pivot_root": always(lambda args: "pivot"), "prctl": control_process, "prlimit64": set_limit, "pwrite64": write,
    "rename": lambda trace, process, args, result: rename(trace, process, ["<>", args[0], "<>", args[1]], result),
    "renameat": rename, "renameat2": rename, "rt_sigaction": default_signal, "rt_sigprocmask": signal_mask,
    "sched_setaffinity": by_role(lambda args: words("affinity", *args), lambda args: "treated normally"),
    "seccomp": always(lambda args: words("filter of", field(args[2], "len"), "instructions, flags", flag_bits(args[1]))),
    "setdomainname": always(lambda args: "domainname " + text_of(args[0])),
    "setgroups": always(lambda args: "groups " + (args[1] if args[1] != "NULL" else "[]")),
    "sethostname": always(lambda args: "hostname " + text_of(args[0])),
    "setns": lambda trace, process, args, result: [words("join", namespaces_in(args[1]), trace.what(process, args[0]))],
    "setpgid": by_role(lambda args: "own process group", lambda args: "own process group"),
    "setresgid": always(lambda args: words("gid", *sorted(set(args)))),
    "setresuid": always(lambda args: words("uid", *sorted(set(args)))),
    "setsid": by_role(lambda args: "new session", lambda args: "new session"),
    "symlinkat": lambda trace, process, args, result: trace.changed("link", trace.at(process, args[1:])) if process.role != "init"
        else [words("link", trace.inside(trace.at(process, args[1:])), "->", text_of(args[0]))],
    "umask": by_role(lambda args: f"umask {int(args[0], 8):o}", lambda args: f"umask {int(args[0], 8):o}"),
    "umount2": always(lambda args: "let go of the old root" if args[1] == "MNT_DETACH" else words("umount", *args)),
    "unlinkat": path_changed("remove"), "unlink": first_is_path(path_changed("remove")),
    "unshare": always(lambda args: "unshare " + namespaces_in(args[0])), "utimensat": path_changed("times of"),
    "vfork": new_process, "write": write,
}


def flag_bits(text):
    names = {"SECCOMP_FILTER_FLAG_TSYNC": 1, "SECCOMP_FILTER_FLAG_LOG": 2, "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 4}
    return 0 if text == "0" else sum(names[name] for name in text.split("|"))
