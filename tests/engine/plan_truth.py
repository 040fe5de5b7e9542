#!/usr/bin/env python3
"""Whether `tare run --plan=json ARGUMENT...` tells all that `tare run ARGUMENT...` does until its command is
executed, and nothing else. Both become a multiset of facts, short sentences: the plan's by the tables PLAN and
HOST below, those of a trace (strace -f) by the table CALLS of trace_facts.py; a call that is in no table is a fact that
no plan has.

usage: plan_truth.py [--pty] ARGUMENT...    plan, run and compare, with a terminal or without
       plan_truth.py --doubt ARGUMENT...    then change the plan in every way, and print what is not noticed
"""
import json
import os
import pty
import re
import subprocess
import sys
from collections import Counter

from trace_facts import Trace, sorted_words, words

class World:
    """What is in the container's root as it grows: whether a path is there decides what is made and hidden."""

    def __init__(self, rootfs):
        self.mounts = [("", rootfs)]  # path, the host's directory that shows the same; None: empty
        self.made, self.directory = set(), "/"
        self.new_directories, self.streams_are_given, self.has_terminal = set(), False, False

    def shown(self, path):
        path = os.path.normpath(path)
        if path in self.made:
            return "/"
        at, source = max((mount for mount in self.mounts if (path + "/").startswith(mount[0] + "/")),
                         key=lambda mount: (len(mount[0]), self.mounts.index(mount)))
        return source + path[len(at):] if source else "/" if path == at else "/nothing there"

    def make(self, path, is_file=False, mode=None):
        """The parents that are missing, then the path itself."""
        parts = [part for part in path.split("/") if part]
        for count in range(1, len(parts) + 1):
            part = "/" + "/".join(parts[:count])
            if not os.path.lexists(self.shown(part)):
                self.made.add(part)
                kind = "file" if is_file and count == len(parts) else "directory"
                bits = mode if mode is not None and count == len(parts) else 0o644 if kind == "file" else 0o755
                yield words("in the container: make the", kind, part, f"{bits:o}")

    def mount(self, path, source):
        self.made = {one for one in self.made if not one.startswith(path + "/")} | {path}
        self.mounts.append((path, source))


NEW = {"proc": "/proc", "sysfs": "/sys"}  # the kernel shows the same there as on the host


def attach(op, world):
    source = op["source"]
    shown = source if source.startswith("/") else NEW.get(source)
    if op.get("make_missing"):
        yield from world.make(op["path"], not (shown is None or os.path.isdir(shown) or shown in world.new_directories))
    world.mount(op["path"], world.filled.get(shown, shown))
    yield words("mount", source, "on", op["path"])


def mask(op, world):
    shown = world.shown(op["path"])
    if os.path.isdir(shown):
        yield words("mount", op["directory_by"], "on", op["path"])
    elif os.path.lexists(shown):
        yield words("mount", op["file_by"], "on", op["path"])


def protect(op, world):
    if os.path.lexists(world.shown(op["path"])):
        yield words("set", op["path"], "and below recursive +ro -")
        yield words("mount", op["path"], "and below on", op["path"])


def console(op, world):
    yield "open a new terminal"
    yield "the monitor opens it, too"
    yield words("the terminal has", op["rows"], "rows,", op["columns"], "columns")
    yield words("the terminal belongs to", op["owner"])
    if "shown_at" in op:
        yield from world.make(op["shown_at"], True, 0o600)
        yield words("mount the terminal on", op["shown_at"])


def capabilities(op, world):
    yield words("capabilities", *(f"{name}={sorted_words(op[name])}" for name in ("effective", "permitted", "inheritable")))
    yield "clear ambient capabilities"
    for name in op["ambient"]:
        yield "ambient capability " + name


def execute(op, world):
    for candidate in op["candidates"]:
        yield words("execute", candidate, op["arguments"], op["environment"])
        if os.path.lexists(world.shown(os.path.join(world.directory, candidate))):
            return


def enter(op, world):
    world.directory = op["path"]
    yield "enter " + op["path"]


def node(op, world):
    world.made.add(op["path"])
    yield words("make the node", op["path"], op["type"], f"{op['major']}:{op['minor']}", f"{op['mode']:o}")
    if op["uid"] or op["gid"]:
        yield words("owner of", op["path"], op["uid"], op["gid"])


