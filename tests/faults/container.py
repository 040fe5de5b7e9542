"""The containers that faults are injected into, and everything that can be seen of them."""
import array
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import tracing

# What the container's program tells of itself; numbers that differ from run to run are taken out below.
REPORT = """cat /proc/self/status /proc/self/limits /proc/self/mountinfo /proc/self/cgroup /proc/self/oom_score_adj \\
  /proc/sys/kernel/hostname /proc/sys/kernel/domainname /proc/sys/kernel/msgmax /proc/sys/kernel/shm_rmid_forced
cut -d' ' -f5-8,19,41 /proc/self/stat
tr '\\0' '\\n' </proc/self/environ
tail -n +3 /proc/net/dev | cut -d: -f1; cat /sys/class/net/lo/flags; pwd; id; umask; ls -lan /dev /made; ls -A /proc/kcore /proc/acpi
for f in /proc/self/fd/*; do readlink $f; done
cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/cpu/cpu.shares \\
  /sys/fs/cgroup/cpuset/cpuset.cpus /sys/fs/cgroup/devices/devices.list; mkdir /tmp/refused
echo the end"""
VARYING = (
    (r"(?m)^(Pid|PPid|Tgid|Ngid|NSpid|NStgid|NSpgid|NSsid|Vm\w+|Rss\w+|Hugetlb\w+|FDSize|SigQ|\w*ctxt_switches|"
     r"Speculation\w+|x86_\w+|THP_enabled|untag_mask|Threads|CoreDumping|TracerPid):.*\n", ""),
    (r"(?m)^\d+ \d+ \d+:\d+ ", ""), (r"(pipe|socket):\[\d+\]", r"\1"), (r"master:\d+|shared:\d+", "peer"),
    (r"\w{3} +\d+ +(\d\d:\d\d|\d{4}) ", "DATE "), (r"(?m)^/proc/\d+/fd", "FD"), (r"size=\d+k(,nr_inodes=\d+)?", "size"), (r"pts/\d+", "pts"), (r"/tmp/tare-faults\.\w+/\d+/", "DIRECTORY/"),
)


def normal(report):
    """A report without what differs from run to run."""
    for pattern, text in VARYING:
        report = re.sub(pattern, text, report)
    return report


def hook(directory, name, inside=False):
    """One that leaves its name in a file."""
    file = "/made/bind/hooks" if inside else f"{directory}/bound/hooks"
    return [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {name} >>{file}"], "timeout": 5}]


def with_everything(config, directory):
    """As much of the specification as fits into one container."""
    config["hooks"] = {point: hook(directory, point, point == "startContainer") for point in (
        "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")}
    config["domainname"] = "example"
    config["root"]["readonly"] = True
    process, linux = config["process"], config["linux"]
    process |= {"terminal": True, "consoleSize": {"height": 11, "width": 22}, "cwd": "/made/tmpfs/work",
                "oomScoreAdj": 100}
    process["user"] |= {"uid": 1000, "gid": 1000, "umask": 63, "additionalGids": [5, 6]}
    process["capabilities"]["inheritable"] = process["capabilities"]["ambient"] = ["CAP_KILL"]
    process["rlimits"].append({"type": "RLIMIT_CORE", "hard": 0, "soft": 0})
    config["mounts"] += [
        {"destination": "/made/tmpfs", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777", "size=1m"]},
        {"destination": "/made/bind", "type": "bind", "source": f"{directory}/bound", "options": ["rbind"]},
        {"destination": "/made/file", "type": "bind", "source": f"{directory}/file", "options": ["bind", "ro", "nosuid"]}]
    linux["resources"] |= {"memory": {"limit": 64 << 20}, "pids": {"limit": 50},
                           "cpu": {"shares": 512, "cpus": "0", "quota": 50000, "period": 100000}}
    linux["resources"]["devices"].append({"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rwm"})
    linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438, "uid": 1000}]
    linux["sysctl"] = {"kernel.msgmax": "4096", "kernel.shm_rmid_forced": "1"}
    linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}


