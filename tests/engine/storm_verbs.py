"""The storm of all commands: whichever process of whichever command is killed, what was reported as done stays done,
and each container is in one of the states that its commands lead through. States are as `inspect` tells them."""
import json
import os
import re
import time

from storm_tools import *  # pylint: disable=wildcard-import,unused-wildcard-import

most_boxes = 5
keeper = ["sh", "-c", 'trap "exit 7" TERM; echo ready; while :; do sleep 1000 & wait $!; done']
executed = ["sleep", "4321"]
stopped = {"exited 7", "exited 137", "exited 143"}  # it may not have set its trap yet, and with --init TERM ends it then
killed = {"exited 255", "exited 137"}  # its monitor; its first process
unstarted = {"exited 125", "exited 255"}  # the same before its command ran
living = {"running", "paused"}


def is_still(state):
    return state not in living and state != "absent"


class Verb:
    """words: of the command line. after(state): what success makes of it, or None where there is none. between: what
    an interruption may leave besides."""

    def __init__(self, words, after, between=frozenset(), blocks=False, more=()):
        self.words, self.after, self.between, self.blocks, self.more = words.split(), after, between, blocks, list(more)


def stays(state):
    return {state} if state != "absent" else None


makers = [
    Verb("create", lambda state: {"created"}, {"exited 255"}),
    Verb("run -d", lambda state: {"running"}, unstarted | killed | {"created"}),
    Verb("run -d --rm", lambda state: {"running"}, unstarted | killed | {"created"}),
    Verb("run -d --init", lambda state: {"running"}, unstarted | killed | {"created"}),
]
others_verbs = [
    Verb("start", lambda state: {"running"} if is_still(state) or state == "running" else None, unstarted | killed),
    Verb("stop -t 1", lambda state: stopped if state in living else stays(state), living | killed),
    Verb("kill", lambda state: {"exited 137"} if state in living else None, killed),
    Verb("restart -t 1", lambda state: {"running"} if state != "absent" else None, stopped | unstarted | killed),
    Verb("pause", lambda state: {"paused"} if state == "running" else None),
    Verb("unpause", lambda state: {"running"} if state == "paused" else None),
    Verb("rename", stays, more=["NAME"]),
    Verb("exec", lambda state: {state} if state == "running" else None, more=["sleep", "0.05"]),
    Verb("exec -d", lambda state: {state} if state == "running" else None, more=executed),
    Verb("rm", lambda state: {"absent"} if is_still(state) else None),
    Verb("rm -f", lambda state: {"absent"}, killed),
    Verb("ps -a", lambda state: {state}),
    Verb("inspect", stays),
    Verb("logs -f", stays, blocks=True),
    Verb("attach", lambda state: {state} if state == "running" else None, blocks=True),
    Verb("wait", stays, blocks=True),
]


class Box:
    """A container as far as it is known: the states it may be in, and the names it may have."""

    def __init__(self, name, is_removed):
        self.id, self.names, self.is_removed, self.states = "", {name}, is_removed, {"absent"}
        self.pending = set()  # what a kill may yet make of it

    def key(self):
        return self.id or min(self.names)

    def allow(self, states):
        states = states | self.pending
        gone = {state for state in states if state.startswith("exited")} if self.is_removed else set()
        self.states = (states - gone) | ({"absent"} if gone else set())


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def command_name(pid):
    return read(f"/proc/{pid}/comm").strip()


def parent_of(pid):
    found = re.search(r"^PPid:\t(\d+)", read(f"/proc/{pid}/status"), re.M)
    return int(found.group(1)) if found else 0


