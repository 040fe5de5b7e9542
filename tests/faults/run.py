#!/usr/bin/env python3
"""Lets every system call of tare-runtime's commands fail, and be the last one before SIGKILL, one at a time.

usage: run.py [--every N] [--only REGEX] [--verbose] [--results FILE] [--counts FILE]

  --every N       only every Nth case
  --only REGEX    only the cases whose name has a match, such as 'create full child 1: openat #3: EIO'
  --verbose       says of each case what was seen
  --results FILE  append a line per command, process and fault: passed or failed; TAB; name; TAB; reason
  --counts FILE   write how many cases there were, as JSON

After each case: a failure is told by an exit code and by exactly one object in the log, a success is one (the container
comes to its end and says of itself what it always says), a create that failed left no pid file, `delete --force`
succeeds, and nothing is left: no process, cgroup, mount, state or file.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import datetime
import json
import os
import re
import shutil
import sys
import tempfile
import time

import tolerated
import tracing
from container import REPORT, Place

BIN = os.environ.get("TARE_BIN_DIR", "build/release/bin")
ROOTFS = os.environ.get("TARE_ROOTFS", "build/rootfs/busybox.tar")
FAULTS = ("EIO", "ENOMEM", "ENOSPC", "EPERM", "KILL")
COMMANDS = ("create", "start", "run", "exec", "kill", "delete", "delete --force")
INIT = -1  # the process that waits to be started
# By their manual pages; and close(2) closes the descriptor whatever it says, where strace would leave it open.
CANNOT_FAIL = {"exit", "exit_group", "rt_sigreturn", "close", "umask", "brk", "getpid", "geteuid", "set_tid_address",
               "rseq", "set_robust_list"}
EXEC = {"plain": [], "full": ["--user", "7:8", "--additional-gids", "9", "--cap", "CAP_CHOWN", "--env", "A=b", "--cwd", "/tmp"]}


@dataclasses.dataclass(frozen=True)
class Case:
    """One fault in one call of one process of a command."""
    command: str
    kind: str
    process: int
    call: str
    number: int  # among the calls of this name, from 1
    fault: str
    loads: bool  # the dynamic loader's, before the program begins

    def process_name(self):
        """Whose call it is."""
        return {0: "command", INIT: "init"}.get(self.process, "child")

    def group(self):
        """The test that it belongs to."""
        which = f" {self.process}" if self.process > 0 else ""
        return f"{self.command} {self.kind}, {self.process_name()}{which}: {self.fault}"

    def __str__(self):
        which = f" {self.process}" if self.process > 0 else ""
        return f"{self.command} {self.kind} {self.process_name()}{which}: {self.call} #{self.number}: {self.fault}"


def prepare(place, command, kind):
    """What has to be there for a command; returns its words."""
    if command in ("create", "run"):
        return place.creation(command, kind)
    place.must(*place.creation("create", kind, "report" if command in ("start", "delete") else "sleep"))
    if command == "start":
        return ["start", place.id]
    place.must("start", place.id)
    if command == "delete":
        place.report()
    if command == "exec":
        return ["exec", "--pid-file", place.file("exec.pid"), *EXEC[kind], place.id, "sh", "-c", REPORT]
    return [*command.split(), place.id, *(["KILL"] if command == "kill" else [])]


def follow(place, words, process, options):
    """Runs a command with one of its processes followed by strace; its status and how many children it had."""
    log = place.file("trace")
    if process == 0:
        command = place.command(*words)
        with open(place.file("out"), "ab") as output, open(place.file("errors"), "ab") as errors:
            return tracing.run(["strace", "-o", log, *options, *command], output.fileno(), errors.fileno()), 0
    if process == INIT:
        tracing.attach(place.state()["pid"], log, options)
        return place.run(words), 0
    return place.run(words, run=tracing.run_following, child=process, log=log, options=options)


def outcome(place, command):
    """What a command that has succeeded has led to; {} where that is seen by what is left."""
    if command == "create":
        place.take_terminal()
        if place.text("pid") != str(place.state().get("pid")):
            return {"pid file": place.text("pid")}
        place.must("start", place.id)
    if command in ("kill",):
        place.report()  # waits for the end
        return {"status": place.state().get("status")}
    if command.startswith("delete"):
        return {"left": list(place.left()), "hooks": place.hooks()}
    if command == "exec":
        return {"report": place.report_of_exec()}
    return {"report": place.report(), "hooks": place.hooks(), "status": place.state().get("status")}


@dataclasses.dataclass
class Baseline:
    """A command without faults."""
    outcome: dict
    calls: dict  # process -> names


def baseline(command, kind):
    """Runs a command some times, to see what it does."""
    place = worker_place()
    try:
        return learn(place, command, kind)
    finally:
        place.clear()


def learn(place, command, kind):
    """The baseline in a place."""
    outcomes = []
    for _ in range(2):
        if place.run(prepare(place, command, kind)) != 0:
            raise RuntimeError(f"{command} {kind} fails without a fault: {place.text('errors')}")
        outcomes.append(outcome(place, command))
        if errors := place.clear():
            raise RuntimeError(f"{command} {kind} without a fault: {errors}")
    if outcomes[0] != outcomes[1]:
        raise RuntimeError(f"{command} {kind} differs from run to run: {difference(*outcomes)}")
    _, births = place.run(prepare(place, command, kind), run=tracing.run_following)
    place.clear()
    calls = {}
    for process in [*range(births + 1), *([INIT] if command == "start" else [])]:
        follow(place, prepare(place, command, kind), process, [])
        calls[process] = tracing.calls_of(place.file("trace"))
        place.clear()
    return Baseline(outcomes[0], calls)


def cases_of(command, kind, known):
    """All the cases of a command."""
    for process, calls in known.calls.items():
        began = calls.index("umask") if process == 0 else 0
        seen = collections.Counter()
        for index, call in enumerate(calls):
            seen[call] += 1
            for fault in FAULTS:
                if (process, index) == (0, 0) or (fault != "KILL" and call in CANNOT_FAIL):
                    continue
                if index < began and (command, kind) != ("create", "plain"):
                    continue  # the dynamic loader is the same in all of them
                yield Case(command, kind, process, call, seen[call], fault, index < began)


def log_errors(place, status, case):
    """What is wrong with the log of a command that ended so."""
    lines = place.text("log").splitlines()
    if status == 0 or status < 0:
        return [f"it succeeded, and the log says {lines}"] if lines and status == 0 else []
    if case.loads or f'{place.file("log")}"' in tracing.injected(place.file("trace")):
        return [] if place.text("errors") else ["it says nothing of what failed"]
    if len(lines) != 1:
        return [f"{len(lines)} lines in the log: {lines}"]
    told = json.loads(lines[0])
    return [] if told["level"] == "error" and told["msg"] else [f"the log says {lines[0]}"]


def judge(place, case, status, expected):
    """What is wrong after a command has ended."""
    was_killed = case.fault == "KILL" and case.process == 0
    if tolerated.reason(case):
        return []
    if status < 0 and not was_killed and not case.loads:
        return [f"it was ended by signal {-status}"]
    errors = log_errors(place, status, case)
    if case.command == "create" and status > 0:
        errors += [f"a {name} file is there" for name in ("pid", "pid.new") if os.path.exists(place.file(name))]
    promised = status == 0 or (case.command == "create" and os.path.exists(place.file("pid")))
    if promised:
        try:
            got = outcome(place, case.command)
        except (RuntimeError, OSError) as error:
            return [*errors, f"it succeeded, but {error}"]
        # A poststop hook that fails is a warning (runtime-spec, runtime.md).
        if "warning" in place.text("errors") and got.get("hooks") == expected.get("hooks", [])[:-1]:
            got |= {"hooks": expected["hooks"]}
        errors += [f"it succeeded, but: {difference(got, expected)}"] if got != expected else []
    return errors


def difference(got, expected):
    """The parts that are not the same."""
    if got.keys() != expected.keys():
        return str(got)
    words = []
    for key in got:
        if got[key] == expected[key]:
            continue
        a, b = (str(one[key]).splitlines() for one in (expected, got))
        words.append(f"{key}: " + "; ".join([f"-{line}" for line in a if line not in b][:4] +
                                           [f"+{line}" for line in b if line not in a][:4]))
    return ", ".join(words)


def try_case(case, expected, verbose=False):
    """(whether the fault came to be, what is wrong)."""
    place = worker_place()
    action = "signal=KILL" if case.fault == "KILL" else f"error={case.fault}"
    options = ["-e", f"trace={case.call}", "-e", f"inject={case.call}:{action}:when={case.number}"]
    errors, status = [], None
    try:
        words = prepare(place, case.command, case.kind)
        try:
            status, _ = follow(place, words, case.process, options)
            errors += judge(place, case, status, expected)
        except tracing.Hang:
            errors.append(f"it hangs: {place.children()}")
            place.kill_children()
        if verbose:
            print(f"{case}: status {status}\n{place.text('log')}{place.text('errors')}{place.text('trace')}", flush=True)
        came = bool(tracing.injected(place.file("trace")))
    except RuntimeError as error:
        errors.append(str(error))
        came = False
    # Nobody can take back a file of a caller's that a killed command has begun.
    half_made = () if case.fault != "KILL" else ("left: file pid.new", "left: file exec.pid.new")
    excused = half_made + (("left: cgroup",) if tolerated.reason(case) else ())
    return came, errors + [error for error in place.clear() if not error.startswith(excused)]


PLACES = []


def worker_place():
    """The worker's own."""
    return PLACES[0]


