#!/usr/bin/env python3
"""Runs bats files and appends what came out to a results file.

usage: test-bats.py RESULTS SUITE FILE...

A line of RESULTS is: passed, failed or skipped; TAB; the test's name; TAB; why it was skipped.
A test that was planned and of which nothing was heard is a failed test.
"""
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import time

LINE = re.compile(r"(not )?ok (\d+) (.*?)(?: # skip ?(.*))?$")


def outcomes(lines):
    """(outcome, name, reason, output) of each test of a TAP stream."""
    current, planned, heard = None, 0, 0
    for line in lines:
        if match := re.match(r"1\.\.(\d+)", line):
            planned = int(match.group(1))
        elif match := LINE.match(line):
            if current:
                yield current
            heard += 1
            negative, _, name, reason = match.groups()
            outcome = "failed" if negative else "passed" if reason is None else "skipped"
            current = (outcome, name, (reason or "no reason given") if outcome == "skipped" else "", [])
        elif current:
            current[3].append(line)
        else:
            print(line)
    if current:
        yield current
    for number in range(heard, planned):
        yield "failed", f"test {number + 1} of {planned}, of which nothing was heard", "", []


def run_file(path):
    """The outcomes of one file's tests, bats' status, and the seconds it took."""
    began = time.monotonic()
    # A file and not a pipe: whoever a test leaves behind must not keep us waiting.
    with tempfile.TemporaryFile("w+", errors="replace") as tap:
        status = subprocess.run(["bats", "--formatter", "tap", path], stdout=tap, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, check=False).returncode
        tap.seek(0)
        return list(outcomes(tap.read().splitlines())), status, time.monotonic() - began


def main():
    if len(sys.argv) < 4:
        print(__doc__)
        return 2
    results, suite, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    count = {"passed": 0, "failed": 0, "skipped": 0}
    failed = False
    # Two files side by side: each test has a store of its own, and most of its time is waiting. Those with most tests
    # come first.
    files.sort(key=lambda path: -open(path, encoding="utf-8").read().count("@test"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool, open(results, "a", encoding="utf-8") as table:
        runs = {pool.submit(run_file, path): path for path in files}
        for run in concurrent.futures.as_completed(runs):
            found, status, seconds = run.result()
            for outcome, name, reason, output in found:
                count[outcome] += 1
                table.write(f"{outcome}\t{suite}: {name}\t{reason}\n")
                if outcome == "failed":
                    print(f"--- failed: {suite}: {name}")
                    print("\n".join(output))
            table.flush()
            failed = failed or status != 0
            print(f"{suite}: {os.path.basename(runs[run])}: {len(found)} tests in {seconds:.0f} s", flush=True)
    print(f"{suite}: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if failed or count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
