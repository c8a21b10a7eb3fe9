"""What a rule is: data, and the candidate that its check looks at.

Invariants, each with a test over the whole table:

- A pattern is bounded: its longest match is at most `MAX_PATTERN_BYTES`. Only `extent` may run on without end, and
  then only over one character class, so matching stays linear whatever the text.
- A rule decides from the text left of the hit (`CONTEXT_CHARS` at most), the hit, and the token right after it. Only street
  addresses look further right: no stream is cut inside them (see `address_words`).
- No match of a pattern holds a place where a stream may be cut (see `segments`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

CONTEXT_CHARS: Final = 64
"""How far left of a hit a context word may stand."""

NAMES_CONTEXT_CHARS: Final = 1024
"""How much text at either side of a place matters to the names model."""

NUMBER_HEAD: Final = r"\b\d(?:[ .\-/()]{0,3}\d){5}"
"""Six digits and more: where most numbers start."""

LETTERED_HEAD: Final = r"\b[A-Z]{1,6}-?\d[A-Z0-9-]"
"""Capitals, then digits: where most document numbers start."""

MAX_PATTERN_BYTES: Final = 640
"""Longest match of a bounded pattern."""

LETTER: Final = (
    r"(?:[\xc3-\xca\xcd-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xe1[\x80-\xbf]{2}|\xe2[\xb0-\xbf][\x80-\xbf])"
)
"""One letter beyond ASCII, in UTF-8 bytes. Chinese, Japanese and Korean are left out: they write no space before an address."""

_NOT_DIGITS: Final = bytes(byte for byte in range(256) if not chr(byte).isdecimal() or byte > 127)


class Candidate:
    """A place where a pattern matched, as bytes, with the text left of it. Checks may move `start` and `end`."""

    __slots__ = ("_left", "data", "end", "start")

    def __init__(self, data: bytes, start: int, end: int, left: str | None = None) -> None:
        self.data = data
        self.start = start
        self.end = end
        self._left = left

    @property
    def value(self) -> str:
        """The matched text."""
        return self.data[self.start : self.end].decode("utf-8", "replace")

    @property
    def digits(self) -> str:
        """The digits of the matched text; patterns know those of ASCII only."""
        return self.data[self.start : self.end].translate(None, _NOT_DIGITS).decode()

    @property
    def left(self) -> str:
        """The text left of the hit in lower case, `CONTEXT_CHARS` at most."""
        if self._left is None:
            # Four bytes a character at most; a broken character at the edge is beyond CONTEXT_CHARS.
            window = self.data[max(0, self.start - 4 * CONTEXT_CHARS) : self.start]
            self._left = window.decode("utf-8", "replace")[-CONTEXT_CHARS:].lower()
        return self._left

    def before(self, count: int) -> bytes:
        """Return the bytes left of the hit."""
        return self.data[max(0, self.start - count) : self.start]

    def after(self, count: int) -> bytes:
        """Return the bytes right of the hit. Look no further than the next white space: a stream may end there."""
        return self.data[self.end : self.end + count]


Check = Callable[[Candidate], bool | float]


@dataclass(frozen=True, slots=True)
class Rule:
    r"""One way to recognise one kind of identifier.

    Args:
        id: kebab-case, for ever.
        kind: one of `privet.records.KINDS`.
        pattern: regular expression over UTF-8 bytes in the subset that RE2 and `re` read alike; where the identifier is
            only a part of the match (`password: x`), group 1 is that part.
        score: of a hit that passed its check, 0..1.
        source: where the format is written down.
        hits: texts with the identifier between «»; misses: texts in which this rule finds nothing. Run as tests.
        head: cheaper pattern that matches wherever `pattern` starts; many rules share one.
        extent: pattern that finds the true end where that may be far away; matched at the same place.
        check: tells real identifiers from look-alikes; False rejects, True keeps `score`, a number is the score.
        context: words left of the hit that raise the score to `context_score`.
        needs_context: without such a word it is no identifier.

    """

    id: str
    kind: str
    pattern: str
    score: float
    source: str
    hits: tuple[str, ...]
    misses: tuple[str, ...] = ()
    head: str = ""
    extent: str = ""
    check: Check | None = None
    context: tuple[str, ...] = ()
    context_score: float = 0.0
    needs_context: bool = False


def utf8(words: str) -> str:
    """Return a pattern for text beyond ASCII, as escaped UTF-8 bytes."""
    return "".join(chr(byte) if byte < 0x80 else f"\\x{byte:02x}" for byte in words.encode())
