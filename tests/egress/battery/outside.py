# ruff: noqa: T201, PTH108 -- its output is what it is for
"""Programs of the user that run outside the lock: a victim to be misused, a giver of descriptors, an open proxy.

`outside.py ROLE ARGUMENT…` prints one line of JSON when it is ready, and ends with its standard input.
"""

from __future__ import annotations

import array
import ctypes
import json
import os
import select
import socket
import sys
import time
from contextlib import suppress

OUT4 = "203.0.113.7"


def victim(home: str) -> None:
    """Hold a socket, a pipe and three buffers; at each line of input send what stands in the buffers."""
    os.chdir(home)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect((OUT4, 4100))
    read, write = os.pipe()
    os.set_blocking(read, False)
    buffers = [ctypes.create_string_buffer(32) for _ in range(3)]
    places = [ctypes.addressof(one) for one in buffers]
    print(json.dumps({"pid": os.getpid(), "udp": sender.fileno(), "pipe": write, "buffers": places}), flush=True)
    for _line in sys.stdin:
        with suppress(BlockingIOError):
            sender.send(os.read(read, 4096))
        for one in buffers:
            if one.value:
                sender.send(one.value)
                one.value = b""
        print("sent", flush=True)


def giver(path: str) -> None:
    """Hand a connected socket to whoever connects."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(16)
    gift = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    gift.connect((OUT4, 4100))
    print("{}", flush=True)
    while select.select([server, sys.stdin], [], [])[0] == [server]:
        one, _ = server.accept()
        one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [gift.fileno()]))])
        one.close()


def restart(path: str) -> None:
    """Be a service that restarts ten times a second, and carries on what it is given."""
    far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    far.connect((OUT4, 4100))
    known: set[bytes] = set()
    print("{}", flush=True)
    while True:
        with suppress(FileNotFoundError):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service:
            service.bind(path)
            until = time.monotonic() + 0.1
            while (left := until - time.monotonic()) > 0:
                ready = select.select([service, sys.stdin], [], [], left)[0]
                if sys.stdin in ready:
                    return
                if ready and (content := service.recv(4096)) not in known:
                    known.add(content)
                    far.send(content)


def _carry(client: socket.socket) -> None:
    client.settimeout(1)
    head = client.recv(4096)
    verb, target = head.split(b" ")[:2]
    if verb == b"GET":
        target = target.split(b"/")[2] + b":80"
    host, port = target.decode().rsplit(":", 1)
    with socket.create_connection((host.strip("[]"), int(port)), 1) as far:
        far.sendall(head if verb == b"GET" else b"")
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while content := client.recv(4096):
            far.sendall(content)


def proxy(port: str) -> None:
    """Carry everything everywhere: what the ways through a broker are proved with."""
    server = socket.create_server(("127.0.0.1", int(port)))
    print("{}", flush=True)
    while select.select([server, sys.stdin], [], [])[0] == [server]:
        one, _ = server.accept()
        if os.fork() == 0:
            with suppress(OSError, ValueError):
                _carry(one)
            os._exit(0)
        one.close()


if __name__ == "__main__":
    {"victim": victim, "giver": giver, "proxy": proxy, "restart": restart}[sys.argv[1]](sys.argv[2])