def ids(op, world):
    return [words("gid", op["gid"]), words("uid", op["uid"])] + ["keep capabilities: 1", "keep capabilities: 0"]


CAPABILITIES = "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE " \
        "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN " \
        "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE " \
        "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"

# Operation of the first process → the facts that its trace must have.
PLAN = {
    "set_name": lambda op, world: ["name " + op["value"]],
    "die_with_parent": lambda op, world: [f"die with the parent: {op['signal']}"],
    "reset_signals": lambda op, world: [f"default signal {n}" for n in op["signals"]] + ["signal mask: empty"],
    "start_session": lambda op, world: ["new session"],
    "join_cgroup": lambda op, world: [words("write", op["path"], op["value"])],
    "unshare": lambda op, world: ["unshare " + sorted_words(op["namespaces"])],
    "hide_memory": lambda op, world: ["hide memory"],
    "join_namespaces": lambda op, world: [words("join", sorted_words(op["namespaces"]), op["source"])],
    "fork_process": lambda op, world: ["new process: sibling"],
    "set_propagation": lambda op, world: [words("propagation", op["path"], op["propagation"], op["recursive"])],
    "reopen_directory": lambda op, world: ["reopen " + op["path"]],
    "new_filesystem": lambda op, world: [words("make a", op["type"], *op["options"], "+" + sorted_words(op["attributes"]))],
    "clone_tree": lambda op, world: [words("clone", op["path"], "recursive" if op["recursive"] else "")],
    "set_attributes": lambda op, world: [words("set", op["source"], "recursive" if op["recursive"] else "",
                                               "+" + sorted_words(op["set"]), "-" + sorted_words(op["clear"]))],
    "adopt": lambda op, world: [words("mount", op["source"], "on", op["path"])],
    "attach_root": lambda op, world: [words("mount", op["source"], "on", op["path"], "as the root")],
    "attach": attach,
    "make_directory": lambda op, world: world.make(op["path"], False, op["mode"]),
    "open_directory": lambda op, world: ["look at " + op["path"]],
    "make_node": node,
    "make_symlink": lambda op, world: [words("link", op["path"], "->", op["target"])],
    "set_parameter": lambda op, world: [words("write", "/proc/" + op["path"], op["value"])],
    "set_label": lambda op, world: [words("write", "/proc/" + op["path"], op["value"])],
    "mask": mask,
    "protect": protect,
    "open_console": console,
    "set_terminal": lambda op, world: setattr(world, "has_terminal", True) or ["the terminal controls"],
    "open_null": lambda op, world: ["look at /dev/null"],
    "set_streams": lambda op, world: [
        words("stream", n, "pipe" if name.startswith("std") else name) for n, name in enumerate(op["streams"])] + [
        words("?" * world.streams_are_given + "owner of a stream:", op["owner"]) for name in op["streams"] if name.startswith("std")] + [
        words("?stream", n, "/dev/null") for n, name in enumerate(op["streams"]) if name.startswith("std")],  # if it is the host's
    "pivot": lambda op, world: ["enter the root", "pivot" if op["by"] == "pivot_root" else op["by"], "let go of the old root", "enter /"],
    "set_hostname": lambda op, world: ["hostname " + op["value"]],
    "set_domainname": lambda op, world: ["domainname " + op["value"]],
    "raise_loopback": lambda op, world: ["lo up"],
    "join_keyring": lambda op, world: ["keyring " + op["value"]],
    "set_rlimit": lambda op, world: [words("limit", op["limit"], op["soft"], op["hard"])],
    "set_umask": lambda op, world: [f"umask {op['mask']:o}"],
    "set_groups": lambda op, world: [f"groups {op['groups']}"],
    "set_ids": ids,
    "drop_bounding": lambda op, world: ["drop " + name for name in CAPABILITIES.split() if name not in op["bounding"]],
    "set_capabilities": capabilities,
    "load_filter": lambda op, world: [words("filter of", op["instructions"], "instructions, flags", op["flags"])],
    "no_new_privileges": lambda op, world: ["no new privileges"],
    "enter_directory": enter,
    "synchronise": lambda op, world: [],  # messages to tare
    "close_descriptors": lambda op, world: [],
    "supervise": lambda op, world: ["signal mask: all", "reap orphans", "new process: child", "own process group",
                                    "?" * (not world.has_terminal) + "foreground", "die with the parent: 9", "signal mask: empty"],
    "execute": execute,
}


