"""How whoever answers for a program makes its connections: those of a keeper outside (`keeper`), and of a lock (`lock_keeper`).

Invariants:

- A socket is connected here, on the descriptor that was asked about and to the address that was looked at; to a unix socket through the
  descriptor of its file. What the program writes over its memory or puts in the place of the path meanwhile changes nothing.
- What cannot be looked at does not go on.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from privet.egress import callers, kernel
from privet.egress.addresses import Destination, destination, loopback_port
from privet.egress.seccomp import Question, answer, is_waiting
from privet.egress.threads import Threads

_TIME: Final = struct.Struct("@ll")
_SOON: Final = _TIME.pack(0, 20_000)


class Connections(ABC):
    """Answers `connect`. What may be reached is said by who answers."""

    def __init__(self, listener: int, looked_at: Iterable[int] = ()) -> None:
        """Answer on a filter's descriptor. Connections to the ports `looked_at` of loopback are looked at like those elsewhere."""
        self._listener = listener
        self._looked_at = set(looked_at)
        self._threads = Threads()
        self._handles = callers.Handles()

    @abstractmethod
    def _may_pass(self, thread: int, where: Destination, descriptor: int) -> None:
        """Look at where a socket is to be connected.

        Raises:
            OSError: it is not to be.

        """

    @abstractmethod
    def _is_inside(self, file: int) -> bool:
        """Tell whether a file is that of a unix socket that was made inside."""

    @abstractmethod
    def _tried(self, thread: int, where: Destination) -> None:
        """Note an attempt to leave."""

    @abstractmethod
    def _asked_at(self, thread: int, descriptor: int) -> None:
        """Note who has connected to a port that is looked at."""

    def _connect(self, _thread: int, descriptor: int, raw: bytes) -> None:
        """Connect a socket to an address of the internet."""
        kernel.connect(descriptor, raw)

    def _guarded(self, act: Callable[..., None], question: Question, *more: object) -> None:
        """Do what answers a question. Where that fails, so does the call."""
        try:
            act(question, *more)
        except Exception as error:
            # Whoever is not answered waits for ever, and without the keeper nobody is.
            answer(self._listener, question, error=getattr(error, "errno", None) or errno.EACCES)

    def _connecting(self, question: Question) -> None:
        raw = callers.address_of(question.thread, question.arguments[1], question.arguments[2])
        descriptor = self._handles.descriptor_of(question.thread, question.arguments[0])
        if not is_waiting(self._listener, question):
            os.close(descriptor)
            return
        port = loopback_port(raw)
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_NONBLOCK:
            self._connected(question, descriptor, raw)
        elif port is None or port in self._looked_at:
            # A full queue of the other side may make it wait.
            self._threads.do(partial(self._guarded, self._connected, question, descriptor, raw))
        else:
            self._connected_soon(question, descriptor, raw)

    def _connected_soon(self, question: Question, descriptor: int, raw: bytes) -> None:
        """Connect to an address of loopback, which takes less than to wake a thread, and only then a thread where it does not."""
        try:
            kept = kernel.socket_option(descriptor, socket.SOL_SOCKET, socket.SO_SNDTIMEO, len(_SOON))
        except OSError:
            os.close(descriptor)
            raise
        kernel.set_socket_option(descriptor, socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SOON)
        is_done = True
        try:
            self._connect(question.thread, descriptor, raw)
        except BlockingIOError:
            is_done = False
        finally:
            # It is the program's own socket.
            kernel.set_socket_option(descriptor, socket.SOL_SOCKET, socket.SO_SNDTIMEO, kept)
            if is_done:
                os.close(descriptor)
        if is_done:
            answer(self._listener, question)
        else:
            self._threads.do(partial(self._guarded, self._connected, question, descriptor, raw))

    def _connected(self, question: Question, descriptor: int, raw: bytes) -> None:
        where = destination(raw)
        try:
            if where.path is not None:
                self._at_file(question, where, lambda address: kernel.connect(descriptor, address))
            else:
                self._may_pass(question.thread, where, descriptor)
                try:
                    self._connect(question.thread, descriptor, raw)
                finally:
                    if where.is_inside and where.port in self._looked_at:
                        self._asked_at(question.thread, descriptor)
        finally:
            os.close(descriptor)
        answer(self._listener, question)

    def _at_file(self, question: Question, where: Destination, reach: Callable[[bytes], int]) -> int:
        """Reach the file of a unix socket by an address that stands for that very file.

        Raises:
            OSError: it was not made inside, or cannot be reached.

        """
        file = callers.file_at(question.thread, where.path or b"")
        try:
            if not self._is_inside(file):
                self._tried(question.thread, where)
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            address = struct.pack("=H", socket.AF_UNIX) + f"/proc/self/fd/{file}".encode() + b"\0"
            user = callers.user_of(question.thread)
            if user == os.geteuid():
                return reach(address)
            # The other side asks the kernel who connects, and the file's owner decides who may.
            with kernel.acting_as(user, callers.group_of(question.thread)):
                return reach(address)
        finally:
            os.close(file)


def socket_of(descriptor: int) -> socket.socket:
    """Return a socket for a descriptor, which is closed where it is none."""
    try:
        return socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise
