"""Answers for a process that has locked itself in, as a process of its own: makes its sockets, and its connections where it can.

`lock.lock` starts it before there is a filter. It ends when the last process behind the filter has.

Invariants: those of `connections`, and

- Once it answers, it reads nothing from the process but what its calls name.
- Where this process has gone, calls that would be asked about fail.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from privet.egress import callers, kernel
from privet.egress.addresses import Destination
from privet.egress.connections import Connections
from privet.egress.lock_sockets import DNS_PORTS, Maker, Room, bind_to_loopback, open_files
from privet.egress.seccomp import CALLS, Question, answer_descriptor, received

_MESSAGE_BYTES: Final = 256
_SYS_PTRACE: Final = 19
_YAMA: Final = Path("/proc/sys/kernel/yama/ptrace_scope")


def main(line: socket.socket) -> None:
    """Tell what can be had, wait for the filter's descriptor, answer until nobody is left behind the filter."""
    os.closerange(3, line.fileno())
    os.closerange(line.fileno() + 1, open_files())
    # Reparented, so that the locked process has no child that it did not start.
    if os.fork():
        os._exit(0)
    os.setsid()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    try:
        with socket.socket() as probe:
            bind_to_loopback(probe)
    except OSError as error:
        line.send(json.dumps({"failed": error.errno}).encode())
        return
    room, why = _room()
    process, place = json.loads(line.recv(_MESSAGE_BYTES))
    connects = room is not None and _may_look(process, place)
    line.send(json.dumps({"namespace": why, "connects": connects}).encode())
    _, descriptors, _, _ = socket.recv_fds(line, 1, 1)
    if not descriptors:
        return
    line.send(b"ready")
    maker = Maker(room)
    maker.with_unix = connects
    line.setblocking(False)
    LockKeeper(descriptors[0], maker, line).serve()


def _room() -> tuple[Room | None, str]:
    try:
        return Room(), ""
    except OSError as error:
        return None, (error.strerror or "it failed").lower()


def _may_look(process: int, place: int) -> bool:
    """Tell whether memory and descriptors of the process can be read, and those of processes that it will start."""
    try:
        if _YAMA.read_text(encoding="ascii").strip() != "0" and not _may_trace_all():
            return False
    except FileNotFoundError:
        pass
    except OSError:
        return False
    try:
        os.close(kernel.descriptor_of(process, 2))
    except OSError as error:
        if error.errno != errno.EBADF:
            return False
    with suppress(OSError):
        return kernel.memory_of(process, place, 1) == b"p"
    return False


def _may_trace_all() -> bool:
    held = next(line for line in Path("/proc/self/status").read_text("ascii").splitlines() if line.startswith("CapEff"))
    return bool(int(held.split()[1], 16) >> _SYS_PTRACE & 1)


class LockKeeper(Connections):
    """Serves all processes behind one filter."""

    def __init__(self, listener: int, maker: Maker, line: socket.socket) -> None:
        super().__init__(listener, DNS_PORTS)
        self._maker = maker
        self._line = line
        self._calls = CALLS[kernel.machine()]

    def serve(self) -> NoReturn:
        """Answer until nobody is left to ask."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        while True:
            ((_, event),) = poll.poll()
            if event & select.POLLIN:
                with suppress(OSError):
                    self._asked(received(self._listener))
            elif event:
                # Threads may wait for connections that nobody wants any more.
                os._exit(0)

    def _asked(self, question: Question) -> None:
        self._guarded(self._connecting if question.number == self._calls.connect else self._making, question)

    def _making(self, question: Question) -> None:
        family, kind, protocol = (number & 0xFFFFFFFF for number in question.arguments[:3])
        with self._maker.made(family, kind, protocol) as held:
            answer_descriptor(self._listener, question, held.fileno(), inheritable=not kind & socket.SOCK_CLOEXEC)

    def _may_pass(self, thread: int, where: Destination, descriptor: int) -> None:
        if where.address is not None and not self._is_near(where, descriptor):
            self._tried(thread, where)
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    def _is_near(self, where: Destination, descriptor: int) -> bool:
        if not where.is_inside:
            return False
        with socket.socket(fileno=os.dup(descriptor)) as held:
            # UDP sockets are of a namespace where no resolver is.
            return where.port not in DNS_PORTS or held.type != socket.SOCK_STREAM

    def _asked_at(self, thread: int, descriptor: int) -> None:
        # Those ports are looked at before.
        pass

    def _is_inside(self, file: int) -> bool:
        return self._maker.is_inside(file)

    def _tried(self, thread: int, where: Destination) -> None:
        """Tell the locked process what was tried, as long as it takes it."""
        with suppress(OSError):
            self._line.send(json.dumps([callers.program_of(thread), str(where)]).encode())