def write_file(step, seen):
    return [words("write", step["path"], step.get("value", ""))]


def write_cgroup(step, seen):
    if step["path"] not in seen.missing:
        return [words("write", step["path"], step["value"])]
    if "other_path" in step:
        return [words("write", step["other_path"], step["other_value"])]
    return [] if step.get("optional") else ["write " + step["path"]]


def start_monitor(step, seen):
    joins = [words("write", step["value"], "0")] if "value" in step else []
    return joins + ["monitor: " + what for what in ("new session", "name", "enter /", "umask 22", "treated normally") +
                    ("stream",) * 3] + ([] if joins or "path" not in step else ["born in " + step["path"]])


# Step of tare itself → facts.
HOST = {
    "unpack": lambda step, seen: ["unpack " + step["path"], "die with the parent: 9"],
    "look_up": lambda step, seen: [],  # reading
    "take_name": lambda step, seen: ["take the name " + step["path"] + ("" if "value" in step else "/*")],
    "copy_owner": lambda step, seen: [words("owner of", step["path"]), words("mode of", step["path"]), words("times of", step["path"])],
    "make_volume": lambda step, seen: ["volume " + step["value"], "make the directory " + step["path"]],
    "fill_volume": lambda step, seen: ["fill " + step["path"], "look at " + step["value"]],
    "make_directory": lambda step, seen: ["make the directory " + step["path"]],
    "write_file": write_file,
    "make_cgroup": lambda step, seen: ["make the directory " + step["path"]],
    "start_unit": lambda step, seen: [],  # of tare-runtime only
    "write_cgroup": write_cgroup,
    "filter_devices": lambda step, seen: ["filter of devices at " + step["path"]],
    "load_profile": lambda step, seen: ["load an AppArmor profile"],
    "start_monitor": start_monitor,
    "join_at_birth": lambda step, seen: ["born in " + step["path"]],
    "listen": lambda step, seen: ["listen at " + step["path"]],
}


def namespace(path):
    """What a namespace's file in /proc names, as strace shows it."""
    return os.readlink(path) if os.path.lexists(path) else path


# What tare opens for the first process → facts.
OPEN = {
    "bind": lambda one: ([words("join mount", namespace(one["mount_namespace"]))] if "mount_namespace" in one else []) + [
        words("clone", one["path"], "recursive" if one["recursive"] else ""), "private recursive " + one["path"]] + (
        [("?" if one["mapping_may_fail"] else "") + "map the ids of " + one["path"]] if one["mapped_ids"] else []),
    "stream": lambda one: [words("owner of a stream:", one["owner"])] if "owner" in one else [],
    "cgroup_join": lambda one: ["open " + one["path"]],
    "directory": lambda one: [], "namespace": lambda one: [],  # used by operations
}


def plan_facts(plan, seen):
    steps = plan["host"] + plan["before_start"]
    facts = [fact for step in steps if step["operation"] != "write_file" for fact in HOST[step["operation"]](step, seen)]
    # A file that is written again is one file: what counts is what it has in the end.
    facts += {step["path"]: write_file(step, seen)[0] for step in steps if step["operation"] == "write_file"}.values()
    for one in plan["open"]:
        facts += OPEN[one["what"]](one)
    facts.append(words("new process: first", sorted_words(plan["namespaces"])))
    if "id_maps" in plan:
        facts += [words("write", f"/proc/PID/{kind}_map", plan["id_maps"][kind].strip()) for kind in ("uid", "gid")]
        facts.append("launch: keep capabilities")
    if "oom_score_adj" in plan:
        facts.append(words("write /proc/PID/oom_score_adj", plan["oom_score_adj"]))
    # An unpacked layer's name is known when it is unpacked.
    root = next((option.split("=", 1)[1] for op in plan["init"] if op["operation"] == "new_filesystem"
                 for option in op["options"] if option.startswith("lowerdir=")), None) or \
        next(op["path"] for op in plan["init"] if op["operation"] == "attach_root")
    world = World(root.replace("DIGEST", seen.digest))
    makes = ("make_cgroup", "make_directory", "make_volume")
    world.new_directories = {step["path"] for step in steps if step["operation"] in makes}
    world.filled = {step["path"]: world.mounts[0][1] + step["value"] for step in steps if step["operation"] == "fill_volume"}
    world.streams_are_given = any("owner" in one for one in plan["open"])
    for op in plan["init"]:
        if "source" in op and op["operation"] == "join_namespaces":
            op = op | {"source": namespace(op["source"])}
        facts += PLAN[op["operation"]](op, world)
    return facts


