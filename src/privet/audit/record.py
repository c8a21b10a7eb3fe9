"""One record of a dataset, and values as the text that is looked at.

Invariants:

- A record is one line or row, or else one block of at most `BLOCK_CHARS` characters of a document.
- Every value of a row is in its text, keys and numbers too: a telephone number may be a number, a name may be a key.
- Its `repr` shows no text.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final, NamedTuple

BLOCK_CHARS: Final = 2000
MAX_RECORD_CHARS: Final = 1024 * 1024
"""A longer line or row is looked at in pieces of this size."""
_MAX_DEPTH: Final = 64


class File(NamedTuple):
    """A file inside another one: an attachment, an embedded picture, a binary value of a row."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """What counts as one in every share that the audit states.

    `line` is the line or row in its file, from 1; `columns` says where in `text` the value of which column begins; `fields` are
    the top-level values of a row.
    """

    line: int
    text: str = field(repr=False)
    columns: tuple[tuple[int, str], ...] = field(default=(), repr=False)
    fields: Mapping[str, Any] | None = field(default=None, repr=False)

    def column_at(self, place: int) -> str:
        """Return the column to which a place of the text belongs; empty in documents."""
        at = bisect(self.columns, place, key=itemgetter(0)) - 1
        return self.columns[at][1] if at >= 0 else ""

    @property
    def content(self) -> str:
        """The text without the names of the columns."""
        if not self.columns:
            return self.text
        ends = [start for start, _ in self.columns[1:]] + [len(self.text)]
        parts = (self.text[start + len(name) + 2 : end] for (start, name), end in zip(self.columns, ends, strict=True))
        return "".join(parts)


def row(line: int, value: Any) -> Iterator[Record]:
    """Yield the record of a row: `column: value`, one a line; several where it is longer than a record may be."""
    if type(value) is dict and (flat := _flat(line, value)) is not None:
        yield flat
        return
    pieces: list[str] = []
    columns: list[tuple[int, str]] = []
    place = 0
    for name, text in _leaves(value, "", 0):
        if place + len(text) > MAX_RECORD_CHARS and pieces:
            yield Record(line, "".join(pieces), tuple(columns))
            pieces, columns, place = [], [], 0
        columns.append((place, name))
        pieces.append(f"{name}: {text}\n" if name else f"{text}\n")
        place += len(pieces[-1])
    fields = value if isinstance(value, Mapping) else None
    yield Record(line, "".join(pieces), tuple(columns) if any(name for _, name in columns) else (), fields)


def _flat(line: int, value: dict[Any, Any]) -> Record | None:
    """Return the record of a row of plain values, which most are, fast; None: it is another one, or too long."""
    pieces: list[str] = []
    columns: list[tuple[int, str]] = []
    place = 0
    for name, inner in value.items():
        if type(inner) is not str:
            if type(inner) not in _PLAIN or type(name) is not str:
                return None
            inner = str(inner)  # noqa: PLW2901 (a number is looked at as its digits)
        if not name:
            return None
        columns.append((place, name))
        piece = f"{name}: {inner}\n"
        pieces.append(piece)
        place += len(piece)
    if place > MAX_RECORD_CHARS:
        return None
    return Record(line, "".join(pieces), tuple(columns), value)


_PLAIN: Final = frozenset((int, float))


def _leaves(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and depth < _MAX_DEPTH:
        for key, inner in value.items():
            path = f"{name}.{key}" if name else str(key)
            # A key that is no plain word may be what it is about: `{"jane@example.com": true}`.
            if (inner is None or isinstance(inner, bool) or inner in ([], {})) and not str(key).isidentifier():
                yield path, ""
            yield from _leaves(inner, path, depth + 1)
    elif isinstance(value, (list, tuple)) and depth < _MAX_DEPTH:
        for inner in value:
            yield from _leaves(inner, name, depth + 1)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        # Text in a binary column is text; a picture there is not.
        try:
            yield name, bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            return
    elif value is not None and not isinstance(value, bool):
        yield name, str(value)


def binary_values(value: Any, name: str = "", depth: int = 0) -> Iterator[File]:
    """Yield the values of a row that are bytes and no text."""
    if isinstance(value, Mapping) and depth < _MAX_DEPTH:
        for key, inner in value.items():
            yield from binary_values(inner, f"{name}.{key}" if name else str(key), depth + 1)
    elif isinstance(value, (list, tuple)) and depth < _MAX_DEPTH:
        for inner in value:
            yield from binary_values(inner, name, depth + 1)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        content = bytes(value)
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            yield File(name or "value", content)


def blocks(lines: Iterable[str]) -> Iterator[Record]:
    """Yield the paragraphs of a text that comes in lines; long ones in pieces, cut at a line end, a sentence's end or a space."""
    waiting: list[str] = []
    size, first = 0, 1
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            yield from _pieces("".join(waiting), first)
            waiting, size = [], 0
            continue
        if not waiting:
            first = number
        waiting.append(line)
        size += len(line)
        if size > 4 * BLOCK_CHARS:
            text = "".join(waiting)
            *whole, last = _pieces(text, first)
            yield from whole
            waiting, size, first = [last.text], len(last.text), last.line
    yield from _pieces("".join(waiting), first)


def text_blocks(text: str) -> Iterator[Record]:
    """Yield the blocks of a text that is in memory."""
    return blocks(text.splitlines(keepends=True))


def _pieces(text: str, line: int) -> Iterator[Record]:
    start = 0
    while start < len(text):
        end = len(text)
        if end - start > BLOCK_CHARS:
            end = _cut(text, start, start + BLOCK_CHARS)
        if piece := text[start:end].strip("\n"):
            yield Record(line, piece)
        line += text.count("\n", start, end)
        start = end


def _cut(text: str, start: int, limit: int) -> int:
    half = start + (limit - start) // 2
    for mark in ("\n", ". ", " "):
        place = text.rfind(mark, half, limit)
        if place > 0:
            return place + len(mark)
    return limit
