#!/usr/bin/env python3
"""Listens on a console socket, runs a command that connects to it, and prints what the terminal says.

usage: console.py SOCKET COMMAND...
"""
import array
import os
import socket
import subprocess
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(sys.argv[1])
listener.listen(1)
listener.settimeout(20)
command = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
connection, _ = listener.accept()
numbers = array.array("i")
name, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_LEN(4 * 4))
for level, kind, data in ancillary:
    assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
    numbers.frombytes(data)
assert len(numbers) == 1 and 0 < len(name) < 4096, (numbers, name)
code = command.wait()
try:
    while text := os.read(numbers[0], 4096):
        sys.stdout.write(text.decode())
except OSError:
    pass  # EIO: nobody has the terminal open any more
sys.exit(code)
