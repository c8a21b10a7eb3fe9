"""Answers for a locked program: who may connect where, which of its ports the user sees, names and named exceptions.

It runs in the program's network namespace but not behind its filter, as a process of its own.

Invariants: those of `connections`, and nothing of what is sent is read here: only addresses, names that are asked for, and the first line
of a CONNECT.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from privet.egress import broker, callers, kernel, unix_sockets
from privet.egress.addresses import Destination, destination, loopback_port
from privet.egress.attempts import Attempts, Unreached
from privet.egress.connections import Connections, socket_of
from privet.egress.name_service import NameService
from privet.egress.outside import Outside, Refusal
from privet.egress.ports import Ports
from privet.egress.seccomp import CALLS, Question, answer, is_waiting, received

_MAX_DATAGRAM_BYTES: Final = 1 << 20
_MAX_MESSAGES: Final = 1024
_MESSAGE_BYTES: Final = 64
"""size of struct mmsghdr, which begins with a struct msghdr, which begins with address and length of a name"""
_MESSAGE_NAME: Final = struct.Struct("=QI")
_NUMBER: Final = 0xFFFFFFFF
_LOOK_SECONDS: Final = 0.2
_PORTS_SECONDS: Final = 1.0
"""A list of the open ports takes the kernel some milliseconds; who comes to a closed one meanwhile is turned away."""
_SETTLE_SECONDS: Final = 0.5
_HOME: Final = (ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv4Address("0.0.0.0"))  # noqa: S104 (compared, not bound)
"""where services of the machine that are named answer inside"""


class Keeper(Connections):
    """Serves one locked program until it ends."""

    def __init__(self, listener: int, outside: Outside, attempts: Attempts, *, learning: bool) -> None:
        super().__init__(listener, {broker.NAME_PORT})
        self._outside = outside
        self.attempts = attempts
        self._calls = calls = CALLS[kernel.machine()]
        self._handlers: dict[int, Callable[[Question], None]] = {
            calls.connect: self._connecting,
            calls.listen: self._listening,
            calls.sendto: self._sending,
            calls.sendmsg: self._sending_messages,
            calls.sendmmsg: self._sending_messages,
        }
        self._poll = select.poll()
        self._ports = Ports(outside, self._poll, self._threads)
        self._service = NameService(attempts, learning=learning)
        self._names: socket.socket | None = None
        self._broker: socket.socket | None = None
        self._doors: dict[int, tuple[socket.socket, str, int]] = {}
        self._at_home: dict[int, str] = {}
        self._ended = threading.Event()

    def take_names(self, names: socket.socket | None) -> None:
        """Answer for names on this socket."""
        self._names = names

    def take_broker(self, listening: socket.socket | None) -> None:
        """Open named destinations for those who ask on this socket."""
        if listening is not None:
            self._broker = _able(listening)
            self._looked_at.add(self._broker.getsockname()[1])

    def take_doors(self, doors: Sequence[tuple[socket.socket, str, int]]) -> None:
        """Open a named destination of this machine, host and port, for those who connect to its socket."""
        self._doors = {held.fileno(): (_able(held), host, port) for held, host, port in doors}
        self._at_home = {port: host for _, host, port in doors}
        self._looked_at |= self._at_home.keys()

    def serve(self, ended: int) -> None:
        """Answer until the descriptor `ended` can be read."""
        self._poll.register(ended, select.POLLIN)
        self._poll.register(self._listener, select.POLLIN)
        for held in (self._names, self._broker, *(door for door, _, _ in self._doors.values())):
            if held is not None:
                self._poll.register(held, select.POLLIN)
        hiding = threading.Thread(target=self._hide_new, daemon=True)
        hiding.start()
        asked_alone = [(self._listener, select.POLLIN)]
        while True:
            found = self._poll.poll(_PORTS_SECONDS * 1000)
            if found == asked_alone:
                # As nearly always, and the program waits.
                self._asked()
                continue
            ready = dict(found)
            if ended in ready:
                self._ended.set()
                hiding.join()
                # What was let through is counted when it has ended, which it does as the program's side is gone.
                self._threads.settle(_SETTLE_SECONDS)
                return
            if not ready:
                self._ports.close_unused()
            if ready.get(self._listener, 0) & select.POLLIN:
                self._asked()
            elif self._listener in ready:
                # Nobody is left behind the filter, which would be told again and again.
                self._poll.unregister(self._listener)
            if len(ready) > 1 or self._listener not in ready:
                self._served(set(ready))

    def _served(self, ready: set[int]) -> None:
        if self._names is not None and self._names.fileno() in ready:
            self._service.answer(self._names)
        if self._broker is not None and self._broker.fileno() in ready:
            client, (_, port) = self._broker.accept()
            # Who that is may be noted only now: it is asked for later.
            program = partial(self._service.asker, port)
            self._threads.do(partial(broker.serve, client, self._outside, self.attempts, program))
        for number in ready & self._doors.keys():
            held, host, opened = self._doors[number]
            self._threads.do(partial(broker.open_door, held.accept()[0], host, opened, self._outside, self.attempts))
        self._ports.serve(ready)

    # -- system calls that wait

    def _asked(self) -> None:
        try:
            question = received(self._listener)
        except OSError:
            return
        self._guarded(self._handlers[question.number], question)

    def _sending(self, question: Question) -> None:
        """Send a datagram to a unix socket as `_connecting` connects; of others, which the namespace drops, note where they were to go."""
        raw = callers.address_of(question.thread, question.arguments[4], question.arguments[5])
        port = loopback_port(raw)
        if port == broker.NAME_PORT:
            # Resolvers that do not connect, such as musl's.
            self._asking(question)
        if port is None:
            where = destination(raw)
            if where.path is not None:
                self._threads.do(partial(self._guarded, self._sent, question, where))
                return
            self._note(question.thread, where)
        answer(self._listener, question, go_on=True)

    def _sending_messages(self, question: Question) -> None:
        """Let messages go that name no file of a unix socket made outside: nearly all name nothing, as they go where they are connected."""
        count = 1 if question.number == self._calls.sendmsg else min(question.arguments[2] & _NUMBER, _MAX_MESSAGES)
        for number in range(count):
            head = kernel.memory_of(
                question.thread, question.arguments[1] + number * _MESSAGE_BYTES, _MESSAGE_NAME.size
            )
            if len(head) < _MESSAGE_NAME.size:
                raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))
            place, length = _MESSAGE_NAME.unpack(head)
            if not place or not length:
                continue
            where = destination(callers.address_of(question.thread, place, length))
            if where.path is not None:
                self._at_file(question, where, lambda _address: 0)
            self._note(question.thread, where)
        answer(self._listener, question, go_on=True)

    def _sent(self, question: Question, where: Destination) -> None:
        number, place, size, flags = question.arguments[:4]
        if size > _MAX_DATAGRAM_BYTES:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        descriptor = self._handles.descriptor_of(question.thread, number)
        try:
            data = kernel.memory_of(question.thread, place, size)
            if is_waiting(self._listener, question):
                sent = self._at_file(question, where, lambda address: kernel.sendto(descriptor, data, flags, address))
                answer(self._listener, question, result=sent)
        finally:
            os.close(descriptor)

    def _listening(self, question: Question) -> None:
        with socket_of(self._handles.descriptor_of(question.thread, question.arguments[0])) as held:
            kernel.listen(held.fileno(), question.arguments[1] & 0x7FFFFFFF)
            self._ports.show(held)
        answer(self._listener, question)

    def _hide_new(self) -> None:
        """Hide unix sockets as they are made outside: nobody is asked about a `sendmsg`."""
        with suppress(OSError):
            while not self._ended.wait(_LOOK_SECONDS):
                if new := self._outside.new_sockets():
                    unix_sockets.hide(new)

    def _may_pass(self, thread: int, where: Destination, descriptor: int) -> None:
        # The namespace has no way out for it: it only counts.
        self._note(thread, where)
        host = self._at_home.get(where.port)
        if host is None or where.address not in _HOME or not _is_stream(descriptor):
            return
        if self._outside.is_served(host, where.port) is False:
            # The door would open, and close in the program's face.
            self.attempts.unreached(Unreached(host, where.port, Refusal.SILENT))
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))

    def _connect(self, thread: int, descriptor: int, raw: bytes) -> None:
        """Connect, and note where nothing inside answers and a service of the machine would."""
        try:
            kernel.connect(descriptor, raw)
        except (ConnectionRefusedError, BlockingIOError) as error:
            where = destination(raw)
            is_refused = isinstance(error, ConnectionRefusedError) or _has_failed(descriptor)
            if is_refused and where.address in _HOME and not self._ports.is_shown(where.port):
                # Not now: the program would know by the time that it takes.
                self._threads.do(partial(self._missed, callers.program_of(thread), where.port))
            raise

    def _missed(self, program: str, port: int) -> None:
        if self._outside.is_served("localhost", port):
            self.attempts.add(program, f"localhost:{port}")

    def _is_inside(self, file: int) -> bool:
        return unix_sockets.is_inside(os.fstat(file))

    def _asking(self, question: Question) -> None:
        descriptor = self._handles.descriptor_of(question.thread, question.arguments[0])
        try:
            self._asked_at(question.thread, descriptor)
        finally:
            os.close(descriptor)

    def _asked_at(self, thread: int, descriptor: int) -> None:
        """Note who asks for a name or a named destination, by its port."""
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as held:
            self._service.remember(held.getsockname()[1], callers.program_of(thread))

    def _note(self, thread: int, where: Destination) -> None:
        """Count an attempt to leave, if it is one."""
        if where.address is not None and not where.is_inside:
            self._tried(thread, where)

    def _tried(self, thread: int, where: Destination) -> None:
        self.attempts.add(callers.program_of(thread), self._service.text(where))


def _is_stream(descriptor: int) -> bool:
    with socket.socket(fileno=os.dup(descriptor)) as held:
        return held.type == socket.SOCK_STREAM


def _has_failed(descriptor: int) -> bool:
    """Tell whether a connection that is being made has failed; the program is told why when it asks."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _able(held: socket.socket) -> socket.socket:
    """Return a socket that accepts connections for one that was made before `socket` was loaded (see `bare`)."""
    return socket.socket(fileno=held.detach())
