"""How far a command of several steps has come: one line on standard error, on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Self, TextIO

_EVERY_SECONDS: Final = 0.2
_BAR_CHARS: Final = 20
_CLEAR: Final = "\r\x1b[K"


class Steps:
    """A line that is written over, and gone at the end. Elsewhere than on a terminal nothing is written."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._begun = clock()
        self._due = self._begun if stream.isatty() else float("inf")
        self._name = ""
        self._seen: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._seen and self._due != float("inf"):
            self._stream.write(_CLEAR)
            self._stream.flush()

    def step(self, name: str, done: int, of: int) -> None:
        """Tell which step is at work, and how much of it is done."""
        if name not in self._seen:
            self._seen.append(name)
        now = self._clock()
        if now < self._due and name == self._name:
            return
        if self._due == float("inf"):
            return
        self._name, self._due = name, now + _EVERY_SECONDS
        full = round(_BAR_CHARS * min(1.0, done / max(of, 1)))
        bar = "█" * full + "░" * (_BAR_CHARS - full)
        self._stream.write(f"{_CLEAR}{name:<18} {bar} {done} of {of}, {now - self._begun:.0f} s")
        self._stream.flush()
