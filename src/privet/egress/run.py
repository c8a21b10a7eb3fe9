"""Run a program with no way off the machine but named ones.

Invariants: this process stays outside; it ends when the program has ended, with its exit code. Killed, it takes the program and all that it
started along.
"""

from __future__ import annotations

import gc
import os
import select
import struct

from privet.egress import inside, kernel, namespaces, seccomp, unix_sockets
from privet.egress.bare import Ignoring, signal, socket
from privet.egress.program import FORWARDED, Program, exit_code
from privet.errors import Unprotected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, Final

    from privet.egress.outside import Desk


_MESSAGE_BYTES: Final = 1 << 18
_DESCRIPTOR: Final = struct.Struct("=i")


class Ended:
    """What became of a locked program: its exit code, what it tried and what was let through (see `Attempts.told`)."""

    def __init__(self, code: int, told: dict[str, Any]) -> None:
        self.code, self.told = code, told


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    named: Iterable[tuple[str, int]] = (),
    *,
    learning: bool = False,
    complain: Callable[[str], None] = lambda _text: None,
) -> Ended:
    """Run a command with an environment; `named` destinations are open to it. With `learning` none is, and names are learned.

    Raises:
        Unprotected: a layer cannot be had here; the program was not started.

    """
    if kernel.machine() not in seccomp.CALLS:
        raise Unprotected(
            "this processor's system calls are not known here, so nothing was started",
            hint="run it in a container: docker run --network none …",
        )
    allowed = frozenset() if learning else frozenset(named)
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
    signals = kernel.signalfd(FORWARDED)
    machine = unix_sockets.Machine()
    program = Program(
        command, environment, sorted(allowed), frozenset(map(int, before)), machine.new_paths(), learning=learning
    )
    keeper = os.fork()
    if keeper == 0:
        mine.close()
        os.close(signals)
        inside.keep(theirs, program)
    theirs.close()
    try:
        return _Watch(mine, signals, allowed, machine, complain).until_ended(keeper)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(signals)
        mine.close()


class _Watch:
    """The loop outside: questions of the keeper, signals for the program, the end."""

    def __init__(
        self,
        line: socket.socket,
        signals: int,
        allowed: frozenset[tuple[str, int]],
        machine: unix_sockets.Machine,
        complain: Callable[[str], None],
    ) -> None:
        self._line, self._signals = line, signals
        self._allowed, self._machine, self._complain = allowed, machine, complain
        self._desk: Desk | None = None
        self._first = 0
        self._waiting: list[int] = []
        self._failed = ""
        self._told = ""

    def until_ended(self, keeper: int) -> Ended:
        """Return what became of the program."""
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        poll.register(self._signals, select.POLLIN)
        while True:
            for number, _ in poll.poll():
                if number == self._signals:
                    self._pass_on(*kernel.signal_from(self._signals))
                elif not self._heard():
                    _, status = os.waitpid(keeper, 0)
                    if self._failed:
                        raise _unprotected(self._failed)
                    return Ended(exit_code(status), _told(self._told))

    def _pass_on(self, number: int, code: int) -> None:
        # The terminal's own signals have reached the program already.
        if code != kernel.FROM_KERNEL:
            self._waiting.append(number)
        while self._first and self._waiting:
            with Ignoring(ProcessLookupError):
                os.kill(self._first, self._waiting.pop(0))

    def _heard(self) -> bool:
        try:
            data, control, _, _ = self._line.recvmsg(_MESSAGE_BYTES, socket.CMSG_SPACE(_DESCRIPTOR.size))
        except ConnectionResetError:
            # It ended before it read an answer; what it said before that comes next.
            return True
        verb, _, rest = data.decode("utf-8", "surrogateescape").partition(" ")
        if verb == "map":
            self._line.send(namespaces.mapped(int(rest)))
            self._machine.leave_out(int(rest))
        elif verb == "first":
            self._first = int(rest)
            self._pass_on(0, kernel.FROM_KERNEL)
        elif verb == "ended":
            self._told += rest
        elif verb == "failed":
            self._failed = rest
        elif data:
            if self._desk is None:
                self._desk = self._new_desk()
            self._desk.answer(verb, rest, [_DESCRIPTOR.unpack_from(held)[0] for _, _, held in control])
        return bool(data)

    def _new_desk(self) -> Desk:
        # Loaded when the keeper asks for something: many programs end before that.
        gc.enable()
        from privet.egress.outside import Desk, Named

        return Desk(self._line, frozenset(Named(*item) for item in self._allowed), self._machine, self._complain)


def _told(text: str) -> dict[str, Any]:
    if not text:
        return {"attempts": [], "opened": [], "unreached": []}
    import json

    told: dict[str, Any] = json.loads(text)
    return told


def _unprotected(failed: str) -> Unprotected:
    number, _, layer = failed.partition(" ")
    why = os.strerror(int(number)) if number.isdigit() else "unknown"
    return Unprotected(
        f"the {layer} layer cannot be had here ({why.lower()}), so nothing was started",
        hint="see `privet run --explain` for what is missing, or run it in a container: docker run --network none …",
    )
