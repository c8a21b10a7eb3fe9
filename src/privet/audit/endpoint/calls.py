"""Whom a process and its children call, watched from outside while it serves.

Invariants:

- A call is the server's where the socket is one of its own: by the descriptors it has open, while it has them open. What ends before
  anybody could look is a stray: seen, but nobody's.
- Who is called from is no caller: a socket at a port that is listened at came in.
- Watching takes a tenth of one core at most, and a third while the server is asked for this test alone: it looks less often where looking
  takes longer.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from privet.audit.endpoint.processes import Processes
from privet.audit.endpoint.sockets import LISTEN, Kernel, Socket, cookie_of, listed

_EVERY_SECONDS: Final = 0.02
_CLOSELY_SECONDS: Final = 0.004
_LOADS: Final = 10
_GAP_SECONDS: Final = 0.5
_DNS: Final = 53
PUBLIC: Final = "an address of the public internet"
PRIVATE: Final = "a private or reserved address"
LINK: Final = "an address of the local link"
MANY: Final = "an address of many"
NAMES: Final = "a name service"
KINDS: Final = (PUBLIC, PRIVATE, LINK, MANY, NAMES)


@dataclass(slots=True, repr=False)
class Calls:
    """What was seen. `kinds` and `strays`: distinct calls by kind of address."""

    processes: Processes
    kinds: Counter[str] = field(default_factory=Counter)
    strays: Counter[str] = field(default_factory=Counter)
    upstream_ports: set[int] = field(default_factory=set)
    asks_names_here: bool = False
    has_open_udp: bool = False
    samples: int = 0
    gap_seconds: float = 0.0
    begun: float = 0.0
    closely: bool = False
    stopped: bool = False
    _kernel: Kernel | None = None
    _own: dict[int, bool] = field(default_factory=dict)
    """by cookie: whether a socket is the server's"""
    _inodes: dict[int, int] = field(default_factory=dict)
    """cookies of the server's sockets by inode"""
    _seen: set[tuple[bool, int, bytes, int]] = field(default_factory=set)
    _listening: set[int] = field(default_factory=set)
    _at_first: set[int] = field(default_factory=set)

    @property
    def hears_all(self) -> bool:
        """Whether the kernel told of every socket that ended."""
        return self._kernel is not None and not self._kernel.lost

    def open(self) -> None:
        """Begin; a network of its own is watched by what `/proc` lists."""
        self.begun = time.monotonic()
        own = os.stat("/proc/self/ns/net").st_ino  # noqa: PTH116 - a name that is no path of the user's
        with suppress(OSError):
            if os.stat(f"/proc/{self.processes.pid}/ns/net").st_ino == own:  # noqa: PTH116 - as above
                self._kernel = Kernel.opened()
        sockets = self._sockets()
        self._at_first = {each.inode for each in sockets if each.is_udp}
        self.look(sockets)

    async def watch(self, is_over: Callable[[], bool]) -> None:
        """Look until it is stopped, or everything is over."""
        last = time.monotonic()
        try:
            while not (self.stopped or is_over()):
                self.gap_seconds += max(0.0, time.monotonic() - last - _GAP_SECONDS)
                spent = time.thread_time()
                self.look(self._sockets())
                spent = time.thread_time() - spent
                last = time.monotonic()
                least = _CLOSELY_SECONDS if self.closely else _EVERY_SECONDS
                await asyncio.sleep(max(least, spent * (2 if self.closely else _LOADS)))
        finally:
            if self._kernel is not None:
                self._kernel.close()

    def _sockets(self) -> list[Socket]:
        if self._kernel is not None:
            with suppress(OSError):
                return list(self._kernel.sockets())
        return list(listed(self.processes.pid))

    def look(self, sockets: list[Socket]) -> None:
        """Take in what there is now, and what has ended since."""
        self.samples += 1
        self._listening |= {each.port for each in sockets if each.state == LISTEN and not each.is_udp}
        own = self._own_inodes()
        for each in sockets:
            is_own = each.inode in own
            if each.cookie and each.inode:
                self._own[each.cookie] = is_own
            if is_own:
                self._note(each)
        for each in self._kernel.ended() if self._kernel is not None else ():
            if not each.has_peer or each.is_local or each.port in self._listening:
                continue
            known = self._own.get(each.cookie)
            if known:
                self._note(each)
            elif known is None:
                self.strays[_kind(each)] += 1

    def _own_inodes(self) -> dict[int, int]:
        """Return the server's sockets; those that are new are asked for their number, as one that was refused is in no list."""
        found: dict[int, int] = {}
        for inode, pid, descriptor in self.processes.open_sockets():
            if inode not in found:
                known = self._inodes.get(inode)
                found[inode] = cookie_of(pid, descriptor) if known is None and self._kernel is not None else known or 0
                if found[inode]:
                    self._own[found[inode]] = True
        self._inodes = found
        return found

    def _note(self, each: Socket) -> None:
        if not each.has_peer:
            self.has_open_udp |= each.is_udp and each.inode not in self._at_first and each.port not in self._listening
            return
        key = (each.is_udp, each.port, each.peer, each.peer_port)
        if key in self._seen or (each.port in self._listening and not each.is_udp):
            return
        self._seen.add(key)
        if not each.is_local:
            self.kinds[_kind(each)] += 1
        elif each.peer_port == _DNS:
            self.asks_names_here = True
        elif each.peer_port not in self._listening or each.port not in self._listening:
            self.upstream_ports.add(each.peer_port)


def _kind(each: Socket) -> str:
    if each.peer_port == _DNS:
        return NAMES
    address = each.address
    if address.is_multicast or str(address) == "255.255.255.255":
        return MANY
    if address.is_link_local:
        return LINK
    return PUBLIC if address.is_global else PRIVATE
