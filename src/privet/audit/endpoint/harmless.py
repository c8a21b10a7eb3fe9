"""Text of answers for people who asked to see it: nothing in it acts.

Invariants: what comes out is one line of printable characters, without control, format or private ones (ANSI escapes, marks that turn the
direction of writing, zero-width marks), and without signs that begin markup in a terminal, Markdown or HTML.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_MAX_CHARS: Final = 160
_MARKUP: Final = {
    "<": "‹", ">": "›", "&": "＆", "`": "ˋ", "[": "［", "]": "］", "|": "¦", "*": "∗", "_": "ˍ", "#": "＃", "!": "ǃ", "\\": "∖",
}  # fmt: skip


def harmless(text: str) -> str:
    """Return a text that can be shown anywhere.

    >>> harmless(chr(27) + "hi" + chr(10))
    '·hi·'
    """
    shown = "".join(_sign(char) for char in text[: _MAX_CHARS + 1])
    return shown if len(text) <= _MAX_CHARS else shown[:_MAX_CHARS] + "…"


def _sign(char: str) -> str:
    if char in _MARKUP:
        return _MARKUP[char]
    return "·" if unicodedata.category(char)[0] in "CZ" and char != " " else char
