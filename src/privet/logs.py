"""Log lines that cannot hold an identifier: an allow-list of templates, buckets, counts and keyed ids.

Invariants:

- An access line is made from `AccessEvent`, whose fields are rule ids, route templates, numbers and counts; no field takes free text.
- Records of other libraries' loggers become a level, a logger's name and a place in the code; their text and arguments are dropped,
  because libraries put data into them.
- Writing never blocks the event loop: lines go to a thread through a bounded queue, and are counted when dropped.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Protocol

import msgspec

from privet.hardening import place_of
from privet.policy import DEFAULT, LogsPolicy

LATENCY_BUCKETS_SECONDS: Final = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)
_QUEUE_LINES: Final = 10_000
_GATHER_SECONDS: Final = 0.05


@dataclass(slots=True)
class AccessEvent:
    """What is known about one request when it is over."""

    route: str = "none"
    status: int = 0
    seconds: float = 0.0
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    masked: Mapping[str, int] = field(default_factory=dict)
    redacted: Mapping[str, int] = field(default_factory=dict)
    rule: str | None = None
    caller: str | None = None


def latency_bucket(seconds: float) -> str:
    """Return the bucket a latency falls into, such as `<0.1s`; exact times identify a request across systems."""
    for bound in LATENCY_BUCKETS_SECONDS:
        if seconds < bound:
            return f"<{bound:g}s"
    return f">={LATENCY_BUCKETS_SECONDS[-1]:g}s"


class Lines(Protocol):
    """Takes finished lines."""

    def write(self, line: bytes) -> None:
        """Take one line, with its end."""


class LineWriter:
    """Writes lines to a file descriptor from a thread of its own, batching what has gathered."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        # A deque and a flag: a queue's lock and condition would cost each request more than the line itself.
        self._lines: deque[bytes] = deque()
        self._ready = threading.Event()
        self._told = False
        self._closing = threading.Event()
        # Counted apart, because each belongs to one thread: `+=` on a shared number loses some.
        self._refused = 0
        self._lost = 0
        self._thread = threading.Thread(target=self._run, name="privet-log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many lines nobody will read."""
        return self._refused + self._lost

    def write(self, line: bytes) -> None:
        """Queue one line; where the reader of the log has stopped reading, the line is dropped and counted."""
        if len(self._lines) >= _QUEUE_LINES:
            self._refused += 1
            return
        self._lines.append(line)
        if not self._told:
            self._told = True
            self._ready.set()

    def close(self, timeout_seconds: float = 1.0) -> None:
        """Write what is queued and stop, unless the reader has stopped reading."""
        self._closing.set()
        self._ready.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while True:
            self._ready.wait()
            # Waking this thread for every line would cost more than writing it.
            self._closing.wait(_GATHER_SECONDS)
            # Before the lines are taken and the end is looked for: what comes from here on says so again.
            self._ready.clear()
            self._told = False
            stop = self._closing.is_set()
            self._write([self._lines.popleft() for _ in range(len(self._lines))])
            if stop:
                return

    def _write(self, lines: list[bytes]) -> None:
        rest = b"".join(lines)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            # The terminal or pipe is gone. Serving goes on; there is nobody to tell.
            self._lost += rest.count(b"\n")


class _Line(msgspec.Struct, omit_defaults=True):
    """One line of the access log: its fields are those the policy knows, and None is left out."""

    time: str
    route: str
    status: int
    latency: str
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    masked: Mapping[str, int] | None = None
    redacted: Mapping[str, int] | None = None
    rule: str | None = None
    caller: str | None = None


class AccessLog:
    """Writes one JSON line a request, with the fields the policy leaves."""

    def __init__(self, policy: LogsPolicy, writer: Lines) -> None:
        self._fields = policy.fields
        self._all = DEFAULT.logs.fields <= policy.fields
        self._round = policy.round_seconds
        self._writer = writer

    def write(self, event: AccessEvent) -> None:
        """Write an event."""
        if not self._fields:
            return
        line = _Line(
            rounded_time(self._round),
            event.route,
            event.status,
            latency_bucket(event.seconds),
            event.prompt_tokens,
            event.answer_tokens,
            event.masked or None,
            event.redacted or None,
            event.rule,
            event.caller,
        )
        kept: Any = line
        if not self._all:
            kept = {
                name: value
                for name, value in msgspec.structs.asdict(line).items()
                if name in self._fields and value is not None
            }
        self._writer.write(msgspec.json.encode(kept) + b"\n")


class PlaceHandler(logging.Handler):
    """Turns other libraries' records into lines without their text."""

    def __init__(self, writer: Lines, round_seconds: int) -> None:
        super().__init__(logging.WARNING)
        self._writer = writer
        self._round = round_seconds

    def emit(self, record: logging.LogRecord) -> None:
        """Write where a record came from, and the type and place of its exception."""
        error = record.exc_info[1] if record.exc_info else None
        line = {
            "time": rounded_time(self._round),
            "level": record.levelname.lower(),
            "logger": record.name,
            "where": place_of(error) if error is not None else f"{record.filename}:{record.lineno}",
        }
        self._writer.write(msgspec.json.encode(line) + b"\n")


def rounded_time(round_seconds: int) -> str:
    """Return the time in UTC, rounded down."""
    step = max(1, round_seconds)
    return _written(int(time.time() // step * step))


@lru_cache(maxsize=1)
def _written(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
