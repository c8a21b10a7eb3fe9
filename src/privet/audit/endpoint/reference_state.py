"""What the reference server keeps: the cache of prefixes, files, what leaks keep, and its log.

Invariants, where no leak is switched on:

- What one key sent is found by that key alone, in memory alone; the log holds times, routes and statuses.
- The time that a prompt costs depends on what its own key asked before, and on nothing else.
"""

from __future__ import annotations

import base64
import gzip
import secrets
import sqlite3
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from privet.audit.endpoint.reference_http import Request

_BLOCK: Final = 8
_MAX_PREFIXES: Final = 200_000


@dataclass(slots=True, repr=False)
class Prefixes:
    """Blocks of tokens that were computed before, each with all before it. `salt`: whose they are."""

    _known: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def cached(self, salt: str, tokens: Sequence[str]) -> int:
        """Return how many tokens were known, and know them all from now on."""
        found, broken = 0, False
        state = blake2b(self._secret + salt.encode(), digest_size=16)
        for start in range(0, len(tokens) - _BLOCK + 1, _BLOCK):
            state.update("\0".join(tokens[start : start + _BLOCK]).encode("utf-8", "replace") + b"\1")
            mark = state.digest()
            broken = broken or mark not in self._known
            found += 0 if broken else _BLOCK
            self._known[mark] = None
            self._known.move_to_end(mark)
        while len(self._known) > _MAX_PREFIXES:
            self._known.popitem(last=False)
        return found


@dataclass(slots=True, repr=False)
class Kept:
    """What stands in memory. Each thing is kept with the key that it belongs to."""

    own: Prefixes = field(default_factory=Prefixes)
    shared: Prefixes = field(default_factory=Prefixes)
    files: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    """id: key, name, content"""
    deleted: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    objects: dict[str, tuple[str, Any]] = field(default_factory=dict)
    """stored answers, responses and conversations, where a leak stores them"""
    heard: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=200))
    """key and question, where a leak remembers them"""
    answers: dict[str, str] = field(default_factory=dict)
    """answers by what was asked, where a leak keeps them"""
    replays: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, repr=False)
class Log:
    """The log of the server, and what leaks write beside it."""

    folder: Path
    leaks: frozenset[str]

    def write(self, request: Request, route: str, status: int, said: str) -> None:
        """Note one request: `route` is one of the server's own, never what was asked for."""
        self._append("access.log", f"{time.strftime('%H:%M:%S')} {request.method} {route} {status}")
        body = request.body.decode("utf-8", "replace")
        if "persistence:log" in self.leaks and body:
            self._append("debug.log", f"request {body}")
        if "persistence:base64" in self.leaks and body:
            self._append("trace.log", base64.b64encode(request.body).decode())
        if "persistence:errors" in self.leaks and status >= 400:
            self._append("error.log", f"{status} for {body}")
        if "persistence:url" in self.leaks:
            self._append("http.log", f"{request.method} {request.target} {status}")
        if "persistence:sqlite" in self.leaks and body:
            self._insert(body, said)
        if "persistence:gzip" in self.leaks and body:
            with gzip.open(self.folder / "history.gz", "at", encoding="utf-8") as packed:
                packed.write(f"{body}\t{said}\n")

    def _append(self, name: str, line: str) -> None:
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _insert(self, asked: str, said: str) -> None:
        database = sqlite3.connect(self.folder / "history.db")
        try:
            with database:
                database.execute("CREATE TABLE IF NOT EXISTS history (asked TEXT, said TEXT)")
                database.execute("INSERT INTO history VALUES (?, ?)", (asked, said))
        finally:
            database.close()
