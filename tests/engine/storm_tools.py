"""What the storms of kills are made of. It runs as the first process of a private machine (helpers.bash)."""
import difflib
import os
import random
import signal
import subprocess
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
    """How long it takes at its quickest: what is to be hit within that time must still run then."""
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


def make_random(what):
    first = int(os.environ.get("STORM_START") or int.from_bytes(os.urandom(4), "big"))
    print(f"{what}: start={first}", flush=True)
    return random.Random(first)
