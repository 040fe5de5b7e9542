"""What a person or a script does with a client of tare: scenarios on terminals and pipes, one function each.
client.py SCENARIO runs one; TARE_BIN_DIR, TARE_ROOT, TARE_RUN_ROOT and ROOTFS are the test's."""
import fcntl
import hashlib
import os
import pty
import random
import select
import signal
import struct
import subprocess
import sys
import termios
import time

TARE = os.environ["TARE_BIN_DIR"] + "/tare"
ROOTFS = os.environ.get("ROOTFS", "")
PATIENCE = 60  # seconds; only a failing test waits that long


def tare(*words):
    """A command's standard output."""
    done = subprocess.run([TARE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.stdout.decode()


def run_words(*words, name="box", options=()):
    return [TARE, "run", "--rm", "--name", name, *options, ROOTFS, *words]


def running(name="box"):
    return name in tare("ps").split()


def eventually(condition, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("never happened: " + what)


def remove(name="box"):
    """The container goes on without its client; `rm -f` ends it."""
    assert running(name), "the container should go on"
    assert tare("rm", "-f", name) == name + "\n"
    eventually(lambda: not tare("ps", "-aq"), "the container is gone")


class Terminal:
    """A terminal of its own, in whose foreground a program runs as session leader."""

    def __init__(self, words, rows=24, columns=80):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.modes = termios.tcgetattr(self.master)
        self.text = b""
        self.held = slave  # so that its modes can be read after the program's end
        self.program = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave,
                                        preexec_fn=lambda: (os.setsid(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)))

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text)

    def read_until(self, wanted):
        """What the terminal shows up to and including `wanted`, which is taken away."""
        end = time.monotonic() + PATIENCE
        while wanted not in self.text:
            left = end - time.monotonic()
            assert left > 0, f"{wanted} never came: {self.text}"
            if select.select([self.master], [], [], min(left, 0.5))[0]:
                self.text += os.read(self.master, 65536)
            elif self.program.poll() is not None:
                raise AssertionError(f"it ended before {wanted}: {self.text}")
        at = self.text.index(wanted) + len(wanted)
        shown, self.text = self.text[:at], self.text[at:]
        return shown

    def wait(self):
        """The program's exit code; what it shows meanwhile is read."""
        end = time.monotonic() + PATIENCE
        while self.program.poll() is None:
            assert time.monotonic() < end, f"it does not end: {self.text}"
            if select.select([self.master], [], [], 0.05)[0]:
                self.text += os.read(self.master, 65536)
        while select.select([self.master], [], [], 0)[0]:
            self.text += os.read(self.master, 65536)
        return self.program.returncode

    def modes_are_restored(self):
        assert termios.tcgetattr(self.held) == self.modes, "the terminal's modes were not restored"

    def modes_are_raw(self):
        return not termios.tcgetattr(self.held)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def hang_up(self):
        os.close(self.held)
        os.close(self.master)


def piped(words, **more):
    return subprocess.Popen(words, **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                                      "stderr": subprocess.DEVNULL, **more})


TRAP = "trap 'echo told; exit 7' TERM INT; echo ready; while :; do sleep 0.05; done"


# --- signals -----------------------------------------------------------------------------------------------------

def ctrl_c_goes_to_the_container_on_a_terminal():
    terminal = Terminal(run_words("sh", "-c", TRAP, options=["-it"]))
    terminal.read_until(b"ready\r\n")
    assert terminal.modes_are_raw()
    terminal.type(b"\x03")
    terminal.read_until(b"told\r\n")
    assert terminal.wait() == 7
    terminal.modes_are_restored()


def ctrl_c_is_passed_on_without_a_terminal_of_the_containers():
    terminal = Terminal(run_words("sh", "-c", TRAP))
    terminal.read_until(b"ready\r\n")
    terminal.type(b"\x03")
    terminal.read_until(b"told\r\n")
    assert terminal.wait() == 7
    terminal.modes_are_restored()


