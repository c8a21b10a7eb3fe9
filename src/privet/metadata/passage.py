"""A text as a reader sees it, gathered from a source that says it in other words: entities, escapes, marks between letters.

Invariants:

- What is not edited stays in the source as it was written, to the character.
- A piece that is written in another way than it is read (`&#64;`, `%40`) goes as a whole when an edit touches it.
- What is new stands where the edit starts; marks inside what gives way stay, so the source keeps its shape.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from privet.edits import Edit
from privet.metadata.job import Job

Escape = Callable[[str], str]


class Piece(NamedTuple):
    """A piece of source and what a reader sees there: the same characters, others, or none."""

    source: str
    shown: str


class Coding(NamedTuple):
    """How a source writes what it cannot say plainly: a pattern, what one match reads as, and how a text is written."""

    pattern: re.Pattern[str]
    reading: Callable[[str], str]
    escape: Escape
    sign: str
    """a character without which no match can be; "" where there is no such"""


def plain(text: str) -> str:
    """Return a text as it is."""
    return text


def _percent(text: str) -> str:
    return bytes.fromhex(text.replace("%", "")).decode()


def _script_escape(text: str) -> str:
    code = int(text.lstrip("\\uxUX{").rstrip("}"), 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else text


def _style_escape(text: str) -> str:
    code = int(text[1:].strip(), 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else text


def _quoted(text: str) -> str:
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )


def _in_address(text: str) -> str:
    return re.sub(r"[\s\"'<>%]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)


def _in_script(text: str) -> str:
    return re.sub(r"[\\\"'`<>\n\r]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _in_style(text: str) -> str:
    return re.sub(r"[\\\"'<>()\n\r]", lambda found: f"\\{ord(found[0]):06x}", text)


def _space(_text: str) -> str:
    return " "


SPACE: Final = Coding(re.compile(r"[ \t\n\r\f]{2,}|[\t\n\r\f]"), _space, plain, "")
"""White space of markup that is laid out anew: a line that was wrapped reads as one."""
ENTITY: Final = Coding(
    re.compile(
        r"&(?:#[0-9]{1,8};?|#[xX][0-9a-fA-F]{1,7};?|[a-zA-Z][a-zA-Z0-9]{0,31};|(?:nbsp|amp|lt|gt|quot|shy)(?![a-zA-Z0-9=]))"
    ),
    html.unescape,
    _quoted,
    "&",
)
"""HTML and XML character references. Where a text needs no escape it stays as it was."""
PERCENT: Final = Coding(
    re.compile(
        "%[0-7]H|%[C-Dc-d]H(?:%[89ABab]H)|%[Ee]H(?:%[89ABab]H){2}|%[Ff][0-4](?:%[89ABab]H){3}".replace(
            "H", "[0-9A-Fa-f]"
        )
    ),
    _percent,
    _in_address,
    "%",
)
"""Percent-encoded UTF-8 of addresses."""
SCRIPT: Final = Coding(
    re.compile(r"\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\u\{[0-9a-fA-F]{1,6}\}"), _script_escape, _in_script, "\\"
)
"""Escapes of JavaScript and JSON strings."""
STYLE: Final = Coding(re.compile(r"\\[0-9a-fA-F]{1,6}[ \t\n]?"), _style_escape, _in_style, "\\")
"""Escapes of CSS strings."""
TERMINAL: Final = Coding(
    re.compile(r"\x1b(?:\[[0-9;?]{0,32}[@-~]|\][^\x07\x1b\n]{0,200}\x07)"), lambda _: "", plain, "\x1b"
)
"""Colours and movements of a terminal, between the letters of a log."""

JOINED: Final = Coding(re.compile(r"(?<!\n--) \r?\n(?:>+ ?)?"), lambda _: "", plain, "\n")
"""Soft line breaks of mails that take them out together with their space: RFC 3676, 4.2 (format=flowed, delsp=yes)."""


def pieces(text: str, *codings: Coding) -> list[Piece]:
    """Return the pieces of a source that uses one coding inside another: the outer one first."""
    parts = [Piece(text, text)]
    for coding in codings:
        parts = list(_read(parts, coding))
    return parts


def _read(parts: Sequence[Piece], coding: Coding) -> Iterator[Piece]:
    """Yield pieces with the signs of one more coding read, also those that stand in several pieces: `&#37;40`."""
    shown = "".join([part.shown for part in parts])
    if coding.sign not in shown:
        yield from parts
        return
    starts = list(accumulate((len(part.shown) for part in parts), initial=0))
    last = 0
    for first, end, read in _signs(shown, coding, parts, starts):
        yield from _between(parts, starts, last, first)
        yield Piece("".join(part.source for part in _between(parts, starts, first, end)), read)
        last = end
    yield from _between(parts, starts, last, len(shown) + 1)


def _signs(shown: str, coding: Coding, parts: Sequence[Piece], starts: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """Yield where each sign starts and ends, and what it reads as. One that ends inside a piece that is not plain has all of it."""
    first = end = done = 0
    read: list[str] = []
    for sign in coding.pattern.finditer(shown):
        start = sign.start()
        if read and start >= end:
            yield first, end, "".join(read)
            read = []
        if read:
            read[-1] = shown[done:start]
        else:
            first = _edge(parts, starts, start, 0)
            read = [shown[first:start]]
        done = sign.end()
        end = _edge(parts, starts, done, 1)
        read += (_reading(coding, sign[0]), shown[done:end])
    if read:
        yield first, end, "".join(read)


def _edge(parts: Sequence[Piece], starts: Sequence[int], place: int, after: int) -> int:
    """Return a place, or the edge of the piece that it is inside of where that cannot be cut."""
    at = bisect_right(starts, place) - 1
    if at >= len(parts) or starts[at] == place or parts[at].source == parts[at].shown:
        return place
    return starts[at + after]


def _between(parts: Sequence[Piece], starts: Sequence[int], first: int, last: int) -> Iterator[Piece]:
    """Yield the pieces between two places; plain ones are cut there."""
    at = max(bisect_right(starts, first) - 1, 0)
    while at > 0 and starts[at - 1] == first:
        at -= 1
    while at < len(parts) and starts[at] < last:
        source, text = parts[at]
        start = starts[at]
        if source != text:
            if start >= first:
                yield parts[at]
        elif piece := text[max(first - start, 0) : last - start]:
            yield Piece(piece, piece)
        at += 1


def reading(text: str, codings: Iterable[Coding]) -> str:
    """Return what a reader sees of a source: what is shown of all its `pieces`."""
    for coding in codings:
        if coding.sign in text:
            text = coding.pattern.sub(lambda found, coding=coding: _reading(coding, found[0]), text)  # type: ignore[misc]
    return text


def _reading(coding: Coding, text: str) -> str:
    try:
        return coding.reading(text)
    except ValueError:
        return text


def rewritten(texts: Sequence[str], job: Job, place: str, *codings: Coding) -> list[str]:
    """Return sources with the edits of what a reader sees in them made, each by itself, in one call."""
    found = job.edits([reading(text, codings) for text in texts], place)
    escape = _chain(codings)
    return [
        "".join(written(pieces(text, *codings), edits, escape)) if edits else text
        for text, edits in zip(texts, found, strict=True)
    ]


def _chain(codings: Sequence[Coding]) -> Escape:
    def escape(text: str) -> str:
        for coding in reversed(codings):
            text = coding.escape(text)
        return text

    return escape


def written(parts: Sequence[Piece], edits: Iterable[Edit], escape: Escape | Sequence[Escape]) -> list[str]:
    """Return the sources of the pieces with the edits of the joined readings made. `escape` writes what is new, in each piece."""
    out = [part.source for part in parts]
    starts: list[int] = []
    place = 0
    for part in parts:
        starts.append(place)
        place += len(part.shown)
    cuts: dict[int, list[Edit]] = {}
    for edit in edits:
        new: str | None = edit.text
        at = bisect_right(starts, edit.start) - 1
        while at < len(parts) and starts[at] < edit.end:
            start, length = starts[at], len(parts[at].shown)
            # A gap between blocks has no source: what is new waits for the first piece that has one.
            if length and parts[at].source and edit.start < start + length:
                write = escape if callable(escape) else escape[at]
                cut = Edit(max(edit.start - start, 0), min(edit.end - start, length), write(new) if new else "")
                cuts.setdefault(at, []).append(cut)
                new = None
            at += 1
    for at, inside in cuts.items():
        out[at] = _cut(parts[at], inside)
    return out


def _cut(part: Piece, edits: Sequence[Edit]) -> str:
    if part.source != part.shown:
        return "".join(edit.text for edit in edits)
    new: list[str] = []
    last = 0
    for start, end, text in edits:
        new += (part.source[last:start], text)
        last = end
    return "".join((*new, part.source[last:]))
