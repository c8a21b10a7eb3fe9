"""How far a long command has come: one line on standard error, on a terminal, after two seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Self, TextIO

_AFTER_SECONDS: Final = 2.0
_EVERY_SECONDS: Final = 0.5
_BAR_CHARS: Final = 20
_CLEAR: Final = "\r\x1b[K"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class Progress:
    """A line that is written over, and gone at the end. Elsewhere than on a terminal nothing is written."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._due = clock() + _AFTER_SECONDS if stream.isatty() else float("inf")
        self._begun = clock()
        self._line = ""
        self._total = 0
        self.found: int | None = None  # redaction does not count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._line:
            self._stream.write(_CLEAR)
            self._stream.flush()

    def begin(self, total_bytes: int) -> None:
        """Tell how much there is to read, so that the time left can be told."""
        self._total = total_bytes

    def step(self, done_bytes: int) -> None:
        """Tell how much has been read."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + _EVERY_SECONDS
        speed = done_bytes / 1e6 / (now - self._begun)
        found = "" if self.found is None else f", {self.found} found"
        self._line = f"{done_bytes / 1e6:.1f} MB{self._of(done_bytes, now)}, {speed:.2f} MB/s{found}"
        self._stream.write(_CLEAR + self._line)
        self._stream.flush()

    def _of(self, done_bytes: int, now: float) -> str:
        """Return how much of the whole that is, and how long the rest takes at this pace."""
        if not self._total or not done_bytes:
            return " read"
        left = (now - self._begun) * max(0.0, self._total / done_bytes - 1)
        share = min(1.0, done_bytes / self._total)
        full = round(share * _BAR_CHARS)
        bar = "█" * full + "░" * (_BAR_CHARS - full)
        return f" of {self._total / 1e6:.1f} {bar} {share:.0%}, {_duration(left)} left"

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the line away while something else is written, which may go to the same terminal."""
        if self._line:
            self._stream.write(_CLEAR)
            self._stream.flush()
        yield
