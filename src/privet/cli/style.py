"""Colour on a terminal, none elsewhere (NO_COLOR is honoured)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self, TextIO


@dataclass(frozen=True, slots=True)
class Style:
    """Writes ANSI colours, or plain text."""

    colour: bool

    @classmethod
    def of(cls, stream: TextIO) -> Self:
        """Return the style that fits a stream."""
        return cls(stream.isatty() and "NO_COLOR" not in os.environ)

    def bold(self, text: str) -> str:
        """Return bold text."""
        return self._with("1", text)

    def green(self, text: str) -> str:
        """Return green text."""
        return self._with("32", text)

    def yellow(self, text: str) -> str:
        """Return yellow text."""
        return self._with("33", text)

    def dim(self, text: str) -> str:
        """Return faint text."""
        return self._with("2", text)

    def _with(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text
