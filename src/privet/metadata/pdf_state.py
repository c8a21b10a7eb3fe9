"""The graphics state that text depends on, and how a content stream's instructions change it (ISO 32000-1, 8.4 and 9.3).

Invariants: saved states are bounded; text matrices are the reader's, not the state's: saving does not save them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Final

from privet.metadata.pdf_fonts import Font
from privet.metadata.pdf_reading import IDENTITY, Matrix, Show, times

_MAX_SAVED: Final = 10_000
_SAVED: Final = ("ctm", "font", "font_operator", "leading", "scaling", "size", "spacing", "word_spacing")

_SAVED_OF: Final = operator.attrgetter(*_SAVED)

Place = tuple[int, str, tuple[float, float, float, float]]
"""part of a show, where it begins, where it ends"""


class State:
    """Where the next string would stand, and in what font."""

    def __init__(self) -> None:
        self.ctm: Matrix = IDENTITY
        self.font: Font | None = None
        self.font_operator = b""
        self.size = 0.0
        self.spacing = 0.0
        self.word_spacing = 0.0
        self.scaling = 1.0
        self.leading = 0.0
        self.text: Matrix = IDENTITY
        self.line: Matrix = IDENTITY
        self.saved: list[tuple[object, ...]] = []
        self.actions: dict[bytes, Callable[[list[float]], None]] = {
            b"Td": self._move, b"TD": self._move_and_lead, b"Tm": self._set_matrix, b"T*": self.next_line, b"BT": self._begin,
            b"Tc": self._set_spacing, b"Tw": self._set_word_spacing, b"Tz": self._set_scaling, b"TL": self._set_leading,
            b"q": self._save, b"Q": self._restore, b"cm": self._concat,
        }  # fmt: skip

    def _begin(self, _numbers: list[float]) -> None:
        self.text = self.line = IDENTITY

    def _save(self, _numbers: list[float]) -> None:
        if len(self.saved) < _MAX_SAVED:
            self.saved.append(_SAVED_OF(self))

    def _restore(self, _numbers: list[float]) -> None:
        if self.saved:
            for name, value in zip(_SAVED, self.saved.pop(), strict=True):
                setattr(self, name, value)

    def _concat(self, numbers: list[float]) -> None:
        self.ctm = times(_six(numbers), self.ctm)

    def _set_matrix(self, numbers: list[float]) -> None:
        self.text = self.line = _six(numbers)

    def _move(self, numbers: list[float]) -> None:
        x, y = _last(numbers, 2)
        a, b, c, d, e, f = self.line
        self.text = self.line = (a, b, c, d, x * a + y * c + e, x * b + y * d + f)

    def _move_and_lead(self, numbers: list[float]) -> None:
        self.leading = -_last(numbers, 1)[0]
        self._move(numbers)

    def next_line(self, _numbers: list[float]) -> None:
        """Go to the start of the next line."""
        self._move([0.0, -self.leading])

    def _set_spacing(self, numbers: list[float]) -> None:
        self.spacing = _last(numbers, 1)[0]

    def _set_word_spacing(self, numbers: list[float]) -> None:
        self.word_spacing = _last(numbers, 1)[0]

    def _set_scaling(self, numbers: list[float]) -> None:
        self.scaling = _last(numbers, 1)[0] / 100

    def _set_leading(self, numbers: list[float]) -> None:
        self.leading = _last(numbers, 1)[0]

    def set_spacings(self, numbers: list[float]) -> None:
        """Set word and character spacing, as the instruction " does."""
        self.word_spacing, self.spacing = _last(numbers, 2)

    def set_font(self, font: Font, size: float, operator: bytes) -> None:
        """Set the font; `operator` is the instruction that does it."""
        self.font, self.size, self.font_operator = font, size, operator

    def show(self, show: Show) -> Iterator[Place]:
        """Go past a shown string; return its strings, and where they stand in the stream's space."""
        font, size = show.font, show.size
        a, b, c, d, e, f = times(self.text, self.ctm)
        x, y, scaling = (c, d, 1.0) if font.vertical else (a, b, show.scaling)
        at = 0.0
        for index, part in enumerate(show.parts):
            if isinstance(part, float):
                at -= part / 1000 * size * scaling
                continue
            text, (width, glyphs, spaces) = font.read(part.value)
            after = at + (width * size + glyphs * show.spacing + spaces * show.word_spacing) * scaling
            yield index, text, (at * x + e, at * y + f, after * x + e, after * y + f)
            at = after
        a, b, c, d, e, f = self.text
        self.text = (a, b, c, d, e + at * c, f + at * d) if font.vertical else (a, b, c, d, e + at * a, f + at * b)

    def direction(self, font: Font) -> tuple[float, float, float]:
        """Return in which direction the text of the font set runs, and how long one unit of text space is."""
        a, b, c, d, _e, _f = times(self.text, self.ctm)
        x, y = (c, d) if font.vertical else (a, b)
        length = (math.hypot(x, y) or 1.0) * (-1 if self.size < 0 and not font.vertical else 1)
        return x / length, y / length, math.hypot(a, b)


def _last(numbers: list[float], count: int) -> list[float]:
    """Return the last operands of an instruction; missing ones are 0."""
    return [0.0] * (count - len(numbers)) + numbers[-count:]


def _six(numbers: list[float]) -> Matrix:
    a, b, c, d, e, f = _last(numbers, 6)
    return a, b, c, d, e, f
