#!/usr/bin/env python3
"""Kills tare's processes at random moments, then looks whether `tare ps` leaves the machine as it was.

usage: storm.py VICTIM COUNT    VICTIM: client, monitor, group (both), image, ps, rm
Runs as the first process of a private machine (helpers.bash). STORM_START=N repeats a failure's delays and choices.
"""
import difflib
import json
import os
import random
import signal
import subprocess
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
tare = os.environ["TARE_BIN_DIR"] + "/tare"
temporary = os.environ["BATS_TEST_TMPDIR"]
rootfs, tarball = os.environ["ROOTFS"], os.environ["TARBALL"]
store = os.environ["TARE_ROOT"]
slow = "TARE_IN_VM" in os.environ
command = ["sh", "-c", "echo here; sleep 0.0%d"]
failures = []


def fail(text):
    failures.append(text)
    print("FAILED:", text, flush=True)


def start(arguments, **options):
    return subprocess.Popen([tare] + arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, **options)


def finish(process):
    """Its output and exit code; killed ones leave processes behind that hold its output, so that is not waited for."""
    process.wait()
    os.set_blocking(process.stdout.fileno(), False)
    text = ""
    try:
        text = process.stdout.read() or ""
    except (BlockingIOError, TypeError):
        pass
    process.stdout.close()
    return process.returncode, text


