"""A program on a terminal of its own, as a person would use it: type, wait for what must appear, resize."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time


class Terminal:
    def __init__(self, *command, rows=24, columns=80, patience=60):
        self.patience, self.text, self.at = patience, "", 0
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(command, stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        preexec_fn=own_terminal)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern):
        """Waits for the pattern after what was expected before; what is typed is echoed, too."""
        end = time.monotonic() + self.patience
        while not (match := re.search(pattern, self.text[self.at:])):
            if not self._read(end):
                sys.exit(f"'{pattern}' did not come; after what came before there was:\n{self.text[self.at:]!r}")
        self.at += match.end()
        return match

    def _read(self, end):
        if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
            return False
        try:
            self.text += os.read(self.master, 65536).decode(errors="replace")
        except OSError:
            return False
        return True

    def answer(self, command, pattern):
        """Types a command line; the pattern must come after its echo."""
        self.type(command + "\n")
        self.expect(re.escape(command) + r"\r\n")
        return self.expect(pattern)

    def wait(self):
        end = time.monotonic() + self.patience
        while self.process.poll() is None and time.monotonic() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                self._read(end)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            sys.exit(f"it did not end; it had said:\n{self.text!r}")
        return self.process.returncode

    def is_restored(self):
        return termios.tcgetattr(self.slave) == self.before


def check(what, condition):
    if not condition:
        sys.exit(f"not so: {what}")