def ctrl_c_on_a_terminal_without_input_is_passed_on():
    terminal = Terminal(run_words("sh", "-c", "trap 'exit 6' INT; echo ready; while :; do sleep 0.05; done", options=["-t"]))
    terminal.read_until(b"ready")
    terminal.type(b"\x03")
    assert terminal.wait() == 6


def sigterm_is_passed_on_without_a_terminal():
    client = piped(run_words("sh", "-c", TRAP))
    assert client.stdout.readline() == b"ready\n"
    client.send_signal(signal.SIGTERM)
    assert client.stdout.read() == b"told\n"
    assert client.wait(PATIENCE) == 7


def other_signals_are_passed_on_without_a_terminal():
    for name in "HUP", "QUIT", "USR1", "USR2", "ALRM", "CONT", "PWR", "IO", "PROF", "VTALRM", "WINCH":
        client = piped(run_words("sh", "-c", f"trap 'echo {name}; exit 9' {name}; echo ready; while :; do sleep 0.05; done"))
        assert client.stdout.readline() == b"ready\n"
        client.send_signal(getattr(signal, "SIG" + name))
        assert client.stdout.read() == name.encode() + b"\n"
        assert client.wait(PATIENCE) == 9


def real_time_signals_are_passed_on_without_a_terminal():
    number = signal.SIGRTMIN + 3
    client = piped(run_words("sh", "-c", f"trap 'echo told; exit 9' {int(number)}; echo ready; while :; do sleep 0.05; done"))
    assert client.stdout.readline() == b"ready\n"
    client.send_signal(number)
    assert client.stdout.read() == b"told\n"
    assert client.wait(PATIENCE) == 9


def a_signal_at_any_moment_leaves_no_container_behind_its_client():
    begin = time.monotonic()
    assert piped(run_words("true")).wait(PATIENCE) == 0
    duration = time.monotonic() - begin
    codes = {}
    for _ in range(60):
        client = piped(run_words("sleep", "0.3"))
        time.sleep(random.uniform(0, 1.2 * duration))
        client.send_signal(signal.SIGTERM)
        code = client.wait(PATIENCE)
        # Killed before there was a container; given up; passed on to a sleep that does not listen, being the first process.
        assert code in (-signal.SIGTERM, 128 + signal.SIGTERM, 0), code
        assert tare("ps", "-aq") == "", f"a container goes on after its client ended with {code}"
        codes[code] = codes.get(code, 0) + 1
    print(codes)
    assert len(codes) > 1, codes


def the_third_request_ends_the_client_of_a_container_that_does_not_listen():
    client = piped(run_words("sh", "-c", "echo ready; while :; do sleep 1; done"), stderr=subprocess.PIPE)
    assert client.stdout.readline() == b"ready\n"
    for number in signal.SIGTERM, signal.SIGINT:
        client.send_signal(number)
        time.sleep(0.3)
        assert client.poll() is None, "the container's first process has no handler, so nothing happens"
    client.send_signal(signal.SIGTERM)
    assert client.wait(PATIENCE) == 1
    assert b"got 3 SIGTERM/SIGINTs, forcefully exiting" in client.stderr.read()
    remove()


def end_client(terminal):
    """The third request ends a client whose container does not listen."""
    for _ in range(3):
        terminal.program.send_signal(signal.SIGTERM)
        time.sleep(0.2)


def signals_to_the_client_of_a_terminal_are_the_containers():
    terminal = Terminal(run_words("sh", "-c", "trap 'echo told; exit 9' TERM; echo ready; while :; do sleep 0.05; done", options=["-it"]))
    terminal.read_until(b"ready")
    terminal.program.send_signal(signal.SIGTERM)
    assert terminal.wait() == 9
    assert b"told" in terminal.text
    terminal.modes_are_restored()


def the_third_sigterm_ends_the_client_of_a_terminal_and_the_container_goes_on():
    terminal = Terminal(run_words("sh", "-c", "echo ready; sleep 1000", options=["-it"]))
    terminal.read_until(b"ready")
    end_client(terminal)
    assert terminal.wait() == 1
    terminal.modes_are_restored()
    remove()