def normal(text, own_directory):
    """Two containers are never the same: ids become words."""
    own = re.search(own_directory, text).group(1)
    return re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text.replace(own, "ID").replace(own[:12], "SHORTID"))


def read(plan_text, trace_text, store):
    plan = json.loads(normal(plan_text, r'/containers/([0-9a-f]{64})"'))
    valued = {step["path"] for step in plan["host"] if step["operation"] == "write_file" and "value" in step}
    trace = Trace(normal(trace_text, r'mkdirat\([^"]*"[^"]*/containers/([0-9a-f]{64})", 0700').splitlines(), store, valued)
    trace.digest = (re.findall(r"/layers/sha256/([0-9a-f]{64})", trace_text) or [""])[-1]
    return plan, trace


def differences(plan, trace):
    """What one has and the other lacks; what is looked at only has to be looked at, what may fail ("?") may."""
    told, done = plan_facts(plan, trace), trace.facts
    home = next((one for op in plan["init"] for one in op.get("environment", []) if one == "HOME=(looked up)"), None)
    if home:
        done = [re.sub(r"'HOME=[^']*'", f"'{home}'", fact) for fact in done]
    free_names = [fact for fact in told if fact.endswith("/*")]
    done = [next((free for free in free_names if fact.startswith(free[:-1])), fact) for fact in done]
    told = [fact.lstrip("?") for fact in told if not fact.startswith("?") or fact[1:] in done]
    done = [fact for fact in done if not fact.startswith("look at ") or fact in told]

    def count(facts):
        looks = {fact for fact in facts if fact.startswith("look at ")}
        return Counter([fact for fact in facts if fact not in looks] + list(looks))
    told, done = count(told), count(done)
    return [f"told, not done ({n}): {fact}" for fact, n in sorted((told - done).items())] + [
        f"done, not told ({n}): {fact}" for fact, n in sorted((done - told).items())]


def other(value):
    """A value that is not this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value + "x" if isinstance(value, str) else value[1:] if value else ["x"]


def doubt(plan, trace):
    """Whether the comparison notices when a step is left out, told twice or told otherwise: each that it does not."""
    for part in ("host", "open", "init", "before_start"):
        for at, step in enumerate(plan[part]):
            name = step.get("operation") or step["what"]
            changes = {"left out": [], "twice": [step, step]}
            changes |= {key: [step | {key: other(value)}] for key, value in step.items() if key not in ("words", "operation", "what")}
            for change, instead in changes.items():
                changed = plan | {part: plan[part][:at] + instead + plan[part][at + 1:]}
                if not differences(changed, trace):
                    yield words(name, change)


def run(arguments, terminal, kept):
    tare = os.path.join(os.environ["TARE_BIN_DIR"], "tare")
    plan = subprocess.run([tare, "run", "--plan=json", *arguments], stdout=subprocess.PIPE, check=True, text=True,
                          stdin=subprocess.DEVNULL, restore_signals=False).stdout
    command = ["strace", "-f", "-y", "-v", "-s", "65536", "-qq", "-o", kept + ".trace", tare, "run", *arguments]
    with open(kept + ".plan", "w") as file, open(kept + ".err", "w") as error:
        file.write(plan)
        if terminal:
            ended = os.waitstatus_to_exitcode(pty.spawn(command, lambda fd: os.read(fd, 1024), lambda fd: b""))
        else:
            ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=error,
                                   restore_signals=False).returncode
    if ended != 0:
        print("it ended with", ended, open(kept + ".err").read())
    return ended == 0


def main(arguments):
    kept, store = os.path.join(os.environ["BATS_TEST_TMPDIR"], "kept"), os.environ["TARE_ROOT"]
    doubts, terminal = (arguments[0] == option for option in ("--doubt", "--pty"))
    if not run(arguments[doubts or terminal:], terminal, kept):
        return False
    plan, trace = read(open(kept + ".plan").read(), open(kept + ".trace", errors="replace").read(), store)
    found = differences(plan, trace)
    print(*(found or sorted(set(doubt(plan, trace))) if doubts else found), sep="\n", end="\n" if found or doubts else "")
    return not found


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
