"""What a container's process sees, as tare makes it and as the script does: compared item by item."""
import os
import re
import subprocess
import sys

LOOK = r"""
for n in cgroup ipc mnt net pid uts user; do echo "namespace $n $(readlink /proc/self/ns/$n)"; done
sed 's/^/mount /' /proc/self/mountinfo
sed 's/^/status /' /proc/self/status
sed 's/^/limit /' /proc/self/limits
echo "oom $(cat /proc/self/oom_score_adj)"
echo "hostname $(hostname)"
echo "domainname $(cat /proc/sys/kernel/domainname)"
echo "cwd $(pwd)"
echo "parameter $(cat /proc/sys/kernel/msgmax)"
for f in 0 1 2 3 4 5 6 7 8 9 11 12; do [ -e /proc/$$/fd/$f ] && echo "descriptor $f"; done
tr '\0' '\n' </proc/$$/environ | sed 's/^/environment /'
sed 's/^/cgroup /' /proc/$$/cgroup
cat /sys/class/net/lo/flags | sed 's/^/lo /'
for f in /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/pids/pids.max \
    /sys/fs/cgroup/devices/devices.list /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.weight /sys/fs/cgroup/pids.max; do
  [ -e $f ] && sed "s,^,limit $f ," $f
done
ls -lnR /dev | grep -v total | sed 's/ [A-Z][a-z][a-z] .*:[0-9][0-9] / /; s/^/device /'
cat /etc/hosts /etc/resolv.conf | sed 's/^/etc /'
for map in uid_map gid_map; do sed "s/^/$map /" /proc/self/$map; done
stat -c 'file %A %u %g %n' / /* /etc/*
"""
STATUS = re.compile(r"status (Cap|NoNewPrivs|Uid|Gid|Groups|Umask|Seccomp|SigIgn|SigBlk|NSpid|NSsid|Name)")


def facts(text, identity):
    """Lines without what differs from run to run."""
    seen = []
    host = {kind: os.readlink("/proc/self/ns/" + kind) for kind in ("cgroup", "ipc", "mnt", "net", "pid", "uts", "user")}
    for line in text.splitlines():
        line = re.sub(identity + r"(-\d+)?", "ID", line).replace(identity[:12], "SHORTID")
        word = line.split(" ")[0]
        if word == "namespace":
            _, kind, link = line.split(" ")
            line = f"namespace {kind} {'host' if link == host[kind] else 'own'}"
        elif word == "status" and not STATUS.match(line):
            continue
        elif line.startswith(("status NSpid", "status NSsid")):
            # In the host's pid namespace the numbers are chance.
            levels = line.split()
            line = f"{levels[1]} in {len(levels) - 2} namespaces, " + ("first" if levels[-1] == "1" else "")
        elif word == "mount":
            fields = line.split(" ")
            root, target, rest = fields[4], fields[5], " ".join(fields[6:])
            rest = re.sub(r"(lowerdir|upperdir|workdir)=[^, ]*", r"\1=", rest)
            rest = re.sub(r" (shared|master):\d+", "", rest)
            # Of a file that has the right owner itself its mount need not be.
            rest = rest.replace(",idmapped", "")
            halves = rest.rsplit(" ", 1)
            rest = halves[0] + " " + ",".join(sorted(halves[1].split(",")))
            root = re.sub(r".*/volume(s/|-).*", "VOLUME", root)
            root = re.sub(r".*/(hosts|hostname|resolv.conf)$", r"OWN/\1", root)
            line = f"mount {root} {target} {rest}"
        seen.append(line)
    return seen


# Which of the script's declared shortcomings explains a line that differs.
DECLARED = [
    ("seccomp", re.compile(r"status Seccomp")),
    ("terminal", re.compile(r"(mount .*/dev/console|device .*( console|pts| [0-9]+$)|NSsid)")),
    ("init", re.compile(r"NS")),
    ("devices", re.compile(r"limit .*device")),
    ("environment", re.compile(r"environment (UID|PPID|SHLVL|SHELLOPTS)=")),
]