def sigkill_of_the_client_leaves_the_container():
    client = piped(run_words("sh", "-c", "echo ready; sleep 1000"))
    assert client.stdout.readline() == b"ready\n"
    client.kill()
    client.wait()
    time.sleep(0.2)
    remove()


def signals_reach_a_container_whose_output_nobody_reads():
    client = piped(run_words("sh", "-c", "trap 'exit 8' TERM; (yes & yes & wait) & while :; do sleep 0.05; done"))
    time.sleep(1)  # every buffer is full
    client.send_signal(signal.SIGTERM)
    eventually(lambda: not running(), "the container ends though its client still writes")
    assert client.stdout.read().replace(b"y\n", b"") in (b"", b"y")
    assert client.wait(PATIENCE) == 8


# --- terminals and pipes that go away ----------------------------------------------------------------------------

def a_closed_terminal_ends_the_client_and_the_container_goes_on():
    terminal = Terminal(run_words("sh", options=["-it"]))
    terminal.type(b"echo re''ady\n")
    terminal.read_until(b"ready\r\n")
    terminal.hang_up()
    terminal.program.wait(PATIENCE)
    time.sleep(0.3)
    remove()


def a_closed_terminal_that_ignores_sighup_is_no_end_of_input():
    words = run_words("sh", options=["-it"])
    terminal = Terminal(["sh", "-c", 'trap "" HUP; "$@"; exit', "sh", *words])
    terminal.type(b"echo re''ady\n")
    terminal.read_until(b"ready\r\n")
    terminal.hang_up()
    terminal.program.wait(PATIENCE)
    time.sleep(0.3)
    remove()


def a_closed_pipe_ends_the_client_and_the_container_goes_on():
    for words in ["yes"], ["sh", "-c", "while :; do echo y; sleep 0.05; done"]:
        client = piped(run_words(*words))
        assert client.stdout.readline() == b"y\n"
        client.stdout.close()
        assert client.wait(PATIENCE) == -signal.SIGPIPE
        time.sleep(0.3)
        remove()


def a_closed_pipe_with_sigpipe_ignored_is_exit_code_141():
    client = subprocess.Popen(run_words("yes"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              restore_signals=False, preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN))
    client.stdout.readline()
    client.stdout.close()
    assert client.wait(PATIENCE) == 128 + signal.SIGPIPE
    remove()


def a_full_disk_behind_standard_output_ends_the_client():
    with open("/dev/full", "w") as full:
        client = piped(run_words("sh", "-c", "echo x; sleep 1000"), stdout=full)
        assert client.wait(PATIENCE) == 1
    remove()


# --- input -------------------------------------------------------------------------------------------------------

def the_end_of_input_ends_cat():
    client = piped(run_words("cat", options=["-i"]), stdin=subprocess.PIPE)
    client.stdin.write(b"no newline")
    client.stdin.close()
    assert client.stdout.read() == b"no newline"
    assert client.wait(PATIENCE) == 0


def without_i_the_input_is_empty():
    client = piped(run_words("cat"), stdin=subprocess.PIPE)
    assert client.stdout.read() == b""
    assert client.wait(PATIENCE) == 0
    client.stdin.close()


def ctrl_d_ends_input_on_a_terminal():
    terminal = Terminal(run_words("cat", options=["-it"]))
    terminal.type(b"line\n")
    terminal.read_until(b"line\r\nline\r\n")
    terminal.type(b"\x04")
    assert terminal.wait() == 0
    terminal.modes_are_restored()


def a_container_that_does_not_read_its_input_ends_all_the_same():
    for words, code, shown in [(["head", "-n1"], 0, b"y\n"), (["true"], 0, b""), (["sh", "-c", "exec <&-; exit 3"], 3, b"")]:
        for _ in range(8):
            source = subprocess.Popen(["yes"], stdout=subprocess.PIPE)
            client = piped(run_words(*words, options=["-i"]), stdin=source.stdout)
            source.stdout.close()
            assert client.stdout.read() == shown
            assert client.wait(PATIENCE) == code
            source.wait()


