"""JSON documents: an array of records, one after the other, or a single document.

Invariants:

- A document in which nothing changes is the same bytes; what changes keeps the document's indentation.
- An array is never in memory as a whole, however long it is. A single document is, so it has a limit.
- A part is a list of pieces, each with its length before it: the values, and what stands between them.
"""

from __future__ import annotations

import codecs
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from privet.ingest.json_texts import BadText, JsonTexts
from privet.ingest.record_file import Kept, Records, Unit
from privet.ingest.text_file import chunks, form_of, writing
from privet.metadata.job import CannotClean

MAX_CHARS: Final = 256 * 1024**2
"""Longest single document."""
_BATCH: Final = 256
_BATCH_CHARS: Final = 1 << 20
_LENGTH: Final = struct.Struct("<I?")
_SPACE: Final = " \t\r\n"
_scan: Final = json.JSONDecoder(strict=False).raw_decode


class _Piece(NamedTuple):
    text: str
    is_record: bool


def units(source: Path, unit_bytes: int) -> list[Unit]:  # noqa: ARG001 - where a document may be cut, only reading it tells
    """Return the whole document as one unit."""
    return [Unit(0, source.stat().st_size)]


def clean_unit(source: Path, unit: Unit, records: Records, part: BinaryIO) -> None:
    """Write the cleaned records and what stands between them.

    Raises:
        CannotClean: not JSON, not UTF-8, or a document or record that is too large.

    """
    texts = JsonTexts(records)
    pieces = chunks(source, form_of(source), unit, records.limits)
    done = 0
    waiting: list[_Piece] = []
    chars = 0
    try:
        for piece in _pieces(_Text(_decoded(pieces)), records.limits.max_record_bytes):
            waiting.append(piece)
            chars += len(piece.text)
            if len(waiting) >= 2 * _BATCH or chars > _BATCH_CHARS:
                done += _write(waiting, texts, part)
                waiting, chars = [], 0
        _write(waiting, texts, part)
    except BadText as bad:
        raise CannotClean(f"record {done + bad.index + 1} is {bad.reason}") from bad
    except RecursionError as error:
        raise CannotClean("a value is nested too deeply") from error


def _decoded(pieces: Iterator[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in pieces:
            yield decoder.decode(piece)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise CannotClean("the text is not UTF-8") from error


class _Text:
    """A text that is read as it is needed."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._at = 0
        self._text = ""

    def more(self) -> bool:
        """Read on, at least as much as waits already: so nothing is looked at more than a few times."""
        waiting = [self._text[self._at :]]
        least = len(waiting[0])
        count = 0
        for piece in self._pieces:
            waiting.append(piece)
            count += len(piece)
            if count > least:
                break
        self._text, self._at = "".join(waiting), 0
        return count > 0

    def taken(self, chars: str) -> str:
        """Take all characters of a kind that come next."""
        out = ""
        while True:
            rest = len(self._text)
            at = self._at
            while at < rest and self._text[at] in chars:
                at += 1
            out += self._text[self._at : at]
            self._at = at
            if at < rest or not self.more():
                return out

    def is_next(self, char: str) -> bool:
        """Whether a character comes next; it is not taken."""
        return self._text.startswith(char, self._at)

    def one(self) -> str:
        """Take one character."""
        self._at += 1
        return self._text[self._at - 1]

    def rest(self, max_chars: int) -> str:
        """Take everything that is left."""
        while self.more():
            if len(self._text) > max_chars:
                raise CannotClean(f"a JSON document above {max_chars} bytes: write it as JSON lines")
        out, self._at = self._text[self._at :], len(self._text)
        return out

    def value(self, max_chars: int, number: int) -> str:
        """Take one JSON value, the record of this number."""
        while True:
            try:
                end = _scan(self._text, self._at)[1]
            except RecursionError as error:
                raise CannotClean(f"record {number} is nested too deeply") from error
            except ValueError as error:
                if len(self._text) - self._at > max_chars:
                    raise CannotClean(f"record {number} is not JSON, or longer than {max_chars} bytes") from error
                if not self.more():
                    raise CannotClean(f"record {number} is not JSON") from error
                continue
            # A number may go on in what is not read yet.
            if end < len(self._text) or not self.more():
                out, self._at = self._text[self._at : end], end
                return out

    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self._at == len(self._text) and not self.more()


def _pieces(text: _Text, max_chars: int) -> Iterator[_Piece]:
    """Yield the records and what stands before, between and behind them, in order."""
    between = text.taken("\ufeff" + _SPACE)
    if not text.is_next("["):
        document = text.rest(MAX_CHARS)
        value = document.rstrip(_SPACE)
        yield _Piece(between, is_record=False)
        yield _Piece(value, is_record=True)
        yield _Piece(document[len(value) :], is_record=False)
        return
    between += text.one() + text.taken(_SPACE)
    number = 0
    while not text.is_next("]"):
        number += 1
        if number > 1:
            if not text.is_next(","):
                raise CannotClean("not JSON: an array does not go on with a comma")
            between += text.one() + text.taken(_SPACE)
        yield _Piece(between, is_record=False)
        yield _Piece(text.value(max_chars, number), is_record=True)
        between = text.taken(_SPACE)
    yield _Piece(between + text.one() + text.taken(_SPACE), is_record=False)
    if not text.is_over():
        raise CannotClean("not JSON: something stands behind the array")


def _write(pieces: list[_Piece], texts: JsonTexts, part: BinaryIO) -> int:
    """Write pieces, cleaned; return how many of them are records."""
    old = [piece.text.encode() for piece in pieces if piece.is_record]
    cleaned = iter(texts.clean(old))
    for piece in pieces:
        data = next(cleaned) if piece.is_record else piece.text.encode()
        part.write(_LENGTH.pack(len(data), piece.is_record))
        part.write(data)
    return len(old)


def assemble(source: Path, parts: Sequence[BinaryIO], kept: Sequence[Kept], target: BinaryIO) -> None:
    """Join the parts, without the records whose flag is False: what stands before a record goes with it."""
    with writing(target, form_of(source)) as write:
        for part, flags in zip(parts, kept, strict=True):
            _join(part, flags, write)


def _join(part: BinaryIO, flags: Kept, write: Callable[[bytes], object]) -> None:
    at = 0
    first: bytes | None = None
    between = b""
    has_record = False
    while head := part.read(_LENGTH.size):
        size, is_record = _LENGTH.unpack(head)
        data = part.read(size)
        if not is_record:
            between = data
            first = data if first is None else first
            continue
        if flags is None or flags[at]:
            # The first record that stays stands behind the bracket, whatever stood before it.
            write(between if has_record else first or b"")
            write(data)
            has_record = True
        at += 1
    if at and not has_record:
        write((first or b"").rstrip())
        between = between.lstrip()
    write(between)
