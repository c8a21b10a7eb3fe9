"""What a locked program tried to reach: program, destination, how often. No content."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final, NamedTuple

_MOST: Final = 10_000
_MORE: Final = "more destinations"


class Attempt(NamedTuple):
    """One destination that one program tried: `address:port`, `name` for a look-up, or `unix:path`."""

    program: str
    destination: str


class Opened(NamedTuple):
    """A connection through the broker: bytes that went out and came in."""

    host: str
    port: int
    sent: int
    received: int


class Unreached(NamedTuple):
    """A destination that is named, and why there was no connection to it."""

    host: str
    port: int
    why: str


class Attempts:
    """Counts attempts; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Attempt] = Counter()
        self._opened: list[Opened] = []
        self._unreached: Counter[Unreached] = Counter()

    def add(self, program: str, destination: str) -> None:
        """Count one attempt; of very many destinations the rest is counted as one."""
        with self._lock:
            attempt = Attempt(program, destination)
            if attempt not in self._counts and len(self._counts) >= _MOST:
                attempt = Attempt(program, _MORE)
            self._counts[attempt] += 1

    def opened(self, connection: Opened) -> None:
        """Note a connection that was let through."""
        with self._lock:
            self._opened.append(connection)

    def unreached(self, destination: Unreached) -> None:
        """Note a named destination that could not be reached."""
        with self._lock:
            self._unreached[destination] += 1

    def told(self) -> dict[str, list[list[str | int]]]:
        """Return all as JSON holds it, nothing where there is nothing.

        `attempts` has program, destination and count, `opened` host, port and bytes, `unreached` host, port, reason and count.
        """
        with self._lock:
            if not self._counts and not self._opened and not self._unreached:
                return {}
            attempts: list[list[str | int]] = [[*attempt, count] for attempt, count in sorted(self._counts.items())]
            unreached: list[list[str | int]] = [[*where, count] for where, count in sorted(self._unreached.items())]
            opened: list[list[str | int]] = [list(connection) for connection in self._opened]
            return {"attempts": attempts, "opened": opened, "unreached": unreached}
