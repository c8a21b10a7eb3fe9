"""Short words in capitals that an ampersand joins: AT&T is one name, and R&D is nobody's.

Invariants:

- Of such a word a span covers all or nothing, so no half of it stays behind.
- What a span covers beyond the word is never given up.
"""

from __future__ import annotations

import re
from typing import Final

_JOINED: Final = re.compile(r"(?<![\w&])[A-Z]{1,3}(?:&[A-Z]{1,3})+s?(?![\w&])")
_MAX_CHARS: Final = 16
_NOBODY: Final = frozenset((
    "A&E", "A&R", "B&B", "B&W", "C&C", "D&D", "D&I", "D&O", "DE&I", "E&O", "E&P", "F&B", "F&E", "FF&E", "G&A", "H&S", "K&R", "L&D",
    "M&A", "M&E", "O&M", "P&L", "P&P", "PP&E", "Q&A", "R&B", "R&D", "R&R", "S&T", "SG&A", "T&C", "T&E",
))  # fmt: skip
"""What everybody writes for a field of work, a kind of text or a line of the books."""


def joined(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the place of a span with the whole of such words at its ends, and an empty place where it is one that names nobody.

    >>> joined("the AT&T store", 7, 8), joined("our R&D team", 6, 7)
    ((4, 8), (0, 0))
    """
    first, last = start, end
    if "&" not in text[max(0, start - _MAX_CHARS) : end + _MAX_CHARS]:
        return start, end
    for match in _JOINED.finditer(text, max(0, start - _MAX_CHARS), end + _MAX_CHARS):
        if match.start() < end and match.end() > start:
            first, last = min(first, match.start()), max(last, match.end())
            if (first, last) == match.span() and match[0].removesuffix("s") in _NOBODY:
                return 0, 0
    return first, last
