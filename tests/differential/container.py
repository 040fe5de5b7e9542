"""One configuration on one runtime, in a place that looks the same for all of them; what came of it as items.

An item is a name and a text: "mount:/proc" -> "/ rw,relatime proc proc rw". What differs from one time to the next
(ids, numbers of processes and mounts, paths of this run) is taken out here.
"""
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from corpus import BASE, patched
from items import cgroup_items, flatten, hook_items, look_items, state_items, tree_items
from listener import Listener

HERE = os.path.dirname(os.path.abspath(__file__))
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_REC, MS_PRIVATE, MNT_DETACH, PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG = \
    0x20000, 0x4000, 0x40000, 2, 36, 1
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C"}
SECONDS = 60  # for any one command, also on a busy machine; a runtime that takes longer has failed


def call(name, *arguments):
    if getattr(LIBC, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def mount(*words):
    subprocess.run(["mount", *words], check=True)


class World:
    """A private mount namespace with one cgroup layout, a process with namespaces of its own to join, and a
    directory for runs. Children of the runtimes become ours, so that their exit statuses are known."""

    def __init__(self, work, container_id, view, busybox):
        self.work, self.id, self.busybox = work, container_id, busybox
        call("unshare", CLONE_NEWNS)
        call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
        call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        os.makedirs(work, exist_ok=True)
        VIEWS[view]()
        self.holder = subprocess.Popen(
            ["unshare", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--time", "--user", "--map-root-user",
             "--fork", "--kill-child", "sleep", "1000000"], stdin=subprocess.DEVNULL,
            preexec_fn=lambda: call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
        self.held = None
        while not self.held:
            with open(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children", encoding="ascii") as children:
                self.held = children.read().strip()
            time.sleep(0.01)
        self.host_namespaces = {name: os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")}
        self.held_namespaces = {name: os.readlink(f"/proc/{self.held}/ns/{name}")
                                for name in os.listdir(f"/proc/{self.held}/ns")}

    def close(self):
        self.holder.kill()
        self.holder.wait()
        call("umount2", self.work.encode(), MNT_DETACH) if os.path.ismount(self.work) else None

    def children(self):
        """Processes that runtimes left to us, those that ended already taken away."""
        alive = []
        for task in os.listdir("/proc/self/task"):
            try:
                with open(f"/proc/self/task/{task}/children", encoding="ascii") as children:
                    pids = [int(pid) for pid in children.read().split()]
            except FileNotFoundError:  # a thread that has ended
                continue
            for pid in pids:
                if pid != self.holder.pid and os.waitpid(pid, os.WNOHANG)[0] == 0:
                    alive.append(pid)
        return alive

    def steady(self, text):
        """The text without what belongs to this run."""
        text = text.replace(self.work, "WORK").replace(self.id, "ID").replace(f"/proc/{self.held}/", "/proc/HOLDER/")
        return re.sub(r"/proc/\d+/", "/proc/N/", text)


def hide_v2_controllers():
    """crun refuses a v1 layout whose v2 part lists a controller."""
    if os.path.exists("/sys/fs/cgroup/unified/cgroup.controllers"):
        mount("--bind", "/dev/null", "/sys/fs/cgroup/unified/cgroup.controllers")


def show_v2_alone():
    """What the v1 hierarchies have is not to be had, then."""
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return
    subprocess.run(["umount", "--recursive", "/sys/fs/cgroup"], check=True)
    mount("-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")


VIEWS = {"machine": hide_v2_controllers, "v2": show_v2_alone}


def make_rootfs(root, busybox, changes):
    """busybox, the look, a hook, and files to mount on."""
    for directory in "bin dev proc sys etc root home full/below real tools forbidden out".split():
        os.makedirs(f"{root}/{directory}")
    for directory, mode in (("tmp", 0o1777), ("private", 0o700), ("forbidden", 0o700)):
        os.makedirs(f"{root}/{directory}", exist_ok=True)
        os.chmod(f"{root}/{directory}", mode)
    shutil.copy(busybox, f"{root}/bin/busybox")
    for applet in ("sh cat sed tr readlink id uname ip ls find sort xargs stat touch rm mknod dd cut printf ionice "
                   "mkdir rmdir chmod hostname env sleep stty echo kill pwd basename").split():
        os.symlink("busybox", f"{root}/bin/{applet}")
    files = {"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
             "etc/group": "root:x:0:\n", "full/file": "text\n", "full/below/other": "text\n", "script": "#!/nowhere\n",
             "garbage": "\1\2\3\n", "tools/tool": "#!/bin/sh\necho a tool\n"}
    for name, text in files.items():
        with open(f"{root}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    for name in ("script", "garbage", "tools/tool"):
        os.chmod(f"{root}/{name}", 0o755)
    os.chmod(f"{root}/full/below", 0o750)
    for name in ("look", "hook"):
        shutil.copy(f"{HERE}/{name}.sh", f"{root}/{name}")
    os.symlink("real", f"{root}/inner")
    os.symlink("../../../../../outside", f"{root}/outer")
    os.symlink("/nowhere", f"{root}/dangling")
    for verb, *arguments in changes:
        if verb == "link":
            path = os.path.normpath(f"{root}/{arguments[0]}")
            if os.path.isdir(path):
                os.rmdir(path)
            os.symlink(arguments[1], path)
        elif verb == "directory":
            os.makedirs(f"{root}/{arguments[0]}", exist_ok=True)
            os.chmod(f"{root}/{arguments[0]}", arguments[1])
        elif verb == "own":
            for directory, names, others in os.walk(root):
                for name in (".", *names, *others):
                    os.chown(f"{directory}/{name}", arguments[0], arguments[0], follow_symlinks=False)


def said_class(text):
    """What the callers of a runtime make of its words (podman, moby: 127, 126; containerd: not found)."""
    text = text.lower()
    for words, kind in ((("executable file not found", "no such file or directory", "open executable"), "not found"),
                        (("permission denied", "operation not permitted", "is a directory", "not a directory"),
                         "not allowed"),
                        (("does not exist",), "no container"), (("not running", "no such process"), "not running")):
        if any(word in text for word in words):
            return kind
    return "refused"


def remove_cgroups():
    """The parents of the containers' cgroups, which the runtimes leave."""
    for directory, names, _ in os.walk("/sys/fs/cgroup", topdown=False):
        if "/tare-differential" in directory:
            try:
                os.rmdir(directory)
            except OSError:
                pass


class Run:
    """One configuration on one runtime."""

    def __init__(self, world, program, patch):
        self.world, self.program, self.items = world, program, {}
        self.config, self.extra = patched(BASE, patch)
        self.terminal = self.config.get("process", {}).get("terminal") is True
        self.listener = None

    def path(self, name):
        return f"{self.world.work}/{name}"

    def prepare(self):
        """A fresh file system with bundle, sources of mounts and hooks."""
        if os.path.ismount(self.world.work):
            call("umount2", self.world.work.encode(), MNT_DETACH)
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", self.world.work)
        os.makedirs(self.path("bundle/rootfs"))
        os.makedirs(self.path("tree/below"))
        os.makedirs(self.path("out"), mode=0o777)
        os.chmod(self.path("out"), 0o777)
        mount("-t", "tmpfs", "-o", "noexec", "below", self.path("tree/below"))
        os.symlink("tree", self.path("treelink"))
        with open(self.path("file"), "w", encoding="ascii") as file:
            file.write("a file\n")
        shutil.copy(f"{HERE}/hook.sh", self.path("hook"))
        with open(self.path("noting"), "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\nexec {self.path("hook")} {self.path("out")} noting\n')
        os.chmod(self.path("noting"), 0o755)
        make_rootfs(self.path("bundle/rootfs"), self.world.busybox, self.extra.get("rootfs", ()))
        text = self.extra.get("text", json.dumps(self.config, ensure_ascii=False))
        if "@WORK@/listener" in (text or ""):
            self.listener = Listener(self.path("listener"))
        if text == "TRAILING":
            text = json.dumps(self.config) + "}"
        if text is not None:
            for token, value in (("@WORK@", self.world.work), ("@ID@", self.world.id),
                                 ("@HOLDER@", f"/proc/{self.world.held}/ns")):
                text = text.replace(token, value)
            with open(self.path("bundle/config.json"), "w", encoding="utf-8") as file:
                file.write(text)

    def runtime(self, verb, *arguments, output=None):
        """Exit status, and what was said."""
        log = self.path("log.json")
        if os.path.exists(log):
            os.unlink(log)
        with open(self.path("said"), "w+", encoding="utf-8", errors="replace") as said, \
                open(output or self.path("output"), "w", encoding="ascii") as out:
            process = subprocess.Popen(
                [self.program, "--root", self.path("state"), "--log", log, "--log-format", "json", verb, *arguments,
                 self.world.id],
                stdin=subprocess.PIPE, stdout=out, stderr=said, env=ENVIRONMENT, cwd=self.world.work)
            try:
                process.stdin.close()  # nothing to read; /dev/null in any place is given to the process's user by crun
                status = process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                status = "hangs"
            said.seek(0)
            text = said.read()
            if os.path.exists(log):
                with open(log, encoding="utf-8", errors="replace") as file:
                    text += file.read()
            return status, text

    def note(self, name, status, said):
        self.items[f"{name}.status"] = str(status)
        if status != 0:
            self.items[f"{name}.class"] = said_class(said)
            self.items[f"said.{name}"] = said  # to be shown, not compared

    def look(self):
        """`run`: what the process finds, and its exit status."""
        output = self.path("look")
        status, said = self.runtime("run", "--bundle", self.path("bundle"), output=output)
        text = open(output, encoding="utf-8", errors="surrogateescape").read()
        if self.extra.get("own_process"):
            self.items["run.status"] = str(status)
            self.items["run.output"] = text
            if '"level":"error"' in said.replace(" ", "") or status == 1:
                self.items["run.class"] = said_class(said)
        else:
            self.note("run", status if text or status == 0 else f"{status}, not begun", said)
            self.items.update(look_items(text, self.world))
        self.runtime("delete", "--force")
        self.items.update(self.remains("run"))

    def live(self):
        """create, state, start, state, delete."""
        shutil.rmtree(self.path("out"))
        os.makedirs(self.path("out"))
        os.chmod(self.path("out"), 0o777)
        options = ["--bundle", self.path("bundle"), "--pid-file", self.path("pid")]
        listener = None
        if self.terminal:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(self.path("console"))
            listener.listen()
            options += ["--console-socket", self.path("console")]
        else:  # it was there for long enough
            open(self.path("bundle/rootfs/seen"), "w", encoding="ascii").close()
        before = tree_items(self.path("bundle/rootfs"))
        status, said = self.runtime("create", *options)
        self.note("create", status, said)
        if status == 0:
            pid_text = open(self.path("pid"), encoding="ascii").read() if os.path.exists(self.path("pid")) else "none"
            self.items["pid-file"] = re.sub(r"\d+", "N", pid_text)
            pid = int(pid_text)
            self.items.update(state_items("created", self.runtime_state(), pid, self.world))
            self.items.update(cgroup_items(pid, self.world))
            console = self.take_console(listener) if listener else None
            status, said = self.runtime("start")
            self.note("start", status, said)
            self.items["process"] = self.wait_for(pid, console)
            self.items.update(state_items("stopped", self.runtime_state(), pid, self.world))
            status, said = self.runtime("delete")
            self.note("delete", status, said)
            if status != 0:
                self.runtime("delete", "--force")
        status, said = self.runtime("state")
        self.items["gone.class"] = said_class(said) if status else "there"
        if listener:
            listener.close()
        self.items.update(hook_items(self.path("out"), self.world))
        after = tree_items(self.path("bundle/rootfs"))
        self.items.update({name: text for name, text in after.items() if before.get(name) != text})
        self.items.update(self.remains("live"))

    def runtime_state(self):
        output = self.path("state.json")
        self.runtime("state", output=output)
        return open(output, encoding="utf-8").read()

    def take_console(self, listener):
        listener.settimeout(5)
        connection, _ = listener.accept()
        name, descriptors, _, _ = socket.recv_fds(connection, 4096, 4)
        self.items["console.descriptors"] = str(len(descriptors))
        self.items["console.name"] = "some" if name else "none"
        connection.close()
        return descriptors[0]

    def wait_for(self, pid, console):
        """How the container's first process, a child of ours by now, ended."""
        if console is not None:
            text = b""
            while True:
                try:
                    piece = os.read(console, 65536)
                except OSError:  # EIO: nobody has the terminal open
                    break
                if not piece:
                    break
                text += piece
            os.close(console)
            self.items.update(look_items(text.decode(errors="replace").replace("\r\n", "\n"), self.world))
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                return "no child of ours"
            if ended:
                return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
            time.sleep(0.005)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return "hangs"

    def listened(self):
        """What a seccomp listener was told, of `run` and `create`."""
        if self.listener:
            self.listener.close()
            for number, (told, descriptors) in enumerate(self.listener.states):
                for table in (told, told.get("state", {})):
                    table.update(dict.fromkeys({"pid"} & set(table), "N"))
                self.items[f"listener.{number}.descriptors"] = str(descriptors)
                self.items.update((name, self.world.steady(text)) for name, text in flatten(f"listener.{number}", told))
            self.items["listener.asked"] = str(self.listener.calls > 0)

    def remains(self, phase):
        """What is left when the container is deleted: cgroups, mounts, state, processes."""
        left = [path for path, _, _ in os.walk("/sys/fs/cgroup") if path.endswith(f"/{self.world.id}")]
        for path in left:
            try:
                os.rmdir(path)
            except OSError:
                pass
        mounts = [line.split()[4] for line in open("/proc/self/mountinfo", encoding="utf-8")
                  if f" {self.world.work}/" in line and not line.split()[4].endswith("/tree/below")]
        state = os.listdir(self.path("state")) if os.path.isdir(self.path("state")) else []
        found = {f"left.{phase}.cgroups": left, f"left.{phase}.mounts": mounts, f"left.{phase}.state": state}
        return {name: self.world.steady(" ".join(sorted(what))) for name, what in found.items() if what}


def observe(world, program, patch):
    """All items of this configuration on this runtime."""
    run = Run(world, program, patch)
    run.prepare()
    if not run.terminal:
        run.look()
    run.live()
    run.listened()
    strays = world.children()
    if strays:
        run.items["left.processes"] = str(len(strays))
    for pid in strays:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return run.items
