#!/usr/bin/env python3
"""Who answers for the calls of a seccomp profile (seccomp_unotify(2)): a listener as containers have them.

usage: seccomp_agent.py SOCKET LOG

Writes what it is told of each container into LOG, a line of JSON each. Of its own it answers `mkdir` of a path that
ends in "/answered" (number 77 comes back as an error); everything else goes on as if nobody had asked.
"""
import array
import fcntl
import json
import os
import select
import socket
import struct
import sys
import threading

# linux/seccomp.h: struct seccomp_notif and seccomp_notif_resp, and the two requests.
NOTIFICATION = struct.Struct("=QIIiIQ6Q")
ANSWER = struct.Struct("=QqiI")
RECEIVE, SEND = 0xC0502100, 0xC0182101
CONTINUE = 1
MKDIR = {"x86_64": 83, "aarch64": -1}[os.uname().machine]
MKDIRAT = {"x86_64": 258, "aarch64": 34}[os.uname().machine]


def read_text(pid, address):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(min(256, 4096 - address % 4096)).split(b"\0")[0].decode(errors="replace")


def serve(listener):
    waiting = select.poll()
    waiting.register(listener, select.POLLIN)
    while True:
        if any(event & select.POLLHUP for _, event in waiting.poll()):  # nobody is left who has the filter
            os.close(listener)
            return
        buffer = bytearray(NOTIFICATION.size)
        try:
            fcntl.ioctl(listener, RECEIVE, buffer)
        except FileNotFoundError:  # its process was killed meanwhile
            continue
        cookie, pid, _, number, _, _, *arguments = NOTIFICATION.unpack(buffer)
        error, flags = 0, CONTINUE
        if number in (MKDIR, MKDIRAT):
            if read_text(pid, arguments[number == MKDIRAT]).endswith("/answered"):
                error, flags = -77, 0
        try:
            fcntl.ioctl(listener, SEND, ANSWER.pack(cookie, 0, error, flags))
        except OSError:
            pass


def main(path, log):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen()
    while True:
        connection, _ = server.accept()
        text, control, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
        descriptors = array.array("i")
        for level, kind, data in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors.frombytes(data[:4])
        told = json.loads(text)
        told["descriptors"] = len(descriptors)
        with open(log, "a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
        connection.close()
        threading.Thread(target=serve, args=(descriptors[0],), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
