"""Sockets of this machine as the kernel lists them, and as it tells of those that end. Linux alone; no privilege is needed.

Invariants:

- Only addresses, ports, states and numbers of sockets are read: nothing that goes through them.
- What the kernel tells of a socket that ends (`sock_diag(7)`, groups of destroyed sockets) is missed only where its queue ran over: `lost`.

Sources: sock_diag(7); include/uapi/linux/inet_diag.h, sock_diag.h; proc(5), /proc/net/tcp; pidfd_getfd(2).
"""

from __future__ import annotations

import ctypes
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_SOCK_DIAG: Final = 4
_BY_FAMILY: Final = 20
_DUMP_FLAGS: Final = 0x301
_DONE: Final = 3
_ERROR: Final = 2
_DESTROYED: Final = 0b1111
"""SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET_UDP_DESTROY and the same for IPv6"""
_HEADER: Final = struct.Struct("=IHHII")
_MESSAGE: Final = struct.Struct("=BBBB2s2s16s16sI8sIIIII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_PROTOCOL_ATTRIBUTE: Final = 5  # INET_DIAG_PROTOCOL
_STATES: Final = 0xFFFFFFFF & ~(1 << 6)
"""all but TIME_WAIT: those belong to nobody any more"""
_QUEUE_BYTES: Final = 4 * 1024 * 1024
_RECEIVE_BYTES: Final = 256 * 1024
_SECONDS: Final = 0.5
_GETFD: Final = 438
_SO_COOKIE: Final = 57
LISTEN: Final = 10
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Socket(NamedTuple):
    """A socket. `inode` 0: it belongs to nobody any more; `cookie` 0: not known."""

    is_udp: bool
    state: int
    port: int
    peer: bytes
    peer_port: int
    inode: int
    cookie: int

    @property
    def has_peer(self) -> bool:
        """Whether it talks to one other."""
        return bool(self.peer_port) and any(self.peer)

    @property
    def is_local(self) -> bool:
        """Whether its peer is this machine by a loopback address."""
        if len(self.peer) == 4:
            return self.peer[0] == 127
        return self.peer == _LOOPBACK6 or (self.peer[:12] == _MAPPED and self.peer[12] == 127)

    @property
    def address(self) -> Address:
        """The address of its peer."""
        peer = self.peer[12:] if self.peer[:12] == _MAPPED and len(self.peer) == 16 else self.peer
        return ipaddress.ip_address(peer)


_LOOPBACK6: Final = bytes(15) + b"\x01"
_MAPPED: Final = bytes(10) + b"\xff\xff"


class Kernel:
    """Asks the kernel for the sockets of this network, and hears of those that end."""

    def __init__(self) -> None:
        self.lost = False
        self._asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG)
        self._asking.settimeout(_SECONDS)
        self._hearing = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG)
        self._hearing.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
        self._hearing.bind((0, _DESTROYED))
        self._hearing.setblocking(False)

    @classmethod
    def opened(cls) -> Kernel | None:
        """Return it, or nothing where the kernel does not tell."""
        kernel = None
        try:
            kernel = cls()
            list(kernel.sockets())
        except OSError:
            if kernel is not None:
                kernel.close()
            return None
        return kernel

    def close(self) -> None:
        """Ask no more."""
        self._asking.close()
        self._hearing.close()

    def sockets(self) -> Iterator[Socket]:
        """Yield every TCP and UDP socket.

        Raises:
            OSError: the kernel does not tell.

        """
        for family in (socket.AF_INET, socket.AF_INET6):
            for protocol in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
                request = struct.pack("=BBBBI48s", family, protocol, 0, 0, _STATES, b"")
                self._asking.send(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _DUMP_FLAGS, 1, 0) + request)
                yield from self._dumped(is_udp=protocol == socket.IPPROTO_UDP)

    def _dumped(self, *, is_udp: bool) -> Iterator[Socket]:
        while True:
            for kind, body in _messages(self._asking.recv(_RECEIVE_BYTES)):
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    raise OSError(-struct.unpack_from("=i", body)[0], "sock_diag")
                yield _socket(body, is_udp=is_udp)

    def ended(self) -> Iterator[Socket]:
        """Yield the sockets that have ended since it was last asked."""
        while True:
            try:
                data = self._hearing.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                # ENOBUFS: there were more than the queue holds.
                self.lost = True
                continue
            for _, body in _messages(data):
                yield _socket(body, is_udp=_protocol(body) == socket.IPPROTO_UDP)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        size, kind, *_ = _HEADER.unpack_from(data, at)
        if size < _HEADER.size:
            return
        yield kind, data[at + _HEADER.size : at + size]
        at += (size + 3) & ~3


def _socket(body: bytes, *, is_udp: bool) -> Socket:
    family, state, _, _, port, peer_port, _, peer, _, cookie, _, _, _, _, inode = _MESSAGE.unpack_from(body)
    peer = peer[:4] if family == socket.AF_INET else peer
    ports = int.from_bytes(port, "big"), int.from_bytes(peer_port, "big")
    return Socket(is_udp, state, ports[0], peer, ports[1], inode, int.from_bytes(cookie, "little"))


def _protocol(body: bytes) -> int:
    at = _MESSAGE.size
    while at + 5 <= len(body):
        size, kind = _ATTRIBUTE.unpack_from(body, at)
        if kind == _PROTOCOL_ATTRIBUTE:
            return body[at + 4]
        at += max(4, (size + 3) & ~3)
    return 0


def listed(pid: int) -> Iterator[Socket]:
    """Yield the sockets of the network that a process is in, from `/proc`: also where it is in a network of its own."""
    for name in ("tcp", "tcp6", "udp", "udp6"):
        with suppress(OSError, ValueError, IndexError):
            for line in Path(f"/proc/{pid}/net/{name}").read_text("ascii").splitlines()[1:]:
                row = line.split()
                address, _, port = row[2].partition(":")
                # Groups of four bytes, each as the machine writes a number.
                words = [bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)]
                own = int(row[1].rpartition(":")[2], 16)
                yield Socket(
                    name.startswith("udp"), int(row[3], 16), own, b"".join(words), int(port, 16), int(row[9]), 0
                )


def cookie_of(pid: int, descriptor: int) -> int:
    """Return the kernel's number of a socket that another process has open, or 0 where it may not be asked.

    The socket is looked at by a copy of its descriptor, which is closed at once; nothing is read from it or changed.
    """
    try:
        holder = os.pidfd_open(pid)
    except (OSError, AttributeError):
        return 0
    try:
        copied = ctypes.CDLL(None, use_errno=True).syscall(_GETFD, holder, descriptor, 0)
    finally:
        os.close(holder)
    if copied < 0:
        return 0
    with suppress(OSError), socket.socket(fileno=copied) as copy:
        if copy.family in (socket.AF_INET, socket.AF_INET6):
            return int.from_bytes(copy.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8), "little")
    return 0
