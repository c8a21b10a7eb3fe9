# ruff: noqa: S104 -- the sinks listen inside a network namespace of their own
"""Sinks: processes that listen where a word could arrive, and report which words did.

A sink process reports lines "NAME WORD" on one pipe shared by all. It knows nothing of ways or systems, so what a program claims cannot
become a verdict.
"""

from __future__ import annotations

import os
import re
import select
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import world

WORD: Final = re.compile(rb"cnry[a-z2-7]{10}", re.IGNORECASE)
_KEPT: Final = 65536
_ANSWERS: Final = {
    b"allowed.example.com": "192.31.196.7",
    b"rebind.example.com": "169.254.169.254",
    b"loop.example.com": "127.0.0.1",
}
_ETH_ALL: Final = 3
_OUTGOING: Final = 4

Listener = tuple[str, Any]


def dns_answer(query: bytes) -> bytes:
    """Answer an A query for one of the few names that exist; every other name does not."""
    end, labels = 12, []
    while end < len(query) and query[end]:
        labels.append(query[end + 1 : end + 1 + query[end]])
        end += 1 + query[end]
    question = query[12 : end + 5]
    address = _ANSWERS.get(b".".join(labels).lower())
    a_record = address is not None and question[-4:-2] == b"\0\1"
    code = 0x8180 if address else 0x8183
    head = query[:2] + struct.pack(">HHHHH", code, 1, int(a_record), 0, 0)
    if not a_record:
        return head + question
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) + socket.inet_aton(address or "0.0.0.0")
    return head + question + record


class Pipe:
    """A pipe that can be read like a datagram socket."""

    type: Final = socket.SOCK_DGRAM

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def fileno(self) -> int:
        """Return the descriptor."""
        return self.fd

    def setblocking(self, wanted: bool) -> None:
        """Set whether a read waits."""
        os.set_blocking(self.fd, wanted)

    def recvfrom(self, size: int) -> tuple[bytes, None]:
        """Read what is there."""
        return os.read(self.fd, size), None


@dataclass(slots=True)
class _Loop:
    out: int
    control: socket.socket
    sockets: dict[int, Listener] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    buffers: dict[int, bytes] = field(default_factory=dict)
    frames: int = 0
    poll: select.poll = field(default_factory=select.poll)

    def add(self, name: str, one: Any) -> None:
        one.setblocking(False)
        self.sockets[one.fileno()] = (name, one)
        self.poll.register(one, select.POLLIN)

    def drop(self, one: socket.socket) -> None:
        self.poll.unregister(one)
        self.sockets.pop(one.fileno())
        self.buffers.pop(one.fileno(), None)
        one.close()

    def look(self, name: str, content: bytes) -> None:
        for word in WORD.findall(content):
            line = f"{name} {word.decode().lower()}\n".encode()
            if line not in self.seen:
                self.seen.add(line)
                os.write(self.out, line)

    def read(self, fileno: int) -> None:
        name, one = self.sockets[fileno]
        try:
            if name.startswith("sniffer"):
                frame, origin = one.recvfrom(_KEPT)
                self.frames += counts(frame) and origin[2] != _OUTGOING
                self.look(name, frame)
            elif one.type in {socket.SOCK_STREAM, socket.SOCK_SEQPACKET}:
                self.read_stream(name, one)
            else:
                self.read_datagram(name, one)
        except BlockingIOError:
            return
        except OSError:
            if one.type == socket.SOCK_STREAM and not one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                self.drop(one)

    def read_stream(self, name: str, one: socket.socket) -> None:
        if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            self.add(name, one.accept()[0])
            return
        content = one.recv(_KEPT)
        if not content:
            self.drop(one)
            return
        kept = (self.buffers.get(one.fileno(), b"") + content)[-_KEPT:]
        self.buffers[one.fileno()] = kept
        self.look(name, kept)

    def read_datagram(self, name: str, one: Any) -> None:
        content, sender = one.recvfrom(_KEPT)
        self.look(name, content)
        if name == "resolver" and len(content) > 12:
            one.sendto(dns_answer(content), sender)

    def run(self) -> None:
        self.poll.register(self.control, select.POLLIN)
        while True:
            ready = [number for number, _ in self.poll.poll()]
            for number in ready:
                if number != self.control.fileno() and number in self.sockets:
                    self.read(number)
            if self.control.fileno() in ready:
                order = self.control.recv(256).decode()
                if order in {"", "stop"}:
                    return
                self.control.sendall(self.obey(order).encode())

    def obey(self, order: str) -> str:
        if order.startswith("connect "):
            return self.reach(*order.split()[1:])
        while ready := [n for n, _ in self.poll.poll(60) if n in self.sockets]:
            for number in ready:
                if number in self.sockets:
                    self.read(number)
        return str(self.frames)

    def reach(self, address: str, port: str) -> str:
        """Connect from where this sink stands, and read what the other side says."""
        try:
            one = socket.create_connection((address, int(port)), timeout=1)
        except OSError as error:
            return f"no: {error}"
        self.add("outside-client", one)
        return "connected"