class VerbStorm:
    def __init__(self, count):
        self.count = count
        self.random = make_random("any")
        self.boxes, self.gone = [], []
        self.number = 0
        self.hits = {}
        self.seconds = {}

    def new_name(self):
        self.number += 1
        return f"storm{self.number}"

    def choose(self):
        if len(self.boxes) < most_boxes and self.random.random() < (0.3 if self.boxes else 1):
            verb = self.random.choice(makers)
            box = Box(self.new_name(), "--rm" in verb.words)
            self.boxes.append(box)
            if self.random.random() < 0.2:
                return verb, box, verb.words + ["--name", box.key(), "--cgroup-parent", "/storms/inner", rootfs] + keeper
            return verb, box, verb.words + ["--name", box.key(), rootfs] + keeper
        box = self.random.choice(self.boxes)
        verb = self.random.choice([verb for verb in others_verbs if any(map(verb.after, box.states))])
        self.name = self.new_name() if verb.more == ["NAME"] else None
        more = [self.name] if self.name else verb.more
        return verb, box, verb.words + ([] if verb.words[0] == "ps" else [box.key()]) + more

    def choose_victim(self, client):
        """Half of the time the client, else any kind of process that is there, those in containers among them."""
        if client.poll() is None and self.random.random() < 0.5:
            return client.pid
        kinds = {}
        for pid in others():
            if pid != client.pid:
                kinds.setdefault(command_name(pid), []).append(pid)
        return self.random.choice(kinds[self.random.choice(sorted(kinds))]) if kinds else None

    def box_hit(self, pid, verb, box):
        """The container that ends with this process, if any."""
        if command_name(pid) == "tare: exec" or (verb.words[0] == "exec" and "tare-" not in read(f"/proc/{pid}/cgroup")):
            return None
        found = re.search(r"tare-([0-9a-f]{64})", read(f"/proc/{pid}/cgroup"))
        if not found:
            return box
        for other in self.boxes:
            if other.id == found.group(1):
                return other
        return box

    def strike(self):
        verb, box, words = self.choose()
        kind = " ".join(verb.words)
        duration = self.seconds.get(kind, 0.05)
        delay = self.random.uniform(0, 0.9 * min(duration, 0.3))
        before, names = set(box.states), set(box.names)
        begin = time.perf_counter()
        client = start(words)
        pause_until(begin + delay)
        victim = client.pid if verb.blocks and client.poll() is None else self.choose_victim(client)
        what, hit_box = "", None
        if victim:
            what = "client" if victim == client.pid else command_name(victim)
            hit_box = None if victim == client.pid else self.box_hit(victim, verb, box)
            if kill(victim):
                self.hits[what] = self.hits.get(what, 0) + 1
            else:
                victim = None
        code, text = finish(client)
        if code == 0 and not victim:
            self.seconds[kind] = time.perf_counter() - begin
        told = f"{' '.join(words[:5])} (killed {what or 'nobody'} after {delay * 1000:.1f} ms of {duration * 1000:.1f}: {code} {text!r}; before {before})"
        self.conclude(verb, box, code, text, bool(victim), told)
        if hit_box and victim:
            if hit_box.states & living or hit_box is box:
                hit_box.pending = killed
                hit_box.allow(hit_box.states)
        return told

    def conclude(self, verb, box, code, text, is_hit, told):
        if found := re.search(r"^[0-9a-f]{64}$", text, re.M):
            box.id = box.id or found.group(0)
        done = set().union(*(verb.after(state) or set() for state in box.states))
        # What has said its id or name has done what it was to do.
        is_done = code == 0 or (verb in makers and box.id)
        if is_done:
            box.allow(done)
        elif len(box.states) > 1 and "in use" in text:
            pass  # by what the command before left, which may be about to start it
        elif is_hit or not all(map(verb.after, box.states)) or (box.is_removed and verb.words[0] != "create"):
            box.allow(box.states | done | verb.between | ({"exited 255"} if "created" in box.states else set()))
        else:
            fail(f"it did not succeed: {told}")
        if verb.more == ["NAME"]:
            box.names = {self.name} if is_done else box.names | {self.name}

    def inspect(self, key):
        """Once nobody is about to change it: a lock that was left is gone after one look."""
        limit = time.monotonic() + 20
        while True:
            code, output, error = call("inspect", key)
            known = json.loads(output) if code == 0 else []
            if not known or known[0]["State"]["Status"] in living or time.monotonic() > limit:
                return code, output, error
            if not os.path.exists(f"{store}/locks/{known[0]['Id']}"):
                return code, output, error
            time.sleep(0.01)

    def check(self, told):
        """Each container is in one of its states; looking settles what nobody is responsible for."""
        for box in list(self.boxes):
            code, output, error = self.inspect(box.key())
            if code != 0 and not box.id:
                for name in box.names:
                    if (found := call("inspect", name))[0] == 0:
                        code, output, error = found
            if code != 0:
                state, name = "absent", None
                if "No such object" not in error:
                    fail(f"inspect: {error}: {told}")
            else:
                object = json.loads(output)[0]
                box.id, name = object["Id"], object["Name"][1:]
                state = object["State"]["Status"]
                if state == "exited":
                    state += f" {object['State']['ExitCode']}"
                if object["State"]["ExitCode"] == 255 and object["State"]["Error"] != "its monitor was killed":
                    fail(f"exit code 255 and {object['State']['Error']!r}: {told}")
            if state not in box.states:
                fail(f"{box.key()} is {state}, not {box.states}: {told}")
            if name and name not in box.names:
                fail(f"{box.key()} is named {name}, not {box.names}: {told}")
            for other in box.names - {name}:
                if call("inspect", other)[0] == 0:
                    fail(f"{box.key()} is named {name}, and {other}, too: {told}")
            if state == "absent":
                self.boxes.remove(box)
                self.gone.append(box.key())
                continue
            box.names = {name}
            box.pending = set()
            # A signal may be on its way.
            box.allow({state} | (box.states & (stopped | killed) if state in living else set()))

    def await_quiet(self):
        """Until only those are left that belong to running containers."""
        limit = time.monotonic() + 20
        while time.monotonic() < limit:
            reap()
            rest = [pid for pid in others() if not re.search(r"tare-[0-9a-f]{64}", read(f"/proc/{pid}/cgroup"))]
            if not rest:
                return time.sleep(0.05)  # for the end of those that were killed
            time.sleep(0.01)
        fail("processes do not end: " + " ".join(f"{pid} {command_name(pid)}" for pid in rest))

    def check_traces(self, told):
        """Nothing is there but what living containers have."""
        code, _, error = call("ps", "-a")
        if code != 0 or error:
            fail(f"ps: {code} {error}: {told}")
        self.check(told)
        limit = time.monotonic() + 20  # for the end of one that was just killed
        while (left := self.left()) and time.monotonic() < limit:
            time.sleep(0.05)
        for words in left:
            fail(f"{words}: {told}")

    def left(self):
        """What is there of others than living containers, in words."""
        call("ps", "-a")
        ids, live = set(call("ps", "-aq", "--no-trunc")[1].split()), set(call("ps", "-q", "--no-trunc")[1].split())
        held = {f"{id}{end}" for id in live for end in ("", ".json", ".sock")}
        left = []
        for name, allowed in {"containers": ids, "locks": live, "staging": set()}.items():
            if there := set(os.listdir(f"{store}/{name}") if os.path.isdir(f"{store}/{name}") else []) - allowed:
                left.append(f"left in {name}: {there}")
        if there := set(os.listdir(os.environ["TARE_RUN_ROOT"] + "/containers")) - held:
            left.append(f"left in the run root: {there}")
        if len(os.listdir(f"{store}/names")) > len(ids):
            left.append(f"names: {os.listdir(f'{store}/names')} of {len(ids)} containers")
        for _, directories, _ in os.walk("/sys/fs/cgroup"):
            left += [f"left: cgroup {name}" for name in directories if name.startswith("tare-") and name[5:69] not in live]
        left += ["an executed process has lost its monitor" for pid in others()
                 if read(f"/proc/{pid}/cmdline").split("\0")[:2] == executed and command_name(parent_of(pid)) != "tare: exec"]
        return left

    def run(self):
        for arguments in (["run", "--rm", rootfs, "true"], ["ps"]):
            code, output, error = call(*arguments)
            if code != 0:
                raise SystemExit(f"{arguments}: {code} {output} {error}")
        before = state()
        number = -1
        while sum(self.hits.values()) < self.count and len(failures) < 10:
            number += 1
            told = f"{number}: {self.strike()}"
            if self.random.random() < 0.5:  # some meet what the one before left
                time.sleep(0.03)
                self.await_quiet()
                self.check(told)
            if number % 10 == 9:
                self.await_quiet()
                self.check_traces(told)
        self.await_quiet()
        self.check_traces("at the end")
        for name in self.gone:
            if call("inspect", name)[0] == 0:
                fail(f"{name} was gone and is there again")
        for box in self.boxes:
            if (result := call("rm", "-f", box.key()))[0] != 0:
                fail(f"rm -f {box.key()}: {result}")
        wait_until_alone(20)
        call("ps")
        if left := difference(before, state()):
            fail(f"left after rm:\n{left}")
        print(f"any: {number + 1} commands on {self.number} names; hit: {self.hits}", flush=True)
