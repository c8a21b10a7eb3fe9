"""Says in Python's own words what the lock of this process refuses: where to, and what to do.

An audit hook (PEP 578) sees what Python's `socket` module is asked for before the kernel is. It stays until the process ends.

Invariants: what is refused here is refused by the kernel too, so whoever goes around it gains nothing but a shorter message; loopback
addresses, unix sockets and names of this machine pass.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys
import threading
from collections import Counter
from typing import Any, Final

from privet.egress.addresses import Destination, plain, printable
from privet.egress.lock_sockets import DNS_PORTS
from privet.errors import PrivetError

_SEND: Final = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))
_RESOLVE: Final = frozenset(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"))
_REVERSE: Final = "socket.gethostbyaddr"
_INET: Final = frozenset((socket.AF_INET, socket.AF_INET6))
_LOCAL_NAMES: Final = frozenset(("", "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"))
_NAME_CHARS: Final = 253


class LeavesMachine(PrivetError, PermissionError):
    """Something in a locked process tried to reach another machine.

    It is a `PermissionError`, so that code which copes with a network that is down copes with this.
    """

    exit_code = 3

    def __init__(self, destination: str) -> None:
        super().__init__(
            f"{destination} was not reached: this process is locked, nothing leaves this machine",
            hint="start it without the lock, or with `privet run` and an [[exception]] that names the destination",
        )
        self.destination = destination
        self.errno = errno.EACCES


class Hook:
    """The hook of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._own_names = _LOCAL_NAMES | {socket.gethostname().lower()}

    def put_up(self) -> None:
        """Put it up, for good."""
        sys.addaudithook(self)

    def counts(self) -> dict[str, int]:
        """Return how often each destination was refused."""
        with self._lock:
            return dict(self._counts)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Refuse what leads away."""
        if event in _SEND:
            held, address = args
            # What is sent without an address goes where the socket is connected.
            if held.family in _INET and isinstance(address, tuple) and len(address) >= 2:
                self._judge(address[0], address[1], is_stream=held.type == socket.SOCK_STREAM)
        elif event in _RESOLVE and not self._is_own(text := _text(args[0])):
            address = _address(text)
            if address is None or (event == _REVERSE and not Destination(address).is_inside):
                self._refuse(text)

    def _judge(self, host: object, port: object, *, is_stream: bool) -> None:
        text, number = _text(host), port if isinstance(port, int) else 0
        address = _address(text)
        where = Destination(address, number)
        near = where.is_inside if address is not None else self._is_own(text)
        if not near or (is_stream and number in DNS_PORTS):
            self._refuse(str(where) if address is not None else f"{text}:{number}")

    def _is_own(self, name: str) -> bool:
        return name in self._own_names or name.endswith(".localhost")

    def _refuse(self, destination: str) -> None:
        with self._lock:
            self._counts[destination] += 1
        raise LeavesMachine(destination)


def _text(host: object) -> str:
    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode("utf-8", "replace")
    # None stands for an address of this machine.
    return printable(str(host or ""))[:_NAME_CHARS].rstrip(".").lower()


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return plain(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None