def counts(frame: bytes) -> bool:
    """Say whether a frame carries something of a program: IP, and not the neighbour discovery every IPv6 link has."""
    kind = frame[12:14]
    if kind == b"\x86\xdd":
        return not (frame[20] in {0, 58} and any(130 <= frame[at] <= 143 for at in (54, 62) if at < len(frame)))
    return kind != b"\x08\x06"


@dataclass(frozen=True, slots=True)
class Sink:
    """A running sink process and the way to ask it something."""

    pid: int
    control: socket.socket

    def ask(self, order: str) -> str:
        """Send an order ("drain", "connect ADDRESS PORT"), wait for the answer."""
        self.control.sendall(order.encode())
        return self.control.recv(256).decode()

    def drain(self) -> int:
        """Wait until everything that has arrived is reported; return the frames counted so far."""
        return int(self.ask("drain"))

    def stop(self) -> None:
        """End the sink process; later ones hold copies of its control socket, so closing it would not do."""
        self.control.sendall(b"stop")
        os.waitpid(self.pid, 0)
        self.control.close()


def start(out: int, make: Callable[[], list[Listener]], prepare: Callable[[], None] | None = None) -> Sink:
    """Fork a sink process; `make` opens the listeners inside it. Returns when it listens."""
    near, far = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            world.die_with_parent()
            near.close()
            if prepare:
                prepare()
                far.sendall(b"prepared")
                far.recv(16)
            loop = _Loop(out, far)
            for name, one in make():
                loop.add(name, one)
            far.sendall(b"listening")
            loop.run()
        except BaseException as error:  # a forked child must not run its parent's code
            os.write(2, f"sink failed: {error!r}\n".encode())
        finally:
            os._exit(1)
    far.close()
    sink = Sink(pid, near)
    if near.recv(64) != b"prepared" if prepare else near.recv(64) != b"listening":
        raise world.NoWorld("a sink did not start")
    return sink


def go_on(sink: Sink) -> None:
    """Let a prepared sink open its listeners."""
    if sink.ask("go") != "listening":
        raise world.NoWorld("the sink outside did not start")


def inet(name: str, family: int, kind: int, address: str, port: int) -> Listener:
    """Open a listening TCP socket or a bound UDP socket."""
    one = socket.socket(family, kind)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind((address, port))
    if kind == socket.SOCK_STREAM:
        one.listen(64)
    return name, one


def unix(name: str, kind: int, address: str | bytes) -> Listener:
    """Open a unix socket at a path, or at an abstract name that begins with a zero byte."""
    one = socket.socket(socket.AF_UNIX, kind)
    one.bind(address)
    if kind != socket.SOCK_DGRAM:
        one.listen(64)
    return name, one


def _pass_for_kernel() -> None:
    """Take a kernel thread's name: firejail looks for one among the first processes, and takes a world without one for its own sandbox."""
    Path("/proc/self/comm").write_text("kthreadd", encoding="ascii")


def outside() -> list[Listener]:
    """Everything that listens outside; the sniffer sees every frame that leaves the machine, whatever protocol it speaks."""
    _pass_for_kernel()
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_ALL))
    sniffer.bind((world.OUTSIDE_LINK, 0))
    sniffer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    found = [("sniffer", sniffer)]
    for family, every in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        found += [inet("tcp", family, socket.SOCK_STREAM, every, port) for port in (53, 80, 443, 853, 9418)]
        found += [inet("udp", family, socket.SOCK_DGRAM, every, port) for port in (443, 4100)]
    found.append(inet("resolver", socket.AF_INET, socket.SOCK_DGRAM, world.RESOLVER, 53))
    return found
