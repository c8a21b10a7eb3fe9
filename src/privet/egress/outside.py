"""What the process that stayed outside does for the keeper: open a port for the user, dial a named destination, look who listens or is new.

Invariants: the keeper can ask for nothing else. Which destinations are named was decided before the program started, and is checked out
here again, so nothing inside can widen it.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import Final, NamedTuple

from privet.egress import listeners, unix_sockets
from privet.egress.addresses import Address, is_local, plain

_MESSAGE_BYTES: Final = 4096
_DIAL_SECONDS: Final = 30.0
_MOST_PATHS: Final = 32
_SERVED: Final = {"yes": True, "no": False}


class Named(NamedTuple):
    """A destination that an exception names."""

    host: str
    port: int


class Refusal(StrEnum):
    """Why there is no connection to a destination; the last two say that it is open, and could not be had."""

    UNNAMED = "is not named by an exception"
    NEARBY = "is at an address of this machine or a network nearby: name that address by an exception too"
    UNRESOLVED = "could not be resolved"
    SILENT = "does not answer"


class Outside:
    """The keeper's end of the line to the process outside."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._lock = threading.Lock()

    def _asked(self, text: str) -> tuple[str, list[int]]:
        with self._lock:
            self._line.send(text.encode())
            data, descriptors, _, _ = socket.recv_fds(self._line, _MESSAGE_BYTES, 1)
        return data.decode("utf-8", "surrogateescape"), descriptors

    def listen(self, port: int) -> socket.socket | None:
        """Return a socket that listens on the user's 127.0.0.1 at a port; None where the port is taken."""
        _, descriptors = self._asked(f"listen {port}")
        return socket.socket(fileno=descriptors[0]) if descriptors else None

    def is_served(self, host: str, port: int) -> bool | None:
        """Tell whether a service of the machine listens at a port of its loopback address; None where that cannot be known."""
        said, _ = self._asked(f"served {port} {host}")
        return _SERVED.get(said)

    def dial(self, host: str, port: int) -> socket.socket | Refusal:
        """Return a connection to a named destination, or why there is none."""
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with mine:
            with theirs, self._lock:
                socket.send_fds(self._line, [f"dial {port} {host}".encode()], [theirs.fileno()])
            # It may take long, and others ask meanwhile.
            said, descriptors, _, _ = socket.recv_fds(mine, _MESSAGE_BYTES, 1)
        return socket.socket(fileno=descriptors[0]) if descriptors else Refusal(said.decode() or Refusal.SILENT)

    def new_sockets(self) -> list[str]:
        """Return paths of unix sockets that were made outside since this was asked last."""
        said, _ = self._asked("sockets")
        return [path for path in said.strip(" ").split("\0") if path]


class Desk:
    """The other end: does what the keeper may ask for."""

    def __init__(
        self,
        line: socket.socket,
        named: frozenset[Named],
        machine: unix_sockets.Machine,
        complain: Callable[[str], None],
    ) -> None:
        self._line = line
        self._named = named
        self._complain = complain
        self._pinned: dict[Named, list[Address]] = {}
        self._machine = machine

    def answer(self, verb: str, rest: str, descriptors: list[int]) -> None:
        """Answer one question of the keeper."""
        if verb == "listen":
            _answer(self._line, *self._listen(int(rest)))
        elif verb == "dial" and descriptors:
            port, _, host = rest.partition(" ")
            line = socket.socket(fileno=descriptors[0])
            threading.Thread(target=self._dialled, args=(line, Named(host, int(port))), daemon=True).start()
        elif verb == "served":
            port, _, host = rest.partition(" ")
            _answer(self._line, _served(host, int(port)), None)
        else:
            # The rest is told the next time.
            _answer(self._line, "\0".join(self._machine.new_paths(_MOST_PATHS)), None)

    def _dialled(self, line: socket.socket, named: Named) -> None:
        with suppress(OSError), line:
            _answer(line, *self._dial(named))

    def _listen(self, port: int) -> tuple[str, socket.socket | None]:
        held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind(("127.0.0.1", port))
            held.listen(1024)
        except OSError as error:
            held.close()
            why = "is taken" if error.errno == errno.EADDRINUSE else "cannot be opened"
            self._complain(f"port {port} of this machine {why}: the program's own cannot be reached from outside")
            return "refused", None
        return "open", held

    def _dial(self, named: Named) -> tuple[str, socket.socket | None]:
        if named not in self._named:
            return Refusal.UNNAMED, None
        try:
            addresses = self._addresses(named)
        except OSError:
            return Refusal.UNRESOLVED, None
        if not addresses:
            return Refusal.NEARBY, None
        for address in addresses:
            with suppress(OSError):
                return "open", socket.create_connection((str(address), named.port), timeout=_DIAL_SECONDS)
        return Refusal.SILENT, None

    def _addresses(self, named: Named) -> list[Address]:
        """Return the addresses of a host, resolved once; local ones only where an exception names them or the host is one."""
        if named not in self._pinned:
            found = {
                plain(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]))
                for entry in socket.getaddrinfo(named.host, named.port, type=socket.SOCK_STREAM)
            }
            allowed = [
                address for address in sorted(found, key=str) if not is_local(address) or self._is_named(address, named)
            ]
            if not allowed:
                return []
            self._pinned[named] = allowed
        return self._pinned[named]

    def _is_named(self, address: Address, named: Named) -> bool:
        if named.host == "localhost" and address.is_loopback:
            return True
        return any(str(address) == other.host for other in self._named if other.port == named.port)


def _served(host: str, port: int) -> str:
    addresses = ("127.0.0.1", "::1") if host == "localhost" else (host,)
    try:
        return "yes" if any(listeners.is_served(address, port) for address in addresses) else "no"
    except (OSError, ValueError):
        return "unknown"


def _answer(line: socket.socket, text: str, held: socket.socket | None) -> None:
    if held is None:
        line.send((text or " ").encode("utf-8", "surrogateescape"))
        return
    with held:
        socket.send_fds(line, [text.encode()], [held.fileno()])
