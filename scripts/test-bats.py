#!/usr/bin/env python3
"""Runs bats files and appends what came out to a results file.

usage: test-bats.py RESULTS SUITE FILE...

A line of RESULTS is: passed, failed or skipped; TAB; the test's name; TAB; why it was skipped.
A test that was planned and of which nothing was heard is a failed test.
"""
import re
import subprocess
import sys
import tempfile

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


def main():
    if len(sys.argv) < 4:
        print(__doc__)
        return 2
    results, suite, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    # A file and not a pipe: whoever a test leaves behind must not keep us waiting.
    with tempfile.TemporaryFile("w+", errors="replace") as tap:
        status = subprocess.run(["bats", "--formatter", "tap", *files], stdout=tap, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, check=False).returncode
        tap.seek(0)
        found = list(outcomes(tap.read().splitlines()))

    count = {"passed": 0, "failed": 0, "skipped": 0}
    with open(results, "a", encoding="utf-8") as table:
        for outcome, name, reason, output in found:
            count[outcome] += 1
            table.write(f"{outcome}\t{suite}: {name}\t{reason}\n")
            if outcome == "failed":
                print(f"--- failed: {suite}: {name}")
                print("\n".join(output))
    print(f"{suite}: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    if status != 0 and not count["failed"]:
        print(f"bats ended with status {status}")
    if not found:
        print(f"{suite}: there was no test in it")
    return 1 if status != 0 or count["failed"] or not found else 0


if __name__ == "__main__":
    sys.exit(main())
