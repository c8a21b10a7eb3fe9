r"""The text of RTF documents, read as a reader would show it, and what stands in their hidden groups too.

Invariant: of a document only names of fonts and styles, colours and pictures are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privet.audit.record import Record, text_blocks

_TOKEN: Final = re.compile(
    rb"\\'([0-9A-Fa-f]{2})|\\([a-z]{1,32})(-?[0-9]{1,10})? ?|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.DOTALL
)
_BREAK: Final = "\n\n"
_BREAKS: Final = {
    b"par": _BREAK,
    b"line": "\n",
    b"tab": "\t",
    b"cell": " ",
    b"row": _BREAK,
    b"sect": _BREAK,
    b"page": _BREAK,
}
_APART: Final = frozenset(
    (b"author", b"operator", b"manager", b"company", b"title", b"subject", b"keywords", b"doccomm", b"annotation", b"atnauthor",
     b"footnote", b"header", b"footer", b"revtbl")
)  # fmt: skip
"""Groups that stand beside the text and not in it."""
_LOOKS: Final = frozenset(
    (b"fonttbl", b"colortbl", b"stylesheet", b"pict", b"listtable", b"themedata", b"datastore", b"latentstyles")
)


def rich_text(content: bytes) -> Iterator[Record]:
    """Yield the paragraphs."""
    yield from text_blocks("".join(_texts(content)))


def _texts(content: bytes) -> Iterator[str]:
    depth, left_out, apart = 0, 0, 0
    has_stand_in = False  # behind a character that is written as a number stands one for old readers
    for match in _TOKEN.finditer(content):
        word, brace = match[2], match[5]
        if brace:
            depth += 1 if brace == b"{" else -1
            left_out = 0 if depth < left_out else left_out
            if apart and depth < apart:
                apart = 0
                yield _BREAK
        elif word in _LOOKS:
            left_out = left_out or depth
        elif not left_out:
            if word in _APART:
                apart = depth
                yield _BREAK
            shown = _shown(match)
            yield shown[1:] if has_stand_in and not word else shown
            has_stand_in = word == b"u"


def _shown(token: re.Match[bytes]) -> str:
    """Return what a reader shows of a token."""
    code, word, number, sign, _, words = token.groups()
    if code:
        return bytes((int(code, 16),)).decode("cp1252", "replace")
    if word == b"u" and number:
        place = int(number) % 0x10000
        return "?" if 0xD800 <= place < 0xE000 else chr(place)
    if word:
        return _BREAKS.get(word, "")
    return " " if sign == b"~" else (words or b"").decode("utf-8", "replace")
