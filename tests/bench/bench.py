#!/usr/bin/env python3
"""Measures tare against crun, runc, podman and the floor program: prints tables, then the budgets with a verdict each.

usage: bench.py WORK PROJECT ROUNDS

Called by scripts/bench in a mount namespace of its own, where WORK is a new tmpfs.
"""
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

NEWEST = "newest crun"
WORK, PROJECT, ROUNDS = sys.argv[1], sys.argv[2], int(sys.argv[3])
BIN = PROJECT + "/build/release/bin"
ROOTFS = WORK + "/bundle/rootfs"
FLOOR = f"{BIN}/floor run {WORK}/run {ROOTFS} /nothing"
PODMAN = f"podman --root {WORK}/podman --runroot {WORK}/run/podman --cgroup-manager cgroupfs"
ENGINE = f"{BIN}/tare --root {WORK}/store --run-root {WORK}/run/engine"


def quiet(command):
    return subprocess.run(command.split(), check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def output(command):
    return subprocess.run(command.split(), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout


def find_runtimes():
    """{name in the tables: command}, tare-runtime first."""
    programs = {"tare-runtime": BIN + "/tare-runtime"}
    for name in ("crun", "runc"):
        for label, program in (("newest " + name, f"{PROJECT}/build/bench/sid/{name}"), (name, shutil.which(name))):
            if program and os.path.exists(program):
                programs[label] = program
            else:
                print(f"(there is no {label} here)\n")
    return {name: f"{program} --root {WORK}/run/{name.replace(' ', '-')}" for name, program in programs.items()}


def bundle(name, *arguments, change=None):
    directory = f"{WORK}/{name}"
    os.mkdir(directory)
    quiet(f"{BIN}/tare-runtime spec --bundle {directory}")
    with open(directory + "/config.json", encoding="utf-8") as file:
        config = json.load(file)
    config["ociVersion"] = "1.0.2"  # which crun 1.8 and runc 1.1 know
    config["process"].update(terminal=False, args=["/nothing", *arguments])
    config["root"]["path"] = ROOTFS
    if change:
        change(config)
    with open(directory + "/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)
    return directory


class Paced:
    """What pace said: milliseconds of each round, by measure and contender."""

    def __init__(self, measures, rounds=ROUNDS, gap=0, copies=1):
        table = "".join(f"{measure}\t{name}\t{command}\n" for measure, commands in measures.items() for name, command in commands.items())
        command = [WORK + "/tools/pace", "--gap", str(gap), "--copies", str(copies), str(rounds)]
        said = subprocess.run(command, input=table, stdout=subprocess.PIPE, text=True, check=True).stdout
        self.times, self.resident, self.failed = {}, {}, set()
        for line in said.splitlines():
            measure, name, resident, failures, times = line.split("\t")
            self.times.setdefault(measure, {})[name] = [float(one) for one in times.split()]
            self.resident[measure, name] = int(resident)
            if int(failures):
                self.failed.add(name)
                print(f"({measure}, {name}: {failures} failed: worth nothing)\n")

    def median(self, measure, name):
        self.must_be_good(name)
        return statistics.median(self.times[measure][name])

    def must_be_good(self, *names):
        if self.failed.intersection(names):
            raise SystemExit("bench: what fails cannot be measured")

    def ratio(self, measure, name, than):
        """The median of those within a round."""
        self.must_be_good(name, than)
        pairs = zip(self.times[measure][name], self.times[measure][than])
        return statistics.median(one / other for one, other in pairs)

    def table(self, headline):
        print(f"| {headline} | fastest ms | median ms | as multiple of the first |\n|---|---|---|---|")
        for measure, contenders in self.times.items():
            first = next(iter(contenders))
            for name, times in contenders.items():
                multiple = "1" if name == first else f"{self.ratio(measure, name, first):.2f}"
                print(f"| {measure}, {name} | {min(times):.2f} | {statistics.median(times):.2f} | {multiple} |")
        print(flush=True)


def busy_seconds():
    """CPU time of the whole machine so far (proc_stat(5)): all but idle and iowait."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(one) for one in file.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def whole_cost(command, count):
    """Of `count` runs, cleaners included, in CPU seconds. What the machine does anyhow is taken off."""
    def during(act):
        begun, busy = time.monotonic(), busy_seconds()
        act()
        return time.monotonic() - begun, busy_seconds() - busy
    idle_time, idle_busy = during(lambda: time.sleep(2))
    def act():
        for i in range(count):
            quiet(command.replace("{}", f"cost-{i}"))
        time.sleep(1)  # what is left to kernel threads
    elapsed, busy = during(act)
    return busy - elapsed * idle_busy / idle_time


def rollup(pid, field):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(field + r":\s+(\d+)", file.read()).group(1))


class Bench:
    def __init__(self):
        for directory in ("tools", "run", "store", "bundle/rootfs/proc", "bundle/rootfs/dev", "bundle/rootfs/sys"):
            os.makedirs(f"{WORK}/{directory}")
        sources, compiler = PROJECT + "/tests/bench", ["g++", "-std=gnu++23"]
        subprocess.run([*compiler, "-O2", "-static", sources + "/pace.cc", "-o", WORK + "/tools/pace"], check=True)
        subprocess.run([*compiler, "-Os", "-ffreestanding", "-fno-pic", "-nostdlib", "-static", "-s", sources + "/nothing.cc", "-o",
                        ROOTFS + "/nothing"], check=True)
        self.runtimes = find_runtimes()
        self.values = {}
        self.ends, self.stays = bundle("ends"), bundle("stays", "stay")
        self.tare = self.runtimes["tare-runtime"]

    def each(self, words):
        """`words` of every runtime; ID stands for a container, in the runtime's own name."""
        return {name: f"{command} {words.replace('ID', name.replace(' ', '-') + '-{}')}" for name, command in self.runtimes.items()}

    def note(self, measure, value, than=None):
        self.values[measure, than] = value

    def note_ratios(self, paced, measure, *others, as_measure=None):
        for other in others:
            if other in paced.times[measure]:
                self.note(as_measure or measure, paced.ratio(measure, "tare-runtime", other), other)

    def clean_up(self):
        for command in self.runtimes.values():
            with contextlib.suppress(subprocess.CalledProcessError):
                for one in output(command + " list -q").split():
                    quiet(f"{command} delete -f {one}")
        with contextlib.suppress(subprocess.CalledProcessError):
            for one in output(ENGINE + " ps -aq --no-trunc").split():
                quiet(f"{ENGINE} rm -f {one}")
        if shutil.which("podman"):
            quiet(PODMAN + " rm -f -a -t 0")

    def runs(self):
        commands = {"floor": FLOOR, **self.each(f"run -b {self.ends} ID")}
        for measure, gap in (("run, back to back", 0), ("run, 100 ms apart", 100)):
            paced = Paced({measure: commands}, gap=gap)
            paced.table("a container that does nothing")
            self.note_ratios(paced, measure, "floor", NEWEST)
        self.note("resident at most in create and run, KiB", paced.resident[measure, "tare-runtime"])
        paced = Paced({"run, 32 at once": commands}, rounds=max(3, ROUNDS // 20), copies=32)
        paced.table("many at once, the time of each")
        self.note_ratios(paced, "run, 32 at once", "floor", NEWEST)

    def slow_hook(self):
        def add(config):
            config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "5"]}]}
        slow = bundle("slow", change=add)
        sleepers = [subprocess.Popen(f"{self.tare} run -b {slow} slow-{i}".split(), stdin=subprocess.DEVNULL) for i in range(4)]
        time.sleep(0.5)
        run = f"{self.tare} run -b {self.ends} "
        beside = Paced({"run beside hooks that sleep": {"tare-runtime": run + "beside-{}"}}, rounds=15)
        for one in sleepers:
            one.wait()
        alone = Paced({"run alone": {"tare-runtime": run + "alone-{}"}}, rounds=15)
        self.note("run beside hooks that sleep", beside.median("run beside hooks that sleep", "tare-runtime") /
                  alone.median("run alone", "tare-runtime"), "run alone")

    def seccomp(self):
        profile = "/usr/share/containers/seccomp.json"
        if not os.path.exists(profile):
            return print(f"(there is no {profile} here)\n")
        with open(profile, encoding="utf-8") as file:
            known = json.load(file)
        rules = []
        for rule in known["syscalls"]:
            if rule.get("includes", {}).get("caps") or rule.get("includes", {}).get("arches") not in (None, ["amd64"]):
                continue
            rules.append({key: rule[key] for key in ("names", "action", "args", "errnoRet") if rule.get(key) is not None})

        def add(config):
            config["linux"]["seccomp"] = {"defaultAction": known["defaultAction"], "syscalls": rules,
                                          "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]}
        filtered = bundle("filtered", change=add)
        paced = Paced({"run": {"tare-runtime": f"{self.tare} run -b {self.ends} plain-{{}}",
                               "with the distribution's profile": f"{self.tare} run -b {filtered} filtered-{{}}"},
                       "run with it": self.each(f"run -b {filtered} ID")})
        paced.table("a seccomp profile")
        pairs = zip(paced.times["run"]["with the distribution's profile"], paced.times["run"]["tare-runtime"])
        self.note("extra for the default seccomp policy, ms", statistics.median(one - other for one, other in pairs))
        self.note("tare's own policy into the kernel, ms", float(output(f"{BIN}/load_filter {ROUNDS * 10}").split()[1]))

    def life(self):
        paced = Paced({"create": self.each(f"create -b {self.stays} ID"), "state": self.each("state ID"),
                       "start": self.each("start ID"), "exec": self.each("exec ID /nothing"),
                       "delete --force": self.each("delete --force ID")})
        paced.table("one container's life")
        for measure in paced.times:
            self.note_ratios(paced, measure, NEWEST)
        self.note("resident at most in create and run, KiB",
                  max(self.values["resident at most in create and run, KiB", None], paced.resident["create", "tare-runtime"]))

    def exec(self):
        for command in self.each(f"run -d -b {self.stays} ID").values():
            quiet(command.replace("{}", "box"))
        pid = json.loads(output(self.tare + " state tare-runtime-box"))["pid"]
        commands = {name: command.replace("{}", "box") for name, command in self.each("exec ID /nothing").items()}
        paced = Paced({"exec": {"floor": f"{BIN}/floor exec {pid} /nothing", **commands}})
        paced.table("a program in a container that runs")
        self.note_ratios(paced, "exec", "floor", NEWEST)
        self.clean_up()

    def many(self):
        run = {"floor": FLOOR, "tare-runtime": f"{self.tare} run -b {self.ends} beside-{{}}"}
        none = Paced({"run": run})
        for count in (100, 1000):
            others = self.runtimes if count == 100 else {"tare-runtime": self.tare}
            for name, command in others.items():
                for i in range(count):
                    quiet(f"{command} create -b {self.stays} {name.replace(' ', '-')}-many-{i}")
            paced = Paced({f"list of {count}": {name: command + " list" for name, command in others.items()}}, rounds=max(5, ROUNDS // 2))
            paced.table("containers that were created")
            self.note(f"list of {count}, ms", paced.median(f"list of {count}", "tare-runtime"))
        pid = json.loads(output(self.tare + " state tare-runtime-many-50"))["pid"]
        self.note("of an init that waits, PSS, KiB", rollup(pid, "Pss"))
        some = Paced({"run": run})
        self.note("growth of run, 0 to 1000 containers",
                  some.ratio("run", "tare-runtime", "floor") / none.ratio("run", "tare-runtime", "floor") - 1)
        self.clean_up()

    def mounts(self):
        run = {"floor": FLOOR, "tare-runtime": f"{self.tare} run -b {self.ends} mounts-{{}}"}
        few = Paced({"run, few mounts": run})
        places = [f"{WORK}/mounts/{i}" for i in range(970)]
        for place in places:
            os.makedirs(place)
            quiet(f"mount --bind {place} {place}")
        many = Paced({"run, 970 mounts more": run})
        for place in places:
            quiet(f"umount {place}")
        few.table("the host's mounts")
        many.table("the host's mounts")
        self.note("growth of run, 30 to 1000 host mounts",
                  many.median("run, 970 mounts more", "tare-runtime") / few.median("run, few mounts", "tare-runtime") - 1)
        self.note("growth of the floor's", many.median("run, 970 mounts more", "floor") / few.median("run, few mounts", "floor") - 1)

    def cost(self):
        costs = {"floor": whole_cost(FLOOR, 300)}
        for name, command in self.each(f"run -b {self.ends} ID").items():
            costs[name] = whole_cost(command, 300)
        print("| CPU time of the whole machine for 300 runs | s |\n|---|---|")
        for name, seconds in costs.items():
            print(f"| {name} | {seconds:.2f} |")
        print()
        if NEWEST in costs:
            self.note("CPU time of 300 runs", costs["tare-runtime"] / costs[NEWEST], NEWEST)

    def engine(self):
        run = {"tare": f"{ENGINE} run --rm --network none {ROOTFS} /nothing"}
        execs = {}
        quiet(f"{ENGINE} run -d --name box --network none {ROOTFS} /nothing stay")
        execs["tare"] = f"{ENGINE} exec box /nothing"
        podman = shutil.which("podman") and PODMAN
        if podman:
            # Its own default is more than a root without CAP_SYS_RESOURCE may give.
            limits = "--ulimit nofile=1024:1024 --ulimit nproc=1024:1024"
            run["podman"] = f"{podman} run --rm {limits} --network none --rootfs {ROOTFS} /nothing"
            quiet(f"{podman} run -d --name box {limits} --network none --rootfs {ROOTFS} /nothing stay")
            execs["podman"] = f"{podman} exec box /nothing"
        else:
            print("(there is no podman here)\n")
        paced = Paced({"run --rm": run, "exec": execs}, rounds=max(5, ROUNDS // 5))
        paced.table("engines")
        for measure in paced.times:
            if podman:
                self.note("engine " + measure, paced.ratio(measure, "tare", "podman"), "podman")
        monitor = json.loads(output(f"{ENGINE} inspect box"))[0]["State"]["Pid"]
        with open(f"/proc/{monitor}/status", encoding="ascii") as file:
            monitor = re.search(r"PPid:\s+(\d+)", file.read()).group(1)
        self.note("private dirty of a monitor, KiB", rollup(monitor, "Private_Dirty"))
        if podman:
            quiet(podman + " rm -f -t 0 box")
        quiet(ENGINE + " rm -f box")

    def engine_lists(self):
        for _ in range(1000):
            quiet(f"{ENGINE} run --network none {ROOTFS} /nothing")
        for _ in range(100):
            quiet(f"{ENGINE} run -d --network none {ROOTFS} /nothing stay")
        paced = Paced({"ps": {"tare": ENGINE + " ps"}, "ps -a": {"tare": ENGINE + " ps -a"}}, rounds=max(5, ROUNDS // 2))
        paced.table("1,000 containers that have ended and 100 that run")
        self.note("engine ps -a of 1100, ms", paced.median("ps -a", "tare"))
        for one in output(ENGINE + " ps -q --no-trunc").split():
            quiet(f"{ENGINE} rm -f {one}")

    def counts(self):
        trace = WORK + "/strace"
        quiet(f"strace -f -qq -o {trace} {self.tare} run -b {self.ends} counted")
        with open(trace, encoding="utf-8", errors="replace") as lines:
            calls = [line for line in lines if " resumed>" not in line and "+++" not in line and "---" not in line]
        self.note("system calls of a run", len(calls))
        for name in ("tare-init", "tare-runtime", "tare"):
            self.note(f"size of {name}, KiB", os.path.getsize(f"{BIN}/{name}") / 1024)

    def verdict(self):
        with open(PROJECT + "/tests/bench/budgets.json", encoding="utf-8") as file:
            budgets = json.load(file)
        print("| budget | measured | at most | aim | |\n|---|---|---|---|---|")
        within = True
        for budget in budgets:
            than = budget.get("than")
            value = self.values.get((budget["measure"], than))
            words = budget["measure"] + (f", as multiple of {than}" if than else "")
            limits = [f"{budget[key]:g}" if key in budget else "" for key in ("at_most", "aim")]
            if value is None:
                print(f"| {words} | not measured here | {limits[0]} | {limits[1]} | |")
                continue
            within = within and value <= budget.get("at_most", value)
            mark = "✗" if value > budget.get("at_most", value) else "✓✓" if value <= budget.get("aim", -1) else "✓"
            print(f"| {words} | {value:.3g} | {limits[0]} | {limits[1]} | {mark} |")
        return within


def main():
    bench = Bench()
    versions = [output(command.split()[0] + " --version").splitlines()[0] for command in bench.runtimes.values()]
    mode = "v2" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "v1"
    print(f"Machine: {os.cpu_count()} CPUs, Linux {os.uname().release}, cgroup {mode}, state in memory. {'; '.join(versions)}.\n")
    print(f"Measured by `./dev bench {ROUNDS}`; the container's program ends at once and has no C library.\n")
    try:
        for part in (bench.runs, bench.slow_hook, bench.seccomp, bench.life, bench.exec, bench.many, bench.mounts, bench.cost,
                     bench.engine, bench.engine_lists, bench.counts):
            part()
    finally:
        bench.clean_up()
    return 0 if bench.verdict() else 1


if __name__ == "__main__":
    sys.exit(main())
