"""Bytes between two connections, both ways, without a look at them."""

from __future__ import annotations

import fcntl
import os
import select
import socket
from contextlib import suppress
from typing import Final

_PIPE_BYTES: Final = 1 << 20
_F_SETPIPE_SZ: Final = 1031


class _Way:
    """One direction: what was read of one socket and not yet written to the other waits in a pipe of the kernel."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.reading, self.writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        with suppress(OSError):
            fcntl.fcntl(self.writing, _F_SETPIPE_SZ, _PIPE_BYTES)
        self.waiting = 0
        self.moved = 0
        self.is_open = True

    def read(self) -> None:
        count = os.splice(self.source.fileno(), self.writing, _PIPE_BYTES)
        if count == 0:
            self.is_open = False
        self.waiting += count
        self.moved += count

    def write(self) -> None:
        if self.waiting:
            self.waiting -= os.splice(self.reading, self.target.fileno(), self.waiting)

    def close(self) -> None:
        os.close(self.reading)
        os.close(self.writing)


def relay(one: socket.socket, other: socket.socket) -> tuple[int, int]:
    """Pass bytes on until both sides have ended, or one is gone; return how many went from the first and to it. Both are closed."""
    one.setblocking(False)
    other.setblocking(False)
    ways = (_Way(one, other), _Way(other, one))
    try:
        with suppress(OSError):
            _pass_on(ways)
    finally:
        for way in ways:
            way.close()
        one.close()
        other.close()
    return ways[0].moved, ways[1].moved


def _pass_on(ways: tuple[_Way, _Way]) -> None:
    poll = select.poll()
    asked: dict[int, int] = {}
    open_ways = list(ways)
    while open_ways:
        wanted = {way.source.fileno(): 0 for way in ways}
        for way in open_ways:
            if way.waiting:
                wanted[way.target.fileno()] |= select.POLLOUT
            else:
                wanted[way.source.fileno()] |= select.POLLIN
        _ask(poll, asked, wanted)
        ready = {number for number, _ in poll.poll()}
        for way in open_ways:
            with suppress(BlockingIOError):
                if way.waiting and way.target.fileno() in ready:
                    way.write()
                elif not way.waiting and way.source.fileno() in ready:
                    way.read()
                    way.write()
        for way in [way for way in open_ways if not way.is_open and not way.waiting]:
            open_ways.remove(way)
            with suppress(OSError):
                way.target.shutdown(socket.SHUT_WR)


def _ask(poll: select.poll, asked: dict[int, int], wanted: dict[int, int]) -> None:
    for number, events in wanted.items():
        if asked.get(number, 0) == events:
            continue
        if events:
            poll.register(number, events)
        else:
            # A connection that is closed on both sides would be told again and again.
            poll.unregister(number)
        asked[number] = events
