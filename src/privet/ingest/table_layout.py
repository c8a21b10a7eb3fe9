"""How a table of text begins, and its rows in blocks: what all units of a table read in the same way.

Invariants:

- The layout is told from the beginning of the file alone, so every unit sees the same.
- A block holds whole rows. A row that ends nowhere is not read on for ever: its length has a limit.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from privet.ingest.dialect import Dialect, Fields, dialect_of, is_blank, is_header, rows_of
from privet.ingest.record_file import Unit, distinct
from privet.ingest.text_file import CHUNK, Form, chunks
from privet.metadata.job import Limits

_SAMPLE_CHARS: Final = 1 << 16
_COMPARED_ROWS: Final = 50
_BLOCK_BYTES: Final = 1 << 18
PREFIX: Final = re.compile(r"\ufeff?(?:sep=.\r?\n)?")
"""What may stand before the first row: a mark, and the line by which Excel is told the delimiter."""
ESCAPED: Final = "surrogateescape"


class Layout(NamedTuple):
    """What all units of a table need to know of its beginning."""

    dialect: Dialect
    codec: str
    names: list[str]
    prefix: str
    """the text before the first record"""
    header: Fields
    """the header's fields, with blank rows before it in `prefix`; empty: there is none"""


def layout_of(source: Path, form: Form, limits: Limits) -> Layout:
    """Return the layout of a table. A file whose first row is longer than the sample has no header."""
    head = b""
    for piece in chunks(source, form, Unit(0, source.stat().st_size), limits):
        head += piece
        if len(head) >= CHUNK:
            break
    codec = _codec(head)
    text = codecs.getincrementaldecoder(codec)(ESCAPED).decode(head)
    prefix = PREFIX.match(text)
    at = prefix.end() if prefix else 0
    is_cut = len(head) >= CHUNK
    sample = text[at : at + _SAMPLE_CHARS]
    if len(text) - at > _SAMPLE_CHARS or is_cut:
        sample = sample[: sample.rfind("\n") + 1] or sample
    told = text[at - (2 if text[at - 2] != "\r" else 3)] if at > 1 and "sep=" in text[:at] else ""
    dialect = dialect_of(sample, source.suffix.lower())
    if told:
        dialect = dialect._replace(delimiter=told)
    rows = rows_of(dialect.fields(sample), dialect.delimiter)
    while rows and is_blank(rows[0]):
        at += sum(map(len, rows.pop(0)[0]))
    rows = [row for row in rows if not is_blank(row)]
    first = [dialect.value(field) for field, _ in rows[0]] if rows else []
    others = [[dialect.value(field) for field, _ in row] for row in rows[1:_COMPARED_ROWS]]
    if rows and is_header(first, others):
        return Layout(dialect, codec, distinct(first), text[:at], rows[0])
    return Layout(dialect, codec, [f"column_{at + 1}" for at in range(len(first))], text[:at], [])


def _codec(head: bytes) -> str:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def start_of(layout: Layout) -> int:
    """Return how many bytes stand before the first record."""
    head = layout.prefix + "".join(chain.from_iterable(layout.header))
    return len(head.encode(layout.codec, ESCAPED))


class Block(NamedTuple):
    """Whole rows as text. `fields` is None where no quote stands in it, so that lines are rows and delimiters end fields."""

    text: str
    fields: Fields | None

    def rows(self, dialect: Dialect) -> list[Fields]:
        """Return the rows, as their fields."""
        return rows_of(dialect.fields(self.text) if self.fields is None else self.fields, dialect.delimiter)


def blocks(pieces: Iterator[bytes], layout: Layout, limits: Limits) -> Iterator[Block | None]:
    """Yield whole rows, some hundred kilobytes at a time; None where a row is too long.

    Where a row does not end within a block, the next try is made with twice as much, so that no text is read over and over.
    """
    decoder = codecs.getincrementaldecoder(layout.codec)(ESCAPED)
    waiting = ""
    least = 0
    for piece in pieces:
        for at in range(0, len(piece), _BLOCK_BYTES):
            waiting += decoder.decode(piece[at : at + _BLOCK_BYTES])
            if len(waiting) < least or waiting.endswith("\r"):
                continue
            block = _whole_rows(waiting, layout.dialect)
            if block.text:
                yield block
                waiting = waiting[len(block.text) :]
            least = 2 * len(waiting)
            if len(waiting) > limits.max_record_bytes:
                yield None
    waiting += decoder.decode(b"", final=True)
    if waiting:
        yield Block(waiting, layout.dialect.fields(waiting) if _has_quotes(waiting, layout.dialect) else None)


def _has_quotes(text: str, dialect: Dialect) -> bool:
    return bool(dialect.quote) and dialect.quote in text


def _whole_rows(text: str, dialect: Dialect) -> Block:
    """Return the rows of a text that end in it."""
    if not _has_quotes(text, dialect):
        return Block(text[: max(text.rfind("\n"), text.rfind("\r")) + 1], None)
    fields = dialect.fields(text)
    end = len(text)
    while fields and fields[-1][1] in {"", dialect.delimiter}:
        end -= sum(map(len, fields.pop()))
    return Block(text[:end], fields)