def call(*arguments):
    result = subprocess.run([tare, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return result.returncode, result.stdout, result.stderr


def state():
    reap()
    script = f'. "{here}/helpers.bash"; machine_state'
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()


def difference(before, after):
    lines = difflib.unified_diff(before, after, lineterm="", n=0)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def reap():
    """Orphans come to the first process."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def program_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def others():
    """Living processes beside this one."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and program_of(pid)]


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def pause_until(moment):
    """To the microsecond, which sleep is not."""
    while (left := moment - time.perf_counter()) > 0:
        if left > 0.0004:
            time.sleep(left - 0.0003)


def wait_for_child(process, name):
    """The client's monitor (tare), or its tare-image."""
    while process.poll() is None:
        for pid in children_of(process.pid):
            if program_of(pid).endswith("/" + name):
                return pid
        time.sleep(0.0001)  # there are two processors
    return None


def wait_until_alone(seconds):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        reap()
        if not others():
            return True
        time.sleep(0.005)
    return False


def forget_layers():
    subprocess.run(f"rm -rf '{store}'/layers/sha256/* '{store}'/tarballs/*/*", shell=True, check=True)


def measure(run):
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return sorted(times)[1]


class Storm:
    def __init__(self, victim, count):
        self.victim, self.count = victim, count
        first = int(os.environ.get("STORM_START") or int.from_bytes(os.urandom(4), "big"))
        print(f"{victim}: start={first}", flush=True)
        self.random = random.Random(first)
        self.kept = {}  # name: whether its monitor was killed
        self.hits = 0

    def run_arguments(self, number, removed, source):
        arguments = ["run", "--name", f"storm{number}"]
        if removed:
            arguments.append("--rm")
        if self.random.random() < 0.3:
            arguments += ["--cgroup-parent", "/storms/inner"]
        words = list(command)
        words[2] %= self.random.randrange(1, 4)
        return arguments + [source, *words]

    def strike(self, number, duration):
        removed = self.random.random() < 0.5
        unpacks = self.victim == "image" or (self.victim == "client" and self.random.random() < 0.2)
        if unpacks:
            forget_layers()
        delay = self.random.uniform(0, (1.5 if self.victim == "client" else 0.9) * duration)
        arguments = self.run_arguments(number, removed, tarball if unpacks else rootfs)
        # Somebody may look at any time, and must neither fail nor take what is being made for a left-over.
        looking = start(["ps"]) if self.random.random() < 0.3 else None
        begin = time.perf_counter()
        process = start(arguments)
        monitor = None
        if self.victim == "client":
            pause_until(begin + delay)
            hit = kill(process.pid) if process.poll() is None else False
        else:
            child = wait_for_child(process, "tare-image" if self.victim == "image" else "tare")
            pause_until(time.perf_counter() + delay)
            # The client has not reaped it while it is its child, so the pid is still its.
            hit = child is not None and child in children_of(process.pid) and kill(child)
            if hit and self.victim != "image":
                monitor = child
            if self.victim == "group":
                kill(process.pid)
        self.hits += bool(hit)
        code, text = finish(process)
        if looking and (result := finish(looking))[0] != 0:
            fail(f"run {number}: ps beside it: {result}")
        if monitor and self.victim == "monitor" and code not in (0, 125, 255):
            fail(f"run {number}: exit code {code} after its monitor was killed: {text}")
        if not removed:
            self.kept[f"storm{number}"] = (bool(monitor), code)
        return hit

    def strike_all(self, duration):
        for number in range(self.count):
            self.strike(number, duration)
            # Some meet what the one before left, before anybody has cleaned up.
            if self.random.random() < 0.5 and not wait_until_alone(20):
                fail(f"run {number}: processes do not end: " + " ".join(map(program_of, others())))

    def check_kept(self):
        """Containers that were to stay: told truthfully, and removed without a trace."""
        for name, (monitor_killed, client_code) in self.kept.items():
            code, output, error = call("inspect", name)
            if code != 0:
                continue  # killed before it was one
            told = json.loads(output)[0]["State"]
            if told["Running"] or told["Status"] != "exited":
                fail(f"{name} is {told['Status']} but nothing runs")
            allowed = (0, 255) if monitor_killed else (0, 125, 255)
            if told["ExitCode"] not in allowed or (monitor_killed and client_code == 255 != told["ExitCode"]):
                fail(f"{name}: exit code {told['ExitCode']} (its client: {client_code}): {told}")
            code, output, error = call("rm", name)
            if code != 0:
                fail(f"rm {name}: {error}")

    def run(self):
        for arguments in (["run", "--rm", tarball, "true"], ["run", "--rm", rootfs, "true"], ["ps"]):
            code, output, error = call(*arguments)
            if code != 0:
                sys.exit(f"{arguments}: {code} {output} {error}")
        duration = measure(lambda: call("run", "--rm", rootfs, *command[:2], command[2] % 2))
        if self.victim == "image":
            duration = measure(lambda: (forget_layers(), call("run", "--rm", tarball, "true")))
        forget_layers()
        before = state()
        self.strike_all(duration)
        if not wait_until_alone(20):
            fail("processes do not end: " + " ".join(map(program_of, others())))
        forget_layers()
        self.look_once(before)
        self.check_kept()
        if left := difference(before, state()):
            fail(f"left after rm:\n{left}")
        print(f"{self.victim}: {self.hits} of {self.count} hit, a run takes {duration * 1000:.1f} ms", flush=True)
        if self.hits < self.count // 4:
            fail("too few were hit to tell anything")

    def look_once(self, before):
        code, _, error = call("ps")
        if code != 0 or error:
            fail(f"ps: {code} {error}")
        after = state()
        kept = call("ps", "-aq", "--no-trunc")[1].split()
        names = {json.loads(call("inspect", id)[1])[0]["Name"] for id in kept}
        mine = [f"root/containers/{id}" for id in kept] + [f"root/names{name}" for name in names]
        after = [line for line in after if not line.startswith(tuple(mine))] if mine else after
        if left := difference(before, after):
            fail(f"left after ps:\n{left}")


class CommandStorm(Storm):
    """Kills the clean-up itself: `tare ps` or `tare rm`, with work to do."""

    def strike(self, number, duration):
        name = f"storm{number}"
        arguments = ["run", "--name", name] + (["--rm"] if self.victim == "ps" and number % 2 else [])
        if self.victim == "ps":
            process = start(arguments + [rootfs, "sh", "-c", "mkdir -p a/b/c d/e/f; sleep 5"])
            monitor = wait_for_child(process, "tare")
            time.sleep(0.2 if slow else 0.03)
            kill(monitor)
            finish(process) if number % 3 else kill(process.pid)
            process.wait()
            self.kept[name] = (True, process.returncode)
            arguments = ["ps"]
        else:
            call(*arguments, rootfs, "sh", "-c", "mkdir -p a/b/c d/e/f; touch a/b/c/1 d/2")
            self.kept[name] = (False, 0)
            arguments = ["rm", name]
        delay = self.random.uniform(0, duration)
        begin = time.perf_counter()
        process = start(arguments)
        pause_until(begin + delay)
        hit = process.poll() is None and kill(process.pid)
        self.hits += bool(hit)
        finish(process)
        call("ps")
        return hit

    def run(self):
        call("run", "--rm", rootfs, "true")
        before = state()
        duration = measure(lambda: call("ps")) * 1.5
        self.strike_all(duration)
        self.look_once(before)
        # What a killed rm began is either finished by ps or not begun.
        self.check_kept()
        if left := difference(before, state()):
            fail(f"left after rm:\n{left}")
        print(f"{self.victim}: {self.hits} of {self.count} hit", flush=True)


def main():
    victim, count = sys.argv[1], int(sys.argv[2])
    (CommandStorm if victim in ("ps", "rm") else Storm)(victim, count).run()
    sys.exit(1 if failures else 0)


main()
