"""Sockets for a process that locks itself in: made by others, so that they cannot lead away whatever is done with them.

- TCP: bound to the loopback device. The kernel sends what such a socket sends through that device alone, whatever its address says,
  and lets nobody bind it anew without a privilege that the filter takes away (socket(7), SO_BINDTODEVICE).
- UDP, unix and netlink: made in an empty network namespace, and so of it for good (network_namespaces(7)). UDP sockets forget their
  device when they are disconnected.

Invariant: no other kind of socket is made.
"""

from __future__ import annotations

import _socket
import errno
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from privet.egress import kernel, namespaces, unix_sockets

_DEVICE: Final = b"lo\0"
_DEVICE_NAME_BYTES: Final = 16
_KIND_BITS: Final = 0xF
_FLAG_BITS: Final = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
_MESSAGE_BYTES: Final = 128
_TRIES: Final = 2
"""A connection that cannot be made, as it leads away, is given up after so many repetitions: 7 seconds."""

DNS_PORTS: Final = frozenset((53, 853))
"""Not to be connected to on this machine either: a resolver asks others."""

STREAM: Final = int(socket.SOCK_STREAM)
DATAGRAM: Final = int(socket.SOCK_DGRAM)
_INET: Final = (int(socket.AF_INET), int(socket.AF_INET6))
_NAMESPACE: Final = frozenset(
    {(family, DATAGRAM, protocol) for family in _INET for protocol in (0, int(socket.IPPROTO_UDP))}
    | {(int(socket.AF_UNIX), kind, 0) for kind in (STREAM, int(socket.SOCK_SEQPACKET))}
    | {(int(socket.AF_NETLINK), kind, 0) for kind in (DATAGRAM, int(socket.SOCK_RAW))}
)


def bind_to_loopback(held: _socket.socket) -> None:
    """Bind a TCP socket to the loopback device.

    Raises:
        OSError: a kernel before 5.7 lets nobody do that but root.

    """
    held.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _DEVICE)


def is_bound(held: _socket.socket) -> bool:
    """Tell whether a socket is bound to the loopback device."""
    return held.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _DEVICE_NAME_BYTES).rstrip(b"\0") == b"lo"


class Maker:
    """Makes the sockets that a locked process asks for.

    `with_unix` says whether unix sockets may be had: only where each `connect` is looked at, as a path leads anywhere.
    """

    def __init__(self, room: Room | None) -> None:
        self._room = room
        self.with_unix = False

    def made(self, family: int, kind: int, protocol: int) -> socket.socket:
        """Return a socket.

        Raises:
            OSError: this kind is not to be had in here.

        """
        flags, plain = kind & _FLAG_BITS, kind & _KIND_BITS
        if kind & ~(_FLAG_BITS | _KIND_BITS):
            raise _failed(errno.EINVAL)
        if family in _INET and plain == STREAM:
            return self._stream(family, kind, protocol)
        if (family, plain, protocol) not in _NAMESPACE or self._room is None:
            raise _failed(errno.EACCES)
        if family == socket.AF_UNIX and not self.with_unix:
            raise _failed(errno.EACCES)
        return self._room.made(family, plain | flags, protocol)

    def is_inside(self, file: int) -> bool:
        """Tell whether a file is that of a unix socket that was made here."""
        return self._room is not None and self._room.is_inside(file)

    def _stream(self, family: int, kind: int, protocol: int) -> socket.socket:
        if protocol not in {0, socket.IPPROTO_TCP}:
            # What Go and others expect of a kernel without MPTCP.
            raise _failed(errno.EPROTONOSUPPORT)
        held = socket.socket(family, kind, protocol)
        try:
            bind_to_loopback(held)
            if not self.with_unix:
                held.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, _TRIES)
        except OSError:
            held.close()
            raise
        return held


class Room:
    """A process in an empty network namespace of its own that makes sockets there."""

    def __init__(self) -> None:
        """Start it.

        Raises:
            OSError: the kernel or its configuration allows no such namespace.

        """
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = os.fork()
        if self.process == 0:
            mine.close()
            _be_room(theirs)
        theirs.close()
        self._line = mine
        while (said := mine.recv(_MESSAGE_BYTES).decode() or f"failed {errno.EPERM}") != "ready":
            verb, _, rest = said.partition(" ")
            if verb != "map":
                os.waitpid(self.process, 0)
                raise _failed(int(rest))
            mine.send(namespaces.mapped(int(rest)))

    def made(self, family: int, kind: int, protocol: int) -> socket.socket:
        """Return a socket of the namespace."""
        said, descriptors = self._asked(f"make {family} {kind} {protocol}", ())
        if not descriptors:
            raise _failed(int(said))
        return socket.socket(fileno=descriptors[0])

    def is_inside(self, file: int) -> bool:
        """Tell whether a file is that of a unix socket of the namespace."""
        return self._asked("inside", (file,))[0] == "yes"

    def _asked(self, text: str, descriptors: tuple[int, ...]) -> tuple[str, list[int]]:
        # Each question brings the line for its answer: several threads ask.
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with mine:
            with theirs:
                socket.send_fds(self._line, [text.encode()], [theirs.fileno(), *descriptors])
            said, held, _, _ = socket.recv_fds(mine, _MESSAGE_BYTES, 1)
        return said.decode() or str(errno.ENOSYS), held


def _be_room(line: socket.socket) -> NoReturn:
    try:
        # It ends when the other end of its line is closed, so nothing else may hold one.
        os.closerange(3, line.fileno())
        os.closerange(line.fileno() + 1, open_files())
        # Without a mount namespace: what is made here has no file but those of the process that asks.
        kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET)
        line.send(f"map {os.getpid()}".encode())
        said = line.recv(_MESSAGE_BYTES).decode()
        if said != "mapped":
            raise _failed(int(said))
        namespaces.loopback_up()
        unix_sockets.check()
        # A netlink socket changes something only where he who opened it could.
        kernel.give_up_capabilities()
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        line.send(b"ready")
        _serve(line)
    except OSError as error:
        with suppress(OSError):
            line.send(f"failed {error.errno or errno.EPERM}".encode())
    finally:
        os._exit(0)


def _serve(line: socket.socket) -> None:
    while True:
        data, descriptors, _, _ = socket.recv_fds(line, _MESSAGE_BYTES, 2)
        if not data:
            return
        verb, *numbers = data.decode().split()
        with socket.socket(fileno=descriptors[0]) as reply, suppress(OSError):
            if verb == "make":
                _make(reply, *map(int, numbers))
                continue
            try:
                reply.send(b"yes" if unix_sockets.is_inside(os.fstat(descriptors[1])) else b"no")
            finally:
                os.close(descriptors[1])


def open_files() -> int:
    """Return a number above those of all open descriptors."""
    return 1 + max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())


def _make(reply: socket.socket, family: int, kind: int, protocol: int) -> None:
    try:
        held = socket.socket(family, kind, protocol)
    except OSError as error:
        reply.send(str(error.errno).encode())
        return
    with held:
        socket.send_fds(reply, [b"made"], [held.fileno()])


def _failed(number: int) -> OSError:
    return OSError(number, os.strerror(number))
