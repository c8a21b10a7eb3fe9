"""Connections for a process that may not connect: another process makes them, to the one place that was named at the start.

Invariants:

- The place is fixed before the lock. What asks may choose when, and of the embedded engine's sockets which one; never another host,
  port or folder.
- The dialer reads and writes nothing of what goes over a connection. It ends with the process that it dials for.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from privet.egress import kernel
from privet.egress.lock_sockets import open_files

_MESSAGE_BYTES: Final = 512
_CONNECT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where may be dialled: a host and port, or files in folders whose names are of a shape."""

    host: str = ""
    port: int = 0
    folders: Sequence[Path] = ()
    shape: str = ""
    """of what follows the folder, as a regular expression"""

    def allows(self, path: str) -> bool:
        """Tell whether a unix socket may be dialled."""
        return any(
            path.startswith(f"{folder}/") and re.fullmatch(self.shape, path[len(f"{folder}/") :]) is not None
            for folder in self.folders
        )


class Dialer:
    """The line to a process that dials."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    @classmethod
    def start(cls, place: Place) -> Dialer:
        """Start the process. It is a copy of this one, so it is to be started early: before there is anything to be copied, or a thread."""
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            _serve(theirs, place)
        theirs.close()
        return cls(mine)

    async def connection(self, path: str = "") -> socket.socket:
        """Return a connection to the place, or to the unix socket at a path.

        Raises:
            OSError: it cannot be reached.

        """
        loop = asyncio.get_running_loop()
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with mine:
            with theirs:
                socket.send_fds(self._line, [path.encode() or b"\0"], [theirs.fileno()])
            answered: asyncio.Future[None] = loop.create_future()
            loop.add_reader(mine.fileno(), _answered, answered)
            try:
                await answered
            finally:
                loop.remove_reader(mine.fileno())
            said, descriptors, _, _ = socket.recv_fds(mine, _MESSAGE_BYTES, 1)
        if not descriptors:
            number = int(said or 0)
            raise OSError(number, os.strerror(number))
        connection = socket.socket(fileno=descriptors[0])
        connection.setblocking(False)
        return connection

    def close(self) -> None:
        """Let the process end."""
        self._line.close()


def _answered(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _serve(line: socket.socket, place: Place) -> NoReturn:
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        os.closerange(3, line.fileno())
        os.closerange(line.fileno() + 1, open_files())
        while True:
            data, descriptors, _, _ = socket.recv_fds(line, _MESSAGE_BYTES, 1)
            if not data:
                break
            if descriptors:
                asked = (socket.socket(fileno=descriptors[0]), place, data.decode("utf-8", "replace").strip("\0"))
                threading.Thread(target=_answer, args=asked, daemon=True).start()
    finally:
        os._exit(0)


def _answer(reply: socket.socket, place: Place, path: str) -> None:
    with suppress(OSError), reply:
        try:
            held = _dialled(place, path)
        except OSError as error:
            # Errors of the resolver have numbers of their own.
            reply.send(str(0 if isinstance(error, socket.gaierror) else error.errno or 0).encode())
            return
        with held:
            socket.send_fds(reply, [b"open"], [held.fileno()])


def _dialled(place: Place, path: str) -> socket.socket:
    if not path and place.host:
        held = socket.create_connection((place.host, place.port), _CONNECT_SECONDS)
        held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return held
    if not place.allows(path):
        raise PermissionError(1, os.strerror(1))
    held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        held.settimeout(_CONNECT_SECONDS)
        held.connect(path)
    except OSError:
        held.close()
        raise
    return held
