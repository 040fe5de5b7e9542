#!/usr/bin/env python3
"""Kills tare's processes at random moments, then looks whether `tare ps` leaves the machine as it was.

usage: storm.py VICTIM COUNT    VICTIM: client, monitor, group (both), image; any: of all commands (storm_verbs.py)
Runs as the first process of a private machine (helpers.bash). STORM_START=N repeats a failure's delays and choices.
"""
import json
import sys
import time

sys.dont_write_bytecode = True  # nothing is left here, either

from storm_tools import *  # pylint: disable=wildcard-import,unused-wildcard-import
from storm_verbs import VerbStorm


class Storm:
    def __init__(self, victim, count):
        self.victim, self.count = victim, count
        self.random = make_random(victim)
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


def main():
    victim, count = sys.argv[1], int(sys.argv[2])
    (VerbStorm(count) if victim == "any" else Storm(victim, count)).run()
    sys.exit(1 if failures else 0)


main()