def begin_worker(top):
    """Makes it."""
    tracing.become_subreaper()
    os.umask(0o022)
    PLACES.append(Place(f"{top}/{os.getpid()}", os.path.abspath(f"{BIN}/tare-runtime"), ROOTFS))


def main():
    parser = argparse.ArgumentParser(usage=__doc__.partition("usage: ")[2].replace("%", "%%"))
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only")
    parser.add_argument("--results")
    parser.add_argument("--counts")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    began = time.monotonic()
    top = tempfile.mkdtemp(prefix="tare-faults.")
    os.chmod(top, 0o755)
    try:
        with concurrent.futures.ProcessPoolExecutor(2, initializer=begin_worker, initargs=(top,)) as pool:
            return run_all(options, pool, began)
    finally:
        shutil.rmtree(top)


def run_all(options, pool, began):
    """Learns, tries, tells; the exit status."""
    kinds = [(command, kind) for command in COMMANDS for kind in ("plain", "full")]
    known = dict(zip(kinds, pool.map(baseline, *zip(*kinds))))
    cases = [case for pair in kinds for case in cases_of(*pair, known[pair])]
    if options.only:
        cases = [case for case in cases if re.search(options.only, str(case))]
    print(f"{len(cases)} cases; every {options.every}. of them ({time.monotonic() - began:.0f} s)", flush=True)
    cases = cases[::options.every]
    failures, came_in = collections.defaultdict(list), collections.Counter()
    expected = [known[case.command, case.kind].outcome for case in cases]
    for case, (came, errors) in zip(cases, pool.map(try_case, cases, expected, [options.verbose] * len(cases),
                                                    chunksize=20)):
        failures[case.group()] += [f"{case}: {error}" for error in errors]
        came_in[case.group()] += came
        for error in errors:
            print(f"FAILED {case}: {error}", flush=True)
    tell(options, cases, failures, came_in)
    failed = sum(1 for texts in failures.values() if texts)
    print(f"{len(cases)} cases in {time.monotonic() - began:.0f} s: {len(failures) - failed} passed, {failed} failed")
    return 1 if failed or not cases else 0


def tell(options, cases, failures, came_in):
    """Writes the files that were asked for."""
    if options.results:
        with open(options.results, "a", encoding="utf-8") as results:
            for group, texts in failures.items():
                results.write(f"{'failed' if texts else 'passed'}\tfaults: {group}\t{texts[0] if texts else ''}\n")
    if options.counts:
        counts = collections.defaultdict(collections.Counter)
        for case in cases:
            counts[case.command][case.fault] += 1
        with open(options.counts, "w", encoding="utf-8") as file:
            json.dump({"date": datetime.date.today().isoformat(), "every": options.every, "cases": counts,
                       "came to be": sum(came_in.values()),
                       "failed": sum(len(texts) for texts in failures.values())}, file, indent=2)


if __name__ == "__main__":
    sys.exit(main())