# A script changed like this starts another container, and a line that begins so tells.
CHANGES = [
    (r",\+chown", "", "status CapBnd"),
    (r"\tumask 022", r"\tumask 077", "status Umask"),
    (r"mount -o remount,bind,ro ", ": ", "mount "),
    (r"  hide .*", "  :", "mount "),
    (r"echo \S+ (>/proc/sys/kernel/hostname)", r"echo other \1", "hostname"),
    # In a user namespace nothing would start at all: sysfs and mqueue have to belong to it.
    (r"(\nunshare --mount --propagation private) --net", r"\1", "namespace net"),
    (r"(\nunshare --mount --propagation private --net) --ipc", r"\1", "namespace ipc"),
    (r"\texec 3<&- 4>&-", "\t:", "descriptor 3"),
    (r"echo 67108864 (>.*)", r"echo 33554432 \1", "limit /sys/fs/cgroup"),
    (r"mknod -m 666 (\S+/null)", r"mknod -m 600 \1", "device "),
    (r"\texport \"\$1\"", "\texport \"$1 \"", "environment "),
    (r"(uid_map\" <<<'0 \d+) 65536", r"\1 65535", "uid_map "),
    (r"--exclude='./dev/\*'", "--exclude=./root", "file "),
    (r"printf %s ", "printf %s x", "etc "),
]


def run(command, identity, **more):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False,
                            **more)
    if result.returncode:
        sys.exit(f"{command}: {result.returncode}\n{result.stdout[-500:]}{result.stderr}")
    return facts(result.stdout, identity)


def unexplained(text, with_tare, with_script):
    """What differs and is not among the shortcomings that the script declares."""
    said = [line[5:].split(":")[0] for line in text.splitlines() if line.startswith("#  - ")]
    found = []
    for sign, lines, others in (("tare", with_tare, with_script), ("script", with_script, with_tare)):
        for line in lines:
            if line not in others and not any(name in said and pattern.match(line) for name, pattern in DECLARED):
                found.append(f"{sign}: {line}")
    return found


def check_changes(text, with_tare, run_script):
    """The comparison finds what is changed in the script on purpose; those of CHANGES that it has."""
    tried = 0
    for pattern, replacement, sign in CHANGES:
        changed = re.sub(pattern, replacement, text)
        if changed == text:
            continue
        tried += 1
        if not any(line.split(": ", 1)[1].startswith(sign) for line in unexplained(text, with_tare, run_script(changed))):
            sys.exit(f"not found by the comparison: {pattern} -> {replacement}")
    if tried < 10:
        sys.exit(f"only {tried} of the changes can be made in this script")


def main():
    changes = sys.argv[1] == "--changes"
    directory, options, rootfs = sys.argv[1 + changes], sys.argv[2 + changes:-1], sys.argv[-1]
    programs = os.path.join(directory, "bin")
    tare = os.path.join(programs, "tare")
    text = subprocess.run([tare, "script", *options, rootfs, "sh", "-c", LOOK], check=True, capture_output=True,
                          text=True).stdout
    script = os.path.join(directory, "container.sh")
    created = subprocess.run([tare, "create", *options, rootfs, "sh", "-c", LOOK], check=True, capture_output=True,
                             text=True).stdout.strip()
    with_tare = run([tare, "start", "-a", created], created)
    subprocess.run([tare, "rm", "-f", created], check=True, capture_output=True)
    identity = re.search(r"^export id=(.*)-\$\$$", text, re.MULTILINE).group(1)
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nowhere", "TMPDIR": os.environ["TMPDIR"]}

    def run_script(source):
        with open(script, "w", encoding="utf-8") as file:
            file.write(source)
        return run(["bash", script], identity, env=environment)

    os.rename(programs, programs + ".away")
    try:
        found = unexplained(text, with_tare, run_script(text))
        if len(with_tare) < 60:
            found.append("hardly anything was seen:\n" + "\n".join(with_tare))
        if found:
            sys.exit("not the same:\n" + "\n".join(found))
        if changes:
            check_changes(text, with_tare, run_script)
    finally:
        os.rename(programs + ".away", programs)


main()