def closed_streams_are_not_mistaken_for_others():
    words = " ".join(f"'{word}'" for word in run_words("sh", "-c", "cat; echo out; echo err >&2; exit 5", options=["-i"]))
    for closed, out, err in [("<&-", b"out\n", True), (">&-", b"", True), ("2>&-", b"out\n", False), ("<&- >&- 2>&-", b"", False)]:
        done = subprocess.run(["sh", "-c", f"exec {words} {closed}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
        assert (done.returncode, done.stdout) == (5, out), (closed, done)
        assert done.stderr.endswith(b"err\n") == err, (closed, done)


# --- output ------------------------------------------------------------------------------------------------------

def a_hundred_megabytes_come_back_byte_for_byte():
    size, block = 100_000_000, os.urandom(1 << 20)
    client = piped(run_words("cat", options=["-i"]), stdin=subprocess.PIPE)
    writer = os.fork()
    if writer == 0:
        client.stdout.close()
        left = size
        while left:
            left -= os.write(client.stdin.fileno(), block[:min(left, len(block) - 7)])
        os._exit(0)
    client.stdin.close()
    came, count = hashlib.md5(), 0
    while piece := client.stdout.read1(1 << 20):
        came.update(piece)
        count += len(piece)
    assert os.waitpid(writer, 0)[1] == 0
    assert client.wait(PATIENCE) == 0
    # The writer wrote prefixes of the block, of lengths that only it knows: the container's own sum is the witness.
    assert count == size


def sums_agree_on_both_sides():
    data = os.urandom(20_000_000)
    client = piped(run_words("md5sum", options=["-i"]), stdin=subprocess.PIPE)
    inside, _ = client.communicate(data, PATIENCE)
    assert inside.split()[0].decode() == hashlib.md5(data).hexdigest()
    client = piped(run_words("sh", "-c", "cat; echo end >&2; exit 4", options=["-i"]), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    outside, errors = client.communicate(data, PATIENCE)
    assert outside == data and errors.endswith(b"end\n") and client.returncode == 4


def output_and_errors_stay_apart():
    client = piped(run_words("sh", "-c", "echo out; echo err >&2; printf end"), stderr=subprocess.PIPE)
    out, errors = client.communicate(timeout=PATIENCE)
    assert out == b"out\nend" and errors.endswith(b"err\n") and b"out" not in errors


def a_terminal_merges_output_and_errors():
    client = piped(run_words("sh", "-c", "echo out; echo err >&2", options=["-t"]), stderr=subprocess.PIPE)
    out, errors = client.communicate(timeout=PATIENCE)
    assert out == b"out\r\nerr\r\n", out
    assert b"err\r\n" not in errors


def every_byte_comes_through():
    data = bytes(range(256)) * 16
    client = piped(run_words("cat", options=["-i"]), stdin=subprocess.PIPE)
    assert client.communicate(data, PATIENCE)[0] == data


def a_slow_reader_loses_nothing():
    client = piped(run_words("sh", "-c", "seq 1 60000; echo end"))
    time.sleep(0.5)
    shown = b""
    while piece := os.read(client.stdout.fileno(), 3000):
        shown += piece
        time.sleep(0.001)
    assert shown == b"".join(b"%d\n" % i for i in range(1, 60001)) + b"end\n"
    assert client.wait(PATIENCE) == 0


def a_stopped_client_goes_on_where_it_was():
    client = piped(run_words("sh", "-c", "echo ready; i=0; while [ $i -lt 20 ]; do echo $i; i=$((i+1)); sleep 0.05; done; exit 6"))
    assert client.stdout.readline() == b"ready\n"
    client.send_signal(signal.SIGSTOP)
    time.sleep(2)
    client.send_signal(signal.SIGCONT)
    assert client.stdout.read() == b"".join(b"%d\n" % i for i in range(20))
    assert client.wait(PATIENCE) == 6


def a_container_ends_though_its_client_is_stopped():
    words = [TARE, "run", "--name", "box", ROOTFS, "sh", "-c", "echo ready; sleep 0.5; yes | head -c 3000000; exit 3"]
    client = piped(words)
    assert client.stdout.readline() == b"ready\n"
    client.send_signal(signal.SIGSTOP)
    # More than fits between them is written: the container waits for its client.
    time.sleep(1)
    assert running()
    assert tare("rm", "-f", "box") == "box\n"
    assert not tare("ps", "-aq")
    client.send_signal(signal.SIGCONT)
    client.stdout.read()
    assert client.wait(PATIENCE) == 137


def the_end_is_recorded_though_nobody_reads_the_last_words():
    words = [TARE, "run", "--name", "box", ROOTFS, "sh", "-c", "echo ready; sleep 0.5; yes | head -c 30000; exit 3"]
    client = piped(words)
    assert client.stdout.readline() == b"ready\n"
    client.send_signal(signal.SIGSTOP)
    eventually(lambda: "Exited (3)" in tare("ps", "-a"), "the container has ended")
    client.send_signal(signal.SIGCONT)
    assert client.stdout.read() == b"y\n" * 15000
    assert client.wait(PATIENCE) == 3
    assert tare("rm", "box") == "box\n"


# --- terminals ---------------------------------------------------------------------------------------------------

def the_window_size_is_there_from_the_start():
    for _ in range(10):
        terminal = Terminal(run_words("stty", "size", options=["-it"]), rows=33, columns=77)
        terminal.read_until(b"33 77\r\n")
        assert terminal.wait() == 0


def a_resized_window_is_told_to_the_container():
    script = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done"
    terminal = Terminal(run_words("sh", "-c", script, options=["-it"]), rows=33, columns=77)
    terminal.read_until(b"ready\r\n")
    terminal.resize(44, 111)
    terminal.program.send_signal(signal.SIGWINCH)
    terminal.read_until(b"44 111\r\n")
    terminal.type(b"\x1c")  # ^\ : the shell, pid 1, ignores it
    end_client(terminal)
    terminal.wait()
    remove()


def a_terminals_modes_are_restored_after_a_failed_start():
    terminal = Terminal(run_words("/no/such/command", options=["-it"]))
    assert terminal.wait() == 127
    terminal.modes_are_restored()
    assert b"no such file or directory" in terminal.text
    terminal = Terminal(run_words("sh", "-c", "kill -9 $$", options=["-it", "--pids-limit", "20"]))
    terminal.wait()
    terminal.modes_are_restored()


# --- what is in the container of the caller ----------------------------------------------------------------------

def run_by_a_sloppy_caller(*words):
    """The lines of a container whose caller has descriptors, signals, a directory, a umask and variables of its own."""
    secret, other = os.pipe()
    code = ("import os, signal, sys; [signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1)]; "
            "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD}); os.umask(0o077); os.chdir('/etc'); "
            "os.execv(sys.argv[1], sys.argv[1:])")
    environment = {**os.environ, "SECRET_OF_THE_CALLER": "1", "LD_BIND_NOW": "1", "HOME": "/caller"}
    done = subprocess.run([sys.executable, "-c", code, *run_words(*words, options=["--hostname", "h"])], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, pass_fds=(secret, other),
                          timeout=PATIENCE, check=True)
    os.close(secret)
    os.close(other)
    return done.stdout.decode().splitlines()


def nothing_of_the_caller_leaks_in():
    assert run_by_a_sloppy_caller("ls", "/proc/self/fd") == ["0", "1", "2", "3"]  # 3 is ls's own
    assert run_by_a_sloppy_caller("env") == ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=h",
                                             "HOME=/root"]
    assert run_by_a_sloppy_caller("pwd") == ["/"]
    assert run_by_a_sloppy_caller("sh", "-c", "umask; ps | grep -c .") == ["0022", "4"]
    status = dict(line.split(":\t", 1) for line in run_by_a_sloppy_caller("cat", "/proc/self/status"))
    for field in "SigBlk", "SigIgn", "SigPnd", "ShdPnd", "CapInh", "CapAmb":
        assert set(status[field]) == {"0"}, (field, status[field])
    assert status["Umask"] == "0022" and status["Groups"].strip() in ("", "0")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
