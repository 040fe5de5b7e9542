#!/usr/bin/env python3
"""Runs a GoogleTest program and appends what came out to a results file.

usage: test-gtest.py RESULTS SUITE PROGRAM

A line of RESULTS is: passed, failed or skipped; TAB; the test's name; TAB; why it was skipped.
A test that neither passes nor fails but takes the program down is a failed test as well.
"""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def parse_log(log):
    """Test name → the lines it printed, and the name of the test that was running at the end."""
    output, name = {}, None
    for line in log.splitlines():
        if match := re.match(r"\[ RUN      \] (\S+)", line):
            name = match.group(1)
            output[name] = []
        elif re.match(r"\[(       OK |  FAILED  |  SKIPPED )\] ", line) and name:
            output[name].append(line)
            name = None
        elif name:
            output[name].append(line)
    return output, name


def reason_of(lines):
    """GTEST_SKIP() << "why" prints "file:line: Skipped" and then why."""
    for number, line in enumerate(lines):
        if line.endswith(": Skipped"):
            return " ".join(lines[number + 1:-1]).strip() or "no reason given"
    return "no reason given"


def outcomes(report, output):
    for case in (case for suite in report["testsuites"] for case in suite["testsuite"]):
        name = f"{case['classname']}.{case['name']}"
        if case["status"] == "NOTRUN":
            yield "skipped", name, "disabled in the source"
        elif case["result"] == "SKIPPED":
            yield "skipped", name, reason_of(output.get(name, []))
        elif case.get("failures"):
            yield "failed", name, ""
        else:
            yield "passed", name, ""


def outcomes_of_a_crash(output, running):
    for name, lines in output.items():
        last = lines[-1] if lines else ""
        if name == running or last.startswith("[  FAILED"):
            yield "failed", name, ""
        elif last.startswith("[  SKIPPED"):
            yield "skipped", name, reason_of(lines)
        else:
            yield "passed", name, ""


def main():
    if len(sys.argv) != 4:
        print(__doc__)
        return 2
    results, suite, program = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place:
        # A file and not a pipe: whoever a test leaves behind must not keep us waiting.
        with open(f"{place}/log", "wb") as log:
            status = subprocess.run([program, f"--gtest_output=json:{place}/report", "--gtest_color=no"], stdout=log,
                                    stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False).returncode
        text = Path(f"{place}/log").read_text(errors="replace")
        output, running = parse_log(text)
        try:
            report = json.loads(Path(f"{place}/report").read_text())
            found = list(outcomes(report, output))
        except (OSError, ValueError):
            found = list(outcomes_of_a_crash(output, running))
            print(f"{program} ended with status {status} in the middle of {running or 'its work'}")

    count = {"passed": 0, "failed": 0, "skipped": 0}
    with open(results, "a", encoding="utf-8") as table:
        for outcome, name, reason in found:
            count[outcome] += 1
            table.write(f"{outcome}\t{suite}: {name}\t{reason}\n")
            if outcome == "failed":
                print(f"--- failed: {suite}: {name}")
                print("\n".join(output.get(name, [])))
    print(f"{suite}: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    if status != 0 and not count["failed"]:
        print(text)  # what a sanitizer says at the end belongs to no test
    if not found:
        print(f"{suite}: there was no test in it")
    return 1 if status != 0 or count["failed"] or not found else 0


if __name__ == "__main__":
    sys.exit(main())
