"""The text of HTML and XML, in linear time and bounded memory whatever the markup: the standard library's parser is quadratic on some.

Invariant: nothing that is not the name of a tag or of an attribute is left out. What looks like markup and is none is text; comments,
CDATA, scripts and the values of attributes are text too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final, TextIO

from privet.audit.record import Record, blocks

_INLINE: Final = frozenset(
    ("a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "kbd", "mark", "q", "s", "samp", "small", "span", "strong", "sub",
     "sup", "u", "var", "wbr")
)  # fmt: skip
_TOLD: Final = frozenset(
    ("alt", "title", "content", "href", "src", "value", "placeholder", "aria-label", "label", "cite")
)
_MAX_TAG: Final = 1 << 16
_CHUNK_CHARS: Final = 1 << 16
# A tag ends at the first sign that ends one, in quotes or not, and never reaches over the beginning of another: that keeps it linear.
_TOKEN: Final = re.compile(
    rf"<!--|-->|<!\[CDATA\[|\]\]>|<(?P<tag>/?[A-Za-z][^<>]{{0,{_MAX_TAG}}})>|<\?xml [^<>]{{0,{_MAX_TAG}}}>"
)
_NAME: Final = re.compile(r"/?[\w:.-]+")
_BREAK: Final = "\n\n"


def markup(stream: TextIO, *, is_html: bool) -> Iterator[Record]:
    """Yield the blocks of HTML or XML: every tag that does not stand inside a line ends one; of XML, every tag does."""
    return blocks(_lines(stream, is_html=is_html))


def _lines(stream: TextIO, *, is_html: bool) -> Iterator[str]:
    kept = ""
    while chunk := stream.read(_CHUNK_CHARS):
        text = kept + chunk
        # A tag may be cut at the end of what was read.
        start = text.rfind("<")
        whole = start < 0 or ">" in text[start:] or len(text) - start > _MAX_TAG
        kept = "" if whole else text[start:]
        yield from _text(text if whole else text[:start], is_html=is_html).splitlines(keepends=True)
    yield from _text(kept, is_html=is_html).splitlines(keepends=True)


def _text(source: str, *, is_html: bool) -> str:
    pieces: list[str] = []
    last = 0
    for match in _TOKEN.finditer(source):
        pieces.append(unescape(source[last : match.start()]))
        last = match.end()
        tag = match["tag"]
        if tag is None:
            pieces.append("" if match[0] in ("<![CDATA[", "]]>") else _BREAK)
            continue
        named = _NAME.match(tag)
        name = named[0].lstrip("/").lower() if named else ""
        if not (is_html and name in _INLINE):
            pieces.append(_BREAK)
        for value in _values(tag, every=not is_html):
            pieces += (_BREAK, unescape(value), _BREAK)
    pieces.append(unescape(source[last:]))
    return "".join(pieces)


def _values(tag: str, *, every: bool) -> Iterator[str]:
    """Yield the values of a tag's attributes: what stands in quotes, and what stands behind a sign without them."""
    mark = '"' if '"' in tag else "'"
    parts = tag.split(mark)
    for before, value in zip(parts[::2], [*parts[1::2], ""], strict=False):
        words = before.split()
        name = words[-1].rstrip("=").rsplit("=", 1)[0].lower() if words else ""
        if value.strip() and (every or name in _TOLD or name.startswith("data-")):
            yield value
        for word in words:
            bare_name, sign, bare = word.partition("=")
            if sign and bare and (every or bare_name.lower() in _TOLD):
                yield bare.strip("'")
