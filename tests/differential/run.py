#!/usr/bin/env python3
"""Runs the same configurations on runc, crun and tare-runtime, and compares what came of them.

usage: run.py [--results FILE] [--counts FILE] [--jobs N] [--show] [--dump FILE]
              [PATTERN...]

PATTERNs choose configurations (base, mounts.bind.*, generated.*, v2:resources.*). A difference passes if it is in
known.py with a reason, and the reason is a row of docs/compatibility.md. When all configurations run, each row of
known.py must have occurred. --show prints the known differences, too; --dump appends all that was seen, a line of JSON
for each configuration. --results appends a line for each test, as
scripts/test reads them; --counts writes the numbers as JSON.

TARE_BIN_DIR says where tare-runtime is, TARE_PEER_RUNC and TARE_PEER_CRUN other peers than those of PATH.
"""
import argparse
import collections
import concurrent.futures
import datetime
import fnmatch
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile

import container
from corpus import CORPUS, fields_without_entry
from generated import generated
from known import KNOWN

PROJECT = os.path.dirname(os.path.dirname(container.HERE))
PAGE = f"{PROJECT}/docs/compatibility.md"
PEERS = ("runc", "crun")
# What is looked at once more where only cgroup v2 is to be seen.
V2 = ("base", "resources.*", "linux.cgroups-path*", "namespaces.no-cgroup", "namespaces.user", "mounts.cgroup*")
# Items of the container's life; the others are what its process found.
OUTSIDE = re.compile(
    r"(start\.|delete\.|process$|pid-file|console\.|state\.|limits:|hooks:|listener\.|left\.|run\.)")
world = None

Difference = collections.namedtuple("Difference", "config item seen against")


def programs():
    path = container.ENVIRONMENT["PATH"]
    tare = os.path.join(os.environ.get("TARE_BIN_DIR", f"{PROJECT}/build/release/bin"), "tare-runtime")
    peers = {name: os.environ.get(f"TARE_PEER_{name.upper()}") or shutil.which(name, path=path) for name in PEERS}
    return {**peers, "tare": tare}


def enter_world(top, counter, view):
    global world
    with counter.get_lock():
        counter.value += 1
        number = counter.value
    world = container.World(f"{top}/work{number}", f"d{os.getppid()}-{number}", view, shutil.which("busybox"))


def observe(name, patch, runtimes):
    return name, {runtime: container.observe(world, program, patch) for runtime, program in runtimes.items()}


def differences(config, seen):
    """What tare has other than a peer. Of a container that one of them refuses, the others' insides are none."""
    begun = {name for name, items in seen.items() if items.get("create.status") == "0"}
    looked = {name for name, items in seen.items() if "pwd" in items}
    for item in sorted(name for name in set().union(*seen.values()) if not name.startswith("said.")):
        if item in ("create.status", "run.status", "gone.class"):
            takes_part = set(seen)
        elif item.endswith(".class") or item == "run.output":  # of those that have failed; of those that have run
            takes_part = {name for name in seen if item in seen[name]}
        else:
            takes_part = begun if OUTSIDE.match(item) else looked
        peers = [name for name in PEERS if name in takes_part]
        if "tare" not in takes_part or not peers:
            continue
        values = {name: seen[name].get(item) for name in (*peers, "tare")}
        against = [name for name in peers if values[name] != values["tare"]]
        if against:
            agree = len(peers) > 1 and len({values[name] for name in peers}) == 1
            yield Difference(config, item, values, "both" if agree else " ".join(against))


def any_matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def rows_of(difference, rows):
    """Those of the known ones that explain it: all peers it is against must be named."""
    for number, (configs, items, against, _) in enumerate(rows):
        if (any_matches(difference.config, configs.split()) and any_matches(difference.item, items.split())
                and set(difference.against.split()) <= set(against.split())):
            yield number


