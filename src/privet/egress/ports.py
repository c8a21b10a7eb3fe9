"""Ports that a locked program listens on, on the loopback address of its user: the same numbers, never another address.

Invariants: a port is open outside only while something inside listens on it, and only where that something accepts loopback connections.
"""

from __future__ import annotations

import ipaddress
import select
import socket
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from privet.egress.addresses import Destination, plain
from privet.egress.outside import Outside
from privet.egress.relay import relay
from privet.egress.threads import Threads

_SO_NETNS_COOKIE: Final = 71


class _Inside(NamedTuple):
    """Where the program listens: the address to connect to from inside."""

    family: int
    address: str
    port: int


class Ports:
    """Shows the program's ports outside and joins who comes with it."""

    def __init__(self, outside: Outside, poll: select.poll, threads: Threads) -> None:
        self._outside = outside
        self._poll = poll
        self._threads = threads
        self._shown: dict[int, tuple[socket.socket, _Inside]] = {}
        self._cookie = _cookie_of_namespace()

    def show(self, held: socket.socket) -> None:
        """Open the port on the user's loopback address that the program has opened on its own with this socket."""
        if held.family not in {socket.AF_INET, socket.AF_INET6} or not self._is_here(held):
            return
        host, port = held.getsockname()[:2]
        if not Destination(plain(ipaddress.ip_address(host.partition("%")[0])), port).is_inside:
            return
        inside = _Inside(held.family, _loopback(held.family, host), port)
        known = self._shown.get(port)
        if known is not None:
            self._shown[port] = (known[0], inside)
            return
        shown = self._outside.listen(port)
        if shown is not None:
            shown.setblocking(False)
            self._shown[port] = (shown, inside)
            self._poll.register(shown, select.POLLIN)

    def is_shown(self, port: int) -> bool:
        """Tell whether a port is open outside for the program."""
        return port in self._shown

    def serve(self, ready: set[int]) -> None:
        """Take who comes to the shown ports whose descriptors are ready."""
        for port, (shown, inside) in list(self._shown.items()):
            if shown.fileno() in ready:
                self._visited(port, shown, inside)

    def close_unused(self) -> None:
        """Close ports whose program has closed its own."""
        if self._shown:
            open_ports = _listening_ports()
            for port in [port for port in self._shown if port not in open_ports]:
                self._unshow(port)

    def _visited(self, port: int, shown: socket.socket, inside: _Inside) -> None:
        with suppress(OSError):
            visitor, _ = shown.accept()
            target = socket.socket(inside.family, socket.SOCK_STREAM)
            try:
                target.connect((inside.address, inside.port))
            except OSError:
                target.close()
                visitor.close()
                self._unshow(port)
                return
            self._threads.do(partial(relay, visitor, target))

    def _unshow(self, port: int) -> None:
        shown, _ = self._shown.pop(port)
        self._poll.unregister(shown)
        shown.close()

    def _is_here(self, held: socket.socket) -> bool:
        return self._cookie is None or self._cookie == _cookie(held)


def _loopback(family: int, host: str) -> str:
    if family == socket.AF_INET:
        return "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 (compared, not bound)
    return "::1" if host == "::" else host


def _cookie(held: socket.socket) -> bytes | None:
    with suppress(OSError):
        return held.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)
    return None


def _cookie_of_namespace() -> bytes | None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        return _cookie(held)


def _listening_ports() -> set[int]:
    """Return the ports of this network namespace on which something listens."""
    ports = set()
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/self/net/{name}").read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A":
                    ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
