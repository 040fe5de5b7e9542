#!/usr/bin/python3
"""Speaks the Container Runtime Interface with containerd as the kubelet does, as far as one pod needs it.

usage: cri.py SOCKET list                     the ids of all pods
       cri.py SOCKET life HANDLER PARENT      a pod and a container live, and each answer is as it should be

Messages are protobuf by hand (a dict: field number to value, or to a list of values), as only a few fields matter; their
numbers are those of k8s.io/cri-api/pkg/apis/runtime/v1/api.proto.
"""
import sys
import time

import grpc

CREATED, RUNNING, EXITED = range(3)  # enum ContainerState
HOST_NETWORK = {1: 2}  # NamespaceOption.network = NODE: no CNI plugin is needed


def varint(number):
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def encode(fields):
    message = b""
    for number, values in fields.items():
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, int):
                message += varint(number << 3) + varint(value)
                continue
            data = encode(value) if isinstance(value, dict) else value.encode()
            message += varint(number << 3 | 2) + varint(len(data)) + data
    return message


def take_varint(data, at):
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return number, at


def decode(data):
    """Field number to the list of its values: numbers, or bytes."""
    fields, at = {}, 0
    while at < len(data):
        key, at = take_varint(data, at)
        value, at = take_varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        elif key & 7 != 0:
            sys.exit(f"a field of an unexpected kind: {key}")
        fields.setdefault(key >> 3, []).append(value)
    return fields


class Runtime:
    def __init__(self, socket):
        self.channel = grpc.insecure_channel("unix://" + socket)

    def call(self, method, **fields):
        request = encode({int(name.lstrip("_")): value for name, value in fields.items()})
        method = self.channel.unary_unary("/runtime.v1.RuntimeService/" + method)
        return decode(method(request, timeout=60))

    def pods(self):
        return [decode(pod)[1][0].decode() for pod in self.call("ListPodSandbox").get(1, [])]

    def state(self, container):
        status = decode(self.call("ContainerStatus", _1=container)[1][0])
        return status.get(3, [CREATED])[0], status.get(7, [0])[0]

    def execute(self, container, *command):
        answer = self.call("ExecSync", _1=container, _2=list(command), _3=30)
        return answer.get(1, [b""])[0].decode(), answer.get(3, [0])[0]


def check(what, got, expected):
    if got != expected:
        sys.exit(f"{what}: {got!r}, not {expected!r}")


def life(runtime, handler, parent):
    pod_config = {1: {1: "pod", 2: "uid", 3: "default", 4: 1},
                  8: {1: "/" + parent, 2: {1: HOST_NETWORK}}}
    pod = runtime.call("RunPodSandbox", _1=pod_config, _2=handler)[1][0].decode()
    check("pods", runtime.pods(), [pod])
    limits = {1: 100000, 2: 50000, 3: 512, 4: 64 << 20}
    config = {1: {1: "box"}, 2: {1: "localhost/box:1"}, 3: ["/bin/sh", "-c"],
              4: ["echo $WORD >/word; trap 'exit 3' TERM; while :; do sleep 0.1; done"], 5: "/tmp", 6: {1: "WORD", 2: "given"},
              15: {1: limits, 2: {3: HOST_NETWORK}}}
    container = runtime.call("CreateContainer", _1=pod, _2=config, _3=pod_config)[1][0].decode()
    check("state", runtime.state(container), (CREATED, 0))
    runtime.call("StartContainer", _1=container)
    check("state", runtime.state(container)[0], RUNNING)
    for _ in range(100):  # until it has come so far
        word = runtime.execute(container, "cat", "/word")
        if word == ("given\n", 0):
            break
        time.sleep(0.1)
    check("its environment", word, ("given\n", 0))
    check("exit code of an exec", runtime.execute(container, "sh", "-c", "pwd; exit 5"), ("/tmp\n", 5))
    try:
        runtime.execute(container, "nonsense")
        sys.exit("nonsense was executed")
    except grpc.RpcError as error:
        check("the error says why", "executable file not found in $PATH" in error.details(), True)
    runtime.call("UpdateContainerResources", _1=container, _2={4: 128 << 20})
    limit = runtime.execute(container, "sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>&-")
    check("the limit after an update", limit[0], f"{128 << 20}\n")
    stats = decode(runtime.call("ContainerStats", _1=container)[1][0])
    check("statistics of CPU and memory", 2 in stats and 3 in stats, True)
    runtime.call("StopContainer", _1=container, _2=20)
    check("state", runtime.state(container), (EXITED, 3))
    runtime.call("RemoveContainer", _1=container)
    runtime.call("StopPodSandbox", _1=pod)
    runtime.call("RemovePodSandbox", _1=pod)
    check("pods", runtime.pods(), [])


def main(socket, what, *arguments):
    runtime = Runtime(socket)
    if what == "list":
        print("\n".join(runtime.pods()), end="")
    else:
        life(runtime, *arguments)


main(*sys.argv[1:])