def page_reasons():
    """The first cells of the tables of "What differs"."""
    with open(PAGE, encoding="utf-8") as page:
        section = page.read().partition("\n## What differs\n")[2].partition("\n## ")[0]
    return {line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")}


def shown(difference):
    values = "\n".join(f"      {name:5} {value!r}" for name, value in difference.seen.items())
    return f"    {difference.item} (against {difference.against})\n{values}"


def run_view(view, configs, runtimes, jobs):
    """name, what was seen of each, as they come."""
    top = tempfile.mkdtemp(prefix="tare-differential.")
    os.chmod(top, 0o755)  # for those who are nobody here, but root of a user namespace
    counter = multiprocessing.Value("i", 0)
    try:
        with concurrent.futures.ProcessPoolExecutor(
                jobs, initializer=enter_world, initargs=(top, counter, view)) as pool:
            pending = [pool.submit(observe, name, patch, runtimes) for name, patch in configs.items()]
            for future in concurrent.futures.as_completed(pending):
                yield future.result()
    finally:
        shutil.rmtree(top)
        container.remove_cgroups()


class Report:
    def __init__(self, path):
        self.table = open(path, "a", encoding="utf-8") if path else None
        self.count = collections.Counter()

    def record(self, outcome, name, reason="", output=""):
        self.count[outcome] += 1
        if self.table:
            self.table.write(f"{outcome}\tdifferential: {name}\t{reason}\n")
            self.table.flush()
        if outcome == "failed":
            print(f"--- failed: differential: {name}\n{output}", flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("patterns", nargs="*")
    for option in ("--results", "--counts", "--dump"):
        parser.add_argument(option)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--show", action="store_true")
    chosen = parser.parse_args()

    report = Report(chosen.results)
    runtimes = programs()
    missing = [name for name, program in runtimes.items() if not program or not os.access(program, os.X_OK)]
    if missing or os.geteuid() != 0:
        report.record("failed", "the runtimes", output=f"    as root, with {' and '.join(missing) or 'all'} installed")
        return 1

    everything = {**CORPUS, **generated()}
    views = {"machine": everything}
    if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        views["v2"] = {f"v2:{name}": patch for name, patch in CORPUS.items() if any_matches(name, V2)}
    if chosen.patterns:
        views = {view: {name: patch for name, patch in configs.items() if any_matches(name, chosen.patterns)}
                 for view, configs in views.items()}

    used, numbers = collections.Counter(), collections.Counter()
    for view, configs in views.items():
        if not configs:
            continue
        able = dict(runtimes)
        if view == "v2":
            for _, seen in run_view(view, {"base": {}}, runtimes, 1):
                for name in PEERS:
                    if seen[name].get("create.status") != "0":
                        del able[name]
                        report.record("skipped", f"{name} where only cgroup v2 is to be seen",
                                      "it starts no container in this view here")
        for name, seen in run_view(view, configs, able, chosen.jobs):
            if chosen.dump:
                with open(chosen.dump, "a", encoding="utf-8") as file:
                    file.write(json.dumps({name: seen}) + "\n")
            unknown = []
            for difference in differences(name, seen):
                rows = list(rows_of(difference, KNOWN))
                used.update(rows)
                numbers["differences"] += 1
                numbers["differences where runc and crun agree"] += difference.against == "both"
                if not rows:
                    unknown.append(difference)
                elif chosen.show:
                    print(f"{name}: known: {KNOWN[rows[0]][3]}\n{shown(difference)}")
            numbers["configs"] += 1
            numbers["generated"] += name.startswith("generated.")
            numbers["items"] += len(seen["tare"])
            report.record("failed" if unknown else "passed", name, output="\n".join(map(shown, unknown)))

    absent = sorted({row[3] for row in KNOWN} - page_reasons())
    report.record("failed" if absent else "passed", "each known difference has its row in docs/compatibility.md",
                  output="\n".join(f"    no row: {reason}" for reason in absent))
    without = fields_without_entry()
    report.record("failed" if without else "passed", "every field of the specification is in a configuration",
                  output="    " + " ".join(without))
    if not chosen.patterns:
        stale = [" | ".join(row) for number, row in enumerate(KNOWN)
                 if not used[number] and "sometimes" not in row[2] and (len(views) > 1 or not row[0].startswith("v2:"))]
        report.record("failed" if stale else "passed", "each known difference still occurs",
                      output="\n".join(f"    did not occur: {row}" for row in stale))
    if chosen.counts:
        versions = {name: subprocess.run([program, "--version"], capture_output=True, text=True,
                                         check=False).stdout.partition("\n")[0] for name, program in runtimes.items()}
        with open(chosen.counts, "w", encoding="utf-8") as file:
            json.dump({"date": datetime.date.today().isoformat(), **numbers, "known rows": len(KNOWN),
                       "reasons": len({row[3] for row in KNOWN}),
                       "failed": report.count["failed"], "versions": versions}, file, indent=2)
            file.write("\n")
    count = report.count
    print(f"differential: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if report.count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