class Place:
    """A directory of a worker's own, with its bundles, and one container at a time."""

    def __init__(self, directory, runtime, rootfs):
        self.directory, self.runtime = directory, runtime
        self.root, self.work, self.id = f"{directory}/state", f"{directory}/work", f"faults-{os.getpid()}"
        self.cgroup = f"tare-{self.id}"
        self.console, self.terminal = None, None
        for name in ("rootfs", "bound", "work"):
            os.makedirs(f"{directory}/{name}", exist_ok=True)
        self.forget_hooks()
        with open(f"{directory}/file", "w", encoding="ascii") as file:
            file.write("the file\n")
        subprocess.run(["tar", "-C", f"{directory}/rootfs", "-xf", rootfs], check=True)
        for kind in ("plain", "full"):
            for program in ("report", "sleep"):
                self._make_bundle(kind, program)

    def _make_bundle(self, kind, program):
        bundle = self.bundle(kind, program)
        os.makedirs(bundle)
        subprocess.run([self.runtime, "spec", "--bundle", bundle], check=True)
        with open(f"{bundle}/config.json", encoding="utf-8") as file:
            config = json.load(file)
        config["root"] = {"path": f"{self.directory}/rootfs", "readonly": False}
        config["linux"]["cgroupsPath"] = f"/{self.cgroup}/one"
        config["process"]["terminal"] = False
        config["process"]["args"] = ["sleep", "1000"] if program == "sleep" else ["sh", "-c", REPORT]
        if kind == "full":
            with_everything(config, self.directory)
        with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
            json.dump(config, file)

    def bundle(self, kind, program):
        """Where a bundle is."""
        return f"{self.directory}/{kind}-{program}"

    def file(self, name):
        """A path in the directory that is empty before each case."""
        return f"{self.work}/{name}"

    def command(self, *words):
        """The runtime's command line, with a log."""
        return [self.runtime, "--root", self.root, "--log", self.file("log"), "--log-format", "json", *words]

    def creation(self, verb, kind, program="report"):
        """The words of `create` or `run`; its console's other side is opened."""
        words = [verb, "--bundle", self.bundle(kind, program), "--pid-file", self.file("pid")]
        if kind == "full" and verb == "create":
            self.console = socket.socket(socket.AF_UNIX)
            self.console.bind(self.file("console"))
            self.console.listen()
            self.console.setblocking(False)
            words += ["--console-socket", self.file("console")]
        return [*words, self.id]

    def run(self, words, run=tracing.run, **following):
        """Runs a command of the runtime; its output is appended to the container's."""
        with open(self.file("out"), "ab") as output, open(self.file("errors"), "ab") as errors:
            return run(self.command(*words), output.fileno(), errors.fileno(), **following)

    def take_terminal(self):
        """Receives what create has sent to the console socket."""
        if self.console and not self.terminal:
            connection = self.console.accept()[0]
            _, descriptors, _, _ = socket.recv_fds(connection, 100, 1)
            connection.close()
            self.terminal = descriptors[0]

    def must(self, *words):
        """A command that has to succeed for there to be a case at all."""
        if status := self.run(words):
            raise RuntimeError(f"{words} ended with {status}: {self.text('errors')}")
        self.take_terminal()

    def text(self, name):
        """What is in a file of this case's."""
        try:
            with open(self.file(name), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def state(self):
        """What `state` says, or nothing."""
        answer = subprocess.run([self.runtime, "--root", self.root, "state", self.id], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, check=False).stdout
        return json.loads(answer) if answer else {}

    def report(self):
        """What the program says of itself when it has ended; waits for that."""
        end = time.monotonic() + tracing.SECONDS
        while self.state().get("status") not in (None, "stopped"):
            if self.terminal:
                self.drain()
            if time.monotonic() > end:
                raise tracing.Hang
            time.sleep(0.002)
        if self.terminal:
            self.drain()
        return normal(self.text("out"))

    def report_of_exec(self):
        """What a program in the running container said of itself; whoever else is in there is said, too."""
        report = normal(self.text("out"))
        end = time.monotonic() + 1
        while len(inside := self.processes()) != 1 and time.monotonic() < end:
            time.sleep(0.002)
        return report if len(inside) == 1 else f"{report}\nin the container are {inside}"

    def processes(self):
        """The pids in the container's cgroup."""
        with open(f"/sys/fs/cgroup/pids/{self.cgroup}/one/cgroup.procs", encoding="ascii") as file:
            return file.read().split()

    def drain(self):
        """What is in the terminal goes to the output."""
        os.set_blocking(self.terminal, False)
        with open(self.file("out"), "ab") as output:
            while True:
                try:
                    output.write(os.read(self.terminal, 65536))
                except OSError:
                    return

    def hooks(self):
        """The hooks that were run, in order."""
        with open(f"{self.directory}/bound/hooks", encoding="ascii") as file:
            return file.read().split()

    def forget_hooks(self):
        """An empty file, for whoever a hook is run as."""
        path = f"{self.directory}/bound/hooks"
        with open(path, "w", encoding="ascii"):
            os.chmod(path, 0o666)

    def clear(self):
        """Ends the container, if there is one, and tells what is wrong: what is left of it, and whoever waits."""
        errors = []
        try:
            with open(self.file("clear"), "wb") as output:
                argv = [self.runtime, "--root", self.root, "delete", "--force", self.id]
                if status := tracing.run(argv, output.fileno(), output.fileno()):
                    errors.append(f"delete --force ended with {status}: {self.text('clear')}")
        except tracing.Hang:
            errors.append("delete --force hangs")
            self.kill_children()
        errors += [f"left: {thing}" for thing in self.left()]
        for thing in (self.console, self.terminal):
            if thing is not None:
                thing.close() if thing is self.console else os.close(thing)
        self.console = self.terminal = None
        shutil.rmtree(self.work)
        os.mkdir(self.work)
        shutil.rmtree(f"{self.directory}/rootfs/made", ignore_errors=True)  # what mounts were put on
        self.forget_hooks()
        return errors

    def left(self):
        """Processes, cgroups, mounts and files of the container; what is found is removed."""
        end = time.monotonic() + 2
        while (children := self.children()) and time.monotonic() < end:
            time.sleep(0.002)
        yield from (f"process {name}" for name in children.values())
        self.kill_children()
        for path in sorted(glob.glob(f"/sys/fs/cgroup/{self.cgroup}*") + glob.glob(f"/sys/fs/cgroup/*/{self.cgroup}*")):
            yield f"cgroup {path}"
            subprocess.run(["find", path, "-depth", "-type", "d", "-delete"], check=False)
        with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
            for line in mounts:
                if f" {self.directory}/" in line:
                    yield f"mount {line.split()[4]}"
                    subprocess.run(["umount", "-l", line.split()[4]], check=False)
        if os.path.exists(self.root):
            for name in os.listdir(self.root):
                yield f"state {name}: {os.listdir(f'{self.root}/{name}')}"
                shutil.rmtree(f"{self.root}/{name}")
        for name in set(os.listdir(self.work)) - {"log", "out", "errors", "clear", "console", "pid", "trace", "exec.pid"}:
            yield f"file {name}"
        if os.listdir(self.directory).__len__() > 9:
            yield f"file in {os.listdir(self.directory)}"

    def kill_children(self):
        """Ends all that is left, and what that leaves."""
        while children := self.children():
            for pid in children:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)

    def children(self):
        """The processes that are left, and their names; those that have ended are forgotten."""
        try:
            while os.waitpid(-1, os.WNOHANG | tracing.ANY_KIND)[0]:
                pass
        except ChildProcessError:
            return {}
        found = {}
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            for pid in file.read().split():
                with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
                    found[int(pid)] = comm.read().strip()
        return found
