"""Commands under strace(1): which system calls each of a runtime's own processes makes, and one of them spoiled.

The runtime's processes are the command itself (number 0) and those that it makes, in the order of their birth, each
until it becomes a program of somebody else's. strace counts calls per process but injects into every process that it
follows, so it follows just one. A child is caught at its birth with ptrace(2) and handed over stopped.
"""
import contextlib
import ctypes
import os
import re
import signal
import subprocess

TRACEME, CONT, DETACH, SETOPTIONS = 0, 7, 17, 0x4200
EVENT_EXEC = 4
BIRTHS_AND_EXEC = 1 << 1 | 1 << 2 | 1 << 3 | 1 << EVENT_EXEC
ANY_KIND = 0x40000000  # waitpid(2): __WALL
SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


SECONDS = 15  # that any command may take; the runtime itself waits for nobody longer than that


class Hang(Exception):
    """A command did not end in time."""


def become_subreaper():
    """Whatever the runtime's commands leave behind becomes a child of this process."""
    libc.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def spawn(argv, output, errors, traced=False):
    """The pid of a command that was started with nothing to read."""
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(errors, 2)
            if traced:
                libc.ptrace(TRACEME, 0, None, None)
            os.execvp(argv[0], argv)
        finally:
            os._exit(127)
    return pid


@contextlib.contextmanager
def time_limit():
    """Within it something has to end; else that is a Hang."""
    def stop(*_):
        raise Hang
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


def run(argv, output, errors):
    """The exit status of a command, negative for a signal. Orphans are reaped meanwhile, as by every first process:
    one in a pid namespace that nobody reaps keeps the container from ending."""
    command = spawn(argv, output, errors)
    with time_limit():
        while True:
            pid, status = os.waitpid(-1, ANY_KIND)
            if pid == command:
                return os.waitstatus_to_exitcode(status)


def attach(pid, log, options):
    """Has strace follow a process; returns when it does."""
    tracer = subprocess.Popen(["strace", "-o", log, *options, "-p", str(pid)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    line = tracer.stderr.readline()
    tracer.stderr.close()
    if b"attached" not in line:
        raise RuntimeError(f"strace: {line.decode()}")


def is_foreign(pid):
    """Whether it has become a program that is not the runtime's."""
    try:
        program = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return True
    return "tare-init" not in program and "tare-runtime" not in program


def run_following(argv, output, errors, child=0, log=None, options=()):
    """The exit status of a command, and how many children the runtime's processes had; one of them is followed by
    strace from its first instruction on."""
    command = spawn(argv, output, errors, traced=True)
    os.waitpid(command, ANY_KIND)
    libc.ptrace(SETOPTIONS, command, None, BIRTHS_AND_EXEC)
    libc.ptrace(CONT, command, None, 0)
    own, births, ended = {command}, 0, None
    with time_limit():
        while ended is None:
            pid, status = os.waitpid(-1, ANY_KIND)
            event = status >> 16
            if not os.WIFSTOPPED(status):
                own.discard(pid)
                ended = os.waitstatus_to_exitcode(status) if pid == command else None
            elif pid not in own:
                births += 1
                if births == child:
                    libc.ptrace(DETACH, pid, None, signal.SIGSTOP)
                    attach(pid, log, options)
                    os.kill(pid, signal.SIGCONT)
                else:
                    own.add(pid)
                    libc.ptrace(SETOPTIONS, pid, None, BIRTHS_AND_EXEC)
                    libc.ptrace(CONT, pid, None, 0)
            elif event == EVENT_EXEC and is_foreign(pid):
                own.discard(pid)
                libc.ptrace(DETACH, pid, None, 0)
            else:
                libc.ptrace(CONT, pid, None, 0 if event else os.WSTOPSIG(status))
        for pid in own:
            let_go(pid)
    return ended, births


def let_go(pid):
    """Follows a process no longer. It can be told so only while it is stopped."""
    try:
        os.kill(pid, signal.SIGSTOP)
        status = 0
        while not (os.WIFSTOPPED(status) and status >> 8 == signal.SIGSTOP):
            status = os.waitpid(pid, ANY_KIND)[1]
            if not os.WIFSTOPPED(status):
                return
            if status >> 8 != signal.SIGSTOP:
                libc.ptrace(CONT, pid, None, 0)
        libc.ptrace(DETACH, pid, None, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def calls_of(log):
    """The names of the calls in a log of strace's, in order, up to the execve(2) that makes it another's process."""
    calls = []
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if match := re.match(r"(\w+)\(", line):
                calls.append(match.group(1))
                if match.group(1) == "execve" and len(calls) > 1 and line.endswith("= 0\n"):
                    break
    return calls


def injected(log):
    """The line that says that strace came to do what it was to do, or nothing."""
    try:
        with open(log, encoding="utf-8", errors="replace") as lines:
            return next((line for line in lines if "(INJECTED)" in line or "+++ killed by SIGKILL" in line), "")
    except FileNotFoundError:
        return ""
