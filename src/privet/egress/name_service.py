"""All questions for names that a locked program asks: answered at once, and counted, or learned."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

from privet.egress import resolver
from privet.egress.addresses import Destination
from privet.egress.attempts import Attempts

_MOST_ASKERS: Final = 1 << 12
_MESSAGE_BYTES: Final = 4096


class NameService:
    """Knows no names, or, where they are to be learned, one stand-in address for each; knows by their ports who asks."""

    def __init__(self, attempts: Attempts, *, learning: bool) -> None:
        self._attempts = attempts
        self._stand_ins = resolver.StandIns() if learning else None
        self._look_ups = resolver.LookUps()
        self._askers: dict[int, str] = {}

    def answer(self, names: socket.socket) -> None:
        """Answer one question."""
        with suppress(OSError):
            message, sender = names.recvfrom(_MESSAGE_BYTES)
            asked = resolver.query(message)
            if asked is None:
                return
            if resolver.is_near(asked.name):
                reply = resolver.no_such_name(message, asked)
            elif self._stand_ins is not None:
                reply = resolver.address_of(message, asked, self._stand_ins.address(asked.name))
            else:
                program = self.asker(sender[1])
                if self._look_ups.is_new(program, asked):
                    self._attempts.add(program, asked.name)
                reply = resolver.no_such_name(message, asked)
            names.sendto(reply, sender)

    def remember(self, port: int, program: str) -> None:
        """Note which program asks from a port."""
        if len(self._askers) > _MOST_ASKERS:
            self._askers.clear()
        self._askers[port] = program

    def asker(self, port: int) -> str:
        """Return which program asks from a port."""
        return self._askers.get(port, "?")

    def text(self, where: Destination) -> str:
        """Return a destination, by the name for which its address stands in."""
        if self._stand_ins is None or where.address is None:
            return str(where)
        return f"{self._stand_ins.name(str(where.address))}:{where.port}"
