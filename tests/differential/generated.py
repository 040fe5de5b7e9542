"""Configurations by chance, the same ones each time: the number in a name is all that the chance depends on."""
import random

from corpus import ROOT_CAPABILITIES, namespaces, user_namespace

COUNT = 60
ALL_CAPABILITIES = ROOT_CAPABILITIES + ["CAP_" + name for name in ("SYS_PTRACE", "NET_ADMIN", "SYS_NICE", "IPC_LOCK", "LEASE")]


def some(chance, values, least=1):
    return chance.sample(values, chance.randint(least, len(values)))


def user(chance):
    return {"process.user": {"uid": chance.choice((0, 0, 1, 1000, 65534)), "gid": chance.choice((0, 5, 1000)),
                             "umask": chance.choice((0o22, 0o77, 0o2, 0o27)),
                             "additionalGids": chance.sample(range(1, 50), chance.randint(0, 4))}}


def environment(chance):
    entries = [f"{chance.choice(('A', 'B', 'LANG', 'HOME', 'X_Y'))}={chance.choice(('', '1', '/tmp', 'a b', '$A'))}" for _ in range(chance.randint(1, 5))]
    return {"process.env+": list({entry.partition("=")[0]: entry for entry in entries}.values())}


def capabilities(chance):
    bounding = some(chance, ALL_CAPABILITIES)
    permitted = some(chance, bounding)
    inheritable = chance.sample(permitted, chance.randint(0, len(permitted)))
    return {"process.capabilities": {"bounding": bounding, "permitted": permitted, "effective": some(chance, permitted),
                                     "inheritable": inheritable, "ambient": chance.sample(inheritable, chance.randint(0, len(inheritable)))}}


def rlimits(chance):
    highest = {"NOFILE": 10000, "CORE": 1 << 20, "NPROC": 5000, "MEMLOCK": 65536, "FSIZE": 1 << 40, "SIGPENDING": 5000, "STACK": 8 << 20, "MSGQUEUE": 800000}
    rows = []
    for kind in some(chance, sorted(highest)):
        hard = chance.randint(highest[kind] // 2, highest[kind])
        rows.append({"type": f"RLIMIT_{kind}", "hard": hard, "soft": chance.randint(hard // 2, hard)})
    return {"process.rlimits": rows}


def process(chance):
    return {"process.noNewPrivileges": chance.choice((True, False)), "process.cwd": chance.choice(("/", "/tmp", "/new/place", "/etc")),
            "process.oomScoreAdj": chance.randint(0, 1000)}


def mounts(chance):
    flags = [("nosuid", "suid"), ("nodev", "dev"), ("noexec", "exec"), ("ro", "rw"), ("noatime", "relatime", "strictatime"), ("rprivate", "private")]
    rows = []
    for number in range(chance.randint(1, 4)):
        options = [chance.choice(pair) for pair in some(chance, flags)]
        if chance.random() < 0.5:
            rows.append({"destination": f"/t{number}", "type": "tmpfs", "source": "tmpfs",
                         "options": options + chance.sample(("size=1m", "mode=700", "uid=3", "nr_inodes=20"), chance.randint(0, 3))})
        else:
            rows.append({"destination": f"/b{number}/x", "type": "bind", "source": f"@WORK@/{chance.choice(('tree', 'tree/below'))}",
                         "options": [chance.choice(("bind", "rbind")), *options]})
    return {"mounts+": rows}


def paths(chance):
    places = ["/etc/passwd", "/full", "/full/below", "/tmp", "/proc/keys", "/proc/sys", "/proc/bus", "/sys/firmware", "/nowhere", "/real"]
    masked = chance.sample(places, chance.randint(0, 4))
    return {"linux.maskedPaths": masked, "linux.readonlyPaths": [place for place in some(chance, places) if place not in masked],
            "root.readonly": chance.random() < 0.3}


def without_namespaces(chance):
    gone = chance.sample(("network", "ipc", "cgroup", "pid"), chance.randint(1, 2))
    return {"linux.namespaces": namespaces(*gone)}


def in_user_namespace(chance):
    return user_namespace() if chance.random() < 0.7 else {**user_namespace(), "process.user.uid": 7}


def kernel_parameters(chance):
    return {"linux.sysctl": dict(some(chance, [("net.ipv4.ip_forward", "1"), ("kernel.shmmax", str(chance.randint(1000, 100000))), ("kernel.msgmax", "8192"),
                                               ("net.core.somaxconn", "777"), ("kernel.sem", "10 20 30 40")]))}


def devices(chance):
    return {"linux.devices": [{"path": f"/dev/d{number}", "type": chance.choice("cb"), "major": chance.choice((1, 7, 10)), "minor": chance.randint(0, 9),
                               "fileMode": chance.choice((0o600, 0o666, 0o640)), "uid": chance.randint(0, 5), "gid": chance.randint(0, 5)} for number in range(chance.randint(1, 4))]}


def device_rules(chance):
    return {"linux.resources.devices+": [{"allow": True, "type": chance.choice("cb"), "major": chance.choice((7, 10, 200)), "minor": chance.choice((0, 1, 229)),
                                          "access": "".join(some(chance, "rwm"))} for _ in range(chance.randint(1, 4))]}


def limits(chance):
    memory = chance.randint(64, 1024) << 20
    return {"linux.resources.memory": {"limit": memory, "reservation": memory // 2}, "linux.resources.pids": {"limit": chance.randint(50, 1000)},
            "linux.resources.cpu": {"shares": chance.randint(2, 4096), "period": 100000, "quota": chance.randint(20000, 100000), "cpus": chance.choice(("0", "0-1", "1"))}}


def filters(chance):
    names = ["mkdir", "chmod", "sethostname", "unlink", "mknod", "mount", "ptrace", "keyctl", "bpf", "kexec_load"]
    return {"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                              "syscalls": [{"names": some(chance, names), "action": "SCMP_ACT_ERRNO", "errnoRet": chance.randint(1, 20)}]},
            "look": ["mkdir /tmp/m", "chmod 600 /etc/group", "hostname other"]}


def hooks(chance):
    points = some(chance, ("prestart", "createRuntime", "createContainer", "poststart", "poststop"))
    return {f"hooks.{point}": [{"path": "@WORK@/hook", "args": ["hook", "@WORK@/out", point], **({"env": ["A=1"]} if chance.random() < 0.5 else {})}] for point in points}


def names(chance):
    return {"hostname": chance.choice(("a", "b.c", "x" * 30)), "domainname": chance.choice(("", "d.e")), "annotations": {f"org.a{n}": str(n) for n in range(chance.randint(0, 3))}}


PARTS = (user, environment, capabilities, rlimits, process, mounts, paths, without_namespaces, in_user_namespace, kernel_parameters, devices, device_rules,
         limits, filters, hooks, names)


def generated():
    configs = {}
    for number in range(COUNT):
        chance = random.Random(number)
        patch = {}
        for part in sorted(chance.sample(PARTS, chance.randint(3, 7)), key=PARTS.index):
            patch.update(part(chance))
        if patch.get("linux.namespaces"):  # parameters are of namespaces that it has
            kinds = {entry["type"] for entry in patch["linux.namespaces"]}
            if not {"network", "ipc"} <= kinds:
                patch.pop("linux.sysctl", None)
        if patch.get("linux.uidMappings"):  # whose createContainer hooks tare does not find yet
            patch.pop("hooks.createContainer", None)
        configs[f"generated.{number:02}"] = patch
    return configs
