"""A seccomp listener: notes what a runtime sends it (config-linux.md, "The Container Process State"), and lets every
call that it is asked about go on (seccomp_unotify(2))."""
import fcntl
import json
import os
import select
import socket
import struct
import threading

RECEIVE, SEND, GO_ON = 0xC0502100, 0xC0182101, 1


class Listener:
    """Listens on a socket at path, for as long as containers live that were started meanwhile."""

    def __init__(self, path):
        self.states, self.calls = [], 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(path)
        self.socket.listen()
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:  # it is closed
                return
            with connection:
                text, descriptors, _, _ = socket.recv_fds(connection, 65536, 4)
            self.states.append((json.loads(text), len(descriptors)))
            for descriptor in descriptors:
                threading.Thread(target=self.answer, args=(descriptor,), daemon=True).start()

    def answer(self, descriptor):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while not poll.poll()[0][1] & select.POLLHUP:  # somebody has the filter
            question = bytearray(80)
            try:
                fcntl.ioctl(descriptor, RECEIVE, question)
                fcntl.ioctl(descriptor, SEND, struct.pack("=QqiI", *struct.unpack_from("=Q", question), 0, 0, GO_ON))
                self.calls += 1
            except OSError:  # who asked is gone
                pass
        os.close(descriptor)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
