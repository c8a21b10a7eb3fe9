"""What was read from a content stream: instructions that show text, strings with their places, forms drawn, and bytes to be left out.

Invariants: places are in the stream's own space, before anything that draws the stream moves it; spans count bytes of `Reading.data`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, Protocol

from privet.metadata.pdf_fonts import Font
from privet.metadata.pdf_tokens import Shown

Matrix = tuple[float, float, float, float, float, float]
IDENTITY: Final[Matrix] = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def times(left: Matrix, right: Matrix) -> Matrix:
    """Return the matrix that does `left`, then `right`."""
    a, b, c, d, e, f = left
    g, h, i, j, k, m = right
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m)


@dataclass(slots=True)
class InlineText:
    """A text in the properties of marked content, inside the stream."""

    start: int
    end: int
    text: str
    replaces: bool = False
    """it is read instead of the glyphs it marks"""


@dataclass(slots=True)
class Show:
    """One instruction that shows text."""

    start: int
    end: int
    parts: list[float | Shown]
    font: Font
    font_operator: bytes
    size: float
    spacing: float
    word_spacing: float
    scaling: float
    before: bytes = b""
    """what the instruction does before it shows: a new line, new spacing"""
    cuts: dict[int, dict[int, tuple[str, float]]] = field(default_factory=dict)
    """part → glyph → what stands in its place (text, width)"""
    hidden: bool = False
    actual: InlineText | None = None
    """what is read instead of it"""

    def text_left(self) -> str:
        """Return the text with the cuts made."""
        out = []
        for index, part in enumerate(self.parts):
            if isinstance(part, Shown):
                cuts = self.cuts.get(index, {})
                glyphs = self.font.glyphs(part.value)
                out += [cuts[place][0] if place in cuts else text for place, (_size, text, _width) in enumerate(glyphs)]
        return "".join(out)

    def glyph_advance(self, code_size: int, code: bytes, width: float) -> float:
        """Return how far one glyph of this show moves in unscaled text space."""
        spaces = self.word_spacing if code_size == 1 and code == b" " else 0.0
        return width * self.size + self.spacing + spaces


class Run:
    """A string of a show, where it stands."""

    __slots__ = ("em", "part", "show", "text", "ux", "uy", "x0", "x1", "y0", "y1")

    def __init__(
        self,
        show: Show,
        part: int,
        text: str,
        at: tuple[float, float, float, float],
        em: float,
        direction: tuple[float, float],
    ) -> None:
        self.show = show
        self.part = part
        self.text = text
        self.x0, self.y0, self.x1, self.y1 = at
        self.em = em
        self.ux, self.uy = direction

    def moved(self, matrix: Matrix) -> Run:
        """Return a string of a form where a page draws it."""
        a, b, c, d, e, f = matrix
        at = (
            self.x0 * a + self.y0 * c + e,
            self.x0 * b + self.y0 * d + f,
            self.x1 * a + self.y1 * c + e,
            self.x1 * b + self.y1 * d + f,
        )
        ux, uy = self.ux * a + self.uy * c, self.ux * b + self.uy * d
        length = math.hypot(ux, uy) or 1.0
        return Run(self.show, self.part, self.text, at, self.em * math.hypot(a, b), (ux / length, uy / length))


@dataclass(slots=True)
class FormUse:
    """A form drawn."""

    name: bytes
    matrix: Matrix


@dataclass(slots=True)
class Reading:
    """What a content stream shows."""

    data: bytes
    events: list[Run | FormUse] = field(default_factory=list)
    shows: list[Show] = field(default_factory=list)
    patches: list[tuple[int, int, bytes]] = field(default_factory=list)
    texts: list[InlineText] = field(default_factory=list)
    names: set[bytes] = field(default_factory=set)
    """XObjects drawn"""
    tokens: int = 0
    """how many tokens were read, without runs of instructions that are passed over whole"""
    hidden: int = 0
    """sections of hidden layers taken out"""


class Scope(Protocol):
    """What the names in a content stream stand for."""

    def font(self, name: bytes) -> Font:
        """Return a font resource."""

    def state_font(self, name: bytes) -> tuple[Font, float] | None:
        """Return the font and size a graphics state resource sets."""

    def is_form(self, name: bytes) -> bool:
        """Whether an XObject is a form."""

    def is_hidden(self, name: bytes) -> bool:
        """Whether properties are those of a layer hidden by default."""


def plain(value: float) -> bytes:
    """Return a number as PDF writes it: no exponent, no needless digits."""
    return (f"{value:.5f}".rstrip("0").rstrip(".") or "0").encode("ascii") if value else b"0"
