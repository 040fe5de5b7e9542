"""What `tare run --trace=FILE.json` told, against what else is known of the run. One check each:
trace_check.py whole FILE            operations are in order and within each other, calls within operations
trace_check.py covered FILE...       in the best of these runs the operations tell of 95 % of the time
trace_check.py plan FILE PLAN        tare-init's operations are those of the plan (`--plan=json`)
trace_check.py strace FILE STRACE    the calls are those that `strace -f -qq` saw in the same run
"""
import collections
import json
import re
import sys

# What the C library calls for itself: to be linked and loaded, for memory, in realpath(3) and fork(3); and what comes
# before the command line is understood, or after the trace was written; and the recorder's getpid.
OF_THE_LIBRARY = {"access", "arch_prctl", "brk", "clock_gettime", "close", "execve", "execveat", "exit_group", "faccessat2", "geteuid", "getpid", "getrandom",
                  "getuid", "ioctl", "mmap", "mprotect", "munmap", "newfstatat", "openat", "poll", "pread64", "prctl", "prlimit64", "read", "readlink",
                  "rseq", "rt_sigaction", "set_robust_list", "set_tid_address", "statx", "umask", "write"}
# The library's functions are not all called as the kernel's calls are.
KERNEL_NAMES = {"faccessat": "faccessat2", "fork": "clone", "fstat": "newfstatat", "fstatat": "newfstatat", "futimens": "utimensat",
                "open": "openat", "pread": "pread64", "prlimit": "prlimit64", "pwrite": "pwrite64", "recv": "recvfrom", "send": "sendto",
                "sigaction": "rt_sigaction", "signalfd": "signalfd4", "sigprocmask": "rt_sigprocmask", "waitpid": "wait4"}


def check(what, condition):
    if not condition:
        sys.exit(f"not so: {what}")


def read(file):
    with open(file, encoding="utf-8") as text:
        return json.load(text)


def lane_of(trace, name):
    return next(lane for lane in trace["lanes"] if lane["name"] == name)


def calls_of(lane):
    """Those that reached the kernel: the library keeps two signals for itself."""
    return [KERNEL_NAMES.get(call["name"], call["name"]) for operation in lane["operations"] for call in operation["calls"]
            if (call["name"], call["result"]) != ("sigaction", "-1 EINVAL")]


def whole(trace):
    check("there are three lanes", [lane["name"] for lane in trace["lanes"]] == ["tare", "monitor", "tare-init"])
    for lane in trace["lanes"]:
        open_operations, begin = [], 0
        for operation in lane["operations"]:
            told = f'{lane["name"]}: {operation["words"]}'
            check(f"it has words: {told}", operation["words"])
            check(f"it begins after the one before it: {told}", begin <= operation["begin"] <= operation["end"] <= trace["wall"])
            begin = operation["begin"]
            del open_operations[operation["depth"]:]
            check(f"it is a part of one: {told}", len(open_operations) == operation["depth"])
            for outer in open_operations:
                check(f"it ends in time: {told}", operation["end"] <= outer["end"])
            open_operations.append(operation)
            for call in operation["calls"]:
                check(f'{call["name"]} is in it: {told}', operation["begin"] <= call["begin"] <= call["end"] <= operation["end"])
        check(f'{lane["name"]} made calls', len(calls_of(lane)) > 20)


def covered(*traces):
    shares = [trace["covered"] / trace["wall"] for trace in traces]
    print("covered:", *(f"{100 * share:.1f} %" for share in shares))
    check("the operations tell of 95 % of the time", max(shares) >= 0.95)


def plan(trace, planned):
    """Ids and names differ from run to run, and what the command is given is told by the plan alone."""
    def normal(words):
        words = words.split("\n")[0]
        return re.sub(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b", "ID", words)

    done = [normal(operation["words"]) for operation in lane_of(trace, "tare-init")["operations"]]
    expected = [normal(operation["words"]) for operation in planned["init"]]
    check("it maps its list first", done[0] == "map the list of operations")
    check("the command runs at last", done[-1].startswith("the command runs"))
    check(f"{done[1:-1]}\nare the operations of the plan:\n{expected}", done[1:-1] == expected)


def strace(trace, lines):
    seen = collections.defaultdict(list)
    for line in lines:
        if call := re.match(r"(\d+) +(\w+)\(", line):
            seen[int(call[1])].append(call[2])
    for name in "tare", "monitor":
        lane = lane_of(trace, name)
        told, real = collections.Counter(calls_of(lane)), collections.Counter(seen[lane["process"]])
        # A process that shares the monitor's memory until it executes tare-init: its calls are told as the monitor's.
        told -= collections.Counter({"fcntl": told["fcntl"], "dup3": 1})
        check(f"{name} made what is told: {told - real}", not told - real)
        check(f"{name}'s calls are told: {real - told}", not set(real - told) - OF_THE_LIBRARY - {"fcntl", "dup3"})
        check(f"{name}'s calls are told, but for a few", (real - told).total() < 100)
    lane = lane_of(trace, "tare-init")
    told, real = calls_of(lane), seen[lane["process"]]
    real = real[real.index("mmap") + 1:]
    check(f"{told}\nare tare-init's calls:\n{real[:len(told)]}", told == real[:len(told)] and told[-1] == "execve")


def main(name, file, *others):
    if name == "covered":
        return covered(read(file), *map(read, others))
    if name == "strace":
        with open(others[0], encoding="utf-8") as lines:
            return strace(read(file), lines)
    return {"whole": whole, "plan": plan}[name](read(file), *map(read, others))


main(*sys.argv[1:])
