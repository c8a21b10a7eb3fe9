"""A guard inside the process: Python code connects to the named destinations and to nothing else.

Invariants: once up, the guard cannot be taken down (audit hooks stay until the process ends, PEP 578); `socket`'s functions resolve no
name of a destination that is not allowed; the error names no address.

It covers what Python's own `socket` does: every library that phones home in this process. Not covered: native code that calls the
kernel itself (uvloop among it), and the look-up of a name that is given to a socket's own `connect` or `sendto`, which CPython makes
before it asks the hook (libraries resolve with `getaddrinfo` first); the connection is blocked all the same. For both, run the process
under `privet run`.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from typing import Any, Final

from privet.errors import Unprotected

_CONNECT: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_RESOLVE: Final = frozenset(
    {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}
)

Destination = tuple[str, int]


class OutsideConnection(Unprotected):
    """Code in this process tried to reach an address that nobody named."""


class _Guard:
    def __init__(self) -> None:
        self.up = False
        self.allowed: frozenset[Destination] = frozenset()
        self.blocked = 0

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event in _CONNECT:
            connection, address = args
            # Unix sockets stay on this machine; sendmsg on a connected socket has no address.
            if connection.family != socket.AF_UNIX and address is not None and tuple(address[:2]) not in self.allowed:
                self._block()
        elif event in _RESOLVE and not any(args[0] == host for host, _ in self.allowed):
            self._block()

    def _block(self) -> None:
        self.blocked += 1
        raise OutsideConnection("a connection to an address that was not named was blocked")


_guard: Final = _Guard()


def put_up(allowed: Iterable[Destination]) -> None:
    """Allow connections to these (host, port) pairs and block all others in this process, from now on.

    Raises:
        Unprotected: it is up already, with other destinations.

    """
    wanted = frozenset(allowed)
    if _guard.up:
        if wanted != _guard.allowed:
            raise Unprotected("the egress guard is up already, for other destinations", hint="start a new process")
        return
    _guard.allowed = wanted
    _guard.up = True
    sys.addaudithook(_guard)


def blocked_count() -> int:
    """Return how many connections were blocked."""
    return _guard.blocked


def is_up() -> bool:
    """Tell whether the guard is up."""
    return _guard.up
