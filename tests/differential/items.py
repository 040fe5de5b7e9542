"""From what was seen to items: names and texts that can be compared."""
import json
import os
import re
import stat

# Of /proc/PID/status: what a runtime has a say in.
STATUS = ("Name Umask Uid Gid Groups NSpid SigBlk SigIgn SigCgt CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp "
          "Seccomp_filters Speculation_Store_Bypass SpeculationIndirectBranch Cpus_allowed Mems_allowed CoreDumping "
          "THP_enabled").split()
# Of a cgroup's files: what a limit is written to.
LIMITS = re.compile(
    r"cpu\.(shares|cfs_quota_us|cfs_period_us|cfs_burst_us|rt_runtime_us|rt_period_us|idle|weight|max|max\.burst)"
    r"|cpuset\.(cpus|mems)|memory\.(limit_in_bytes|memsw\.limit_in_bytes|soft_limit_in_bytes|swappiness|oom_control|"
    r"use_hierarchy|kmem\.limit_in_bytes|kmem\.tcp\.limit_in_bytes|max|high|low|min|swap\.max|swap\.high)"
    r"|devices\.list|blkio\.(weight|leaf_weight|bfq\.weight)(_device)?|blkio\.throttle\.(read|write)_(bps|iops)_device"
    r"|pids\.max|net_cls\.classid|net_prio\.ifpriomap|hugetlb\..*(limit_in_bytes|max)|rdma\.max|io\.(max|weight|bfq\.weight)"
    r"|cgroup\.(type|max\.depth|max\.descendants)")


def namespace(name, link, world):
    name = name.removesuffix("_for_children")
    if link == world.host_namespaces.get(name):
        return "the host's"
    return "joined" if link == world.held_namespaces.get(name) else "own" if link else "none"


def mount_items(lines, world):
    """By destination; what lies over another at the same place has a number."""
    fields = [line.split(" ") for line in lines]
    points = {words[0]: words[4] for words in fields}
    count, items = {}, {}
    for words in fields:
        dash = words.index("-")
        point = words[4]
        count[point] = count.get(point, 0) + 1
        propagation = " ".join(sorted(re.sub(r":\d+", "", word) for word in words[6:dash])) or "private"
        root = world.steady(words[3])
        parent = points.get(words[1], "")
        name = f"mount:{point}" + (f"#{count[point]}" if count[point] > 1 else "")
        items[name] = " ".join([root, words[5], propagation, *map(world.steady, words[dash + 1:]), "on", parent or "-"])
    return items


def look_items(text, world):
    lists, items = {}, {}
    for line in text.split("\n"):
        name, tab, rest = line.partition("\t")
        if tab:
            lists.setdefault(name, []).append(rest)
        elif name:
            lists.setdefault("unexpected", []).append(name)
    for name, lines in lists.items():
        if name == "mountinfo":
            items.update(mount_items(lines, world))
        elif name == "status":
            values = dict(line.split(":", 1) for line in lines)
            items.update({f"status:{key}": " ".join(values[key].split()) for key in STATUS if key in values})
            items["status:Pid"] = "1" if values["Pid"].split() == ["1"] else "N"
            items["status:NSpid"] = re.sub(r"\b(?!1\b)\d+", "N", items["status:NSpid"])
        elif name == "limits":
            items.update({f"limit:{line[:26].strip()}": " ".join(line[26:].split()) for line in lines[1:]})
        elif name == "environ":
            items["env:order"] = " ".join(entry.partition("=")[0] for entry in lines)
            items.update({f"env:{entry.partition('=')[0]}": entry.partition("=")[2] for entry in lines})
        elif name == "cgroup":
            items.update({f"cgroup:{line.split(':')[1] or 'v2'}": world.steady(line.split(":")[2]) for line in lines})
        elif name.startswith("link:ns/"):
            items[f"namespace:{name[8:]}"] = namespace(name[8:], lines[0], world)
        elif name.startswith("link:"):
            items[name] = re.sub(r":\[\d+\]", "", world.steady(lines[0]))
        elif name == "file:/proc/keys":
            items[name] = "\n".join(sorted(re.sub(r"^\w+ (\S+) +\d+ +(\S+) +(\S+) +", r"\1 \2 \3 ", line) for line in map(world.steady, lines)))
        else:
            items[name] = world.steady("\n".join(lines))
    return items


def flatten(prefix, value):
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from flatten(f"{prefix}.{key}", below)
    else:
        yield prefix, value if isinstance(value, str) else json.dumps(value)


def state_items(when, text, pid, world, prefix="state"):
    try:
        state = json.loads(text)
    except ValueError:
        return {f"{prefix}.{when}": "no JSON"}
    if state.get("pid") == pid:
        state["pid"] = "the process's"
    elif state.get("pid"):
        state["pid"] = "N"
    if "created" in state:
        state["created"] = "a time" if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", state["created"]) else state["created"]
    return {name: world.steady(text) for name, text in flatten(f"{prefix}.{when}", state)}


def cgroup_items(pid, world):
    """The limits in the process's cgroups, as the host sees them."""
    items = {}
    mounts = [line.split() for line in open("/proc/self/mountinfo", encoding="utf-8")]
    for line in open(f"/proc/{pid}/cgroup", encoding="utf-8"):
        _, controllers, path = line.rstrip("\n").split(":", 2)
        for words in mounts:
            rest = words[words.index("-") + 1:]
            if rest[0] == ("cgroup" if controllers else "cgroup2") and (not controllers or controllers in rest[2]):
                directory = words[4] + path
                if os.path.isdir(directory) and path != "/":
                    for name in sorted(filter(LIMITS.fullmatch, os.listdir(directory))):
                        try:
                            with open(f"{directory}/{name}", encoding="utf-8") as file:
                                items[f"limits:{name}"] = file.read().strip()
                        except OSError as error:
                            items[f"limits:{name}"] = error.strerror
                break
    return items


def hook_items(directory, world):
    """What each hook was given."""
    items = {}
    for name in sorted(os.listdir(directory)):
        with open(f"{directory}/{name}", encoding="utf-8", errors="replace") as file:
            text = file.read()
        hook, _, kind = name.rpartition(".")
        if name == "order":
            items["hooks:order"] = text.replace("\n", " ").strip()
        elif kind == "stdin":
            items.update({f"hooks:{item}": text for item, text in state_items("stdin", text, 0, world, hook).items()})
        elif kind == "env":
            for line in text.splitlines():
                key, _, value = line.partition("=")
                if key not in ("PWD", "SHLVL", "_", "OLDPWD", "_LIBCONTAINER_CLONED_BINARY"):  # the shell's own, and crun's
                    items[f"hooks:{hook}.env.{key}"] = world.steady(value)
        elif kind == "ns":
            for line in text.splitlines():
                key, _, link = line.partition(" ")
                items[f"hooks:{hook}.namespace.{key}"] = namespace(key, link, world)
        else:
            items[f"hooks:{hook}.{kind}"] = world.steady(text.strip())
    return items


def tree_items(root):
    """Every file of the root file system; what is there after and was not before is the runtime's doing."""
    items = {}
    for directory, names, others in os.walk(root):
        for name in (*names, *others):
            path = f"{directory}/{name}"
            try:
                status = os.lstat(path)
            except OSError:
                continue
            kind = stat.filemode(status.st_mode)
            items[f"left.rootfs:{path.removeprefix(root)}"] = f"{kind} {status.st_uid}:{status.st_gid}"
    return items
