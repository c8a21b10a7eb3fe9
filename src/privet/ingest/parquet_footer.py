"""The footer of a Parquet file of very many row groups, read by pieces: whole it takes four kilobytes of memory a group in every process.

Invariants:

- What is held is where each group stands in the footer, eight bytes; a piece of the footer is made for the groups that are read.
- A piece is a footer as the format has it, with all but the other groups: what is read by it is what the whole one reads.
- Nothing is followed that reaches outside of the footer, and time is linear in it.

Source: Apache Parquet, "File format" and parquet.thrift (FileMetaData, RowGroup); Apache Thrift, compact protocol.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from privet.metadata.job import CannotClean

LARGE_BYTES: Final = 1 << 21
"""From this size on a footer is read by pieces; reading a smaller one whole is faster."""
_MARK: Final = b"PAR1"
_TAIL_BYTES: Final = 8
_MAX_DEPTH: Final = 12
_MAX_SHIFT: Final = 63
_GROUPS: Final = 4
_DAMAGED: Final = "damaged: its footer cannot be read"
_TRUE, _FALSE, _BYTE, _I64, _DOUBLE, _BINARY, _LIST, _STRUCT = 1, 2, 3, 6, 7, 8, 9, 12
_SIZES: Final = {_TRUE: 0, _FALSE: 0, _BYTE: 1, _DOUBLE: 8}


class Footer:
    """Where the row groups of a footer stand. `rows` of each and `total_bytes` are as the groups say."""

    def __init__(self, source: Path, start: int, data: bytes) -> None:
        self._source = source
        self._start = start
        self._places = array("Q")
        self.rows = array("Q")
        self.total_bytes = 0
        self._read(data)

    def __len__(self) -> int:
        return len(self.rows)

    def _read(self, data: bytes) -> None:
        at = field = self._list_at = 0
        while header := data[at]:
            at, field = _field(data, at, field)
            if field == _GROUPS and header & 15 == _LIST:
                if len(self._places):
                    raise ValueError(_DAMAGED)
                self._list_at = at
                size, kind, at = _list(data, at)
                if kind != _STRUCT:
                    raise ValueError(_DAMAGED)
                for _ in range(size):
                    self._places.append(at)
                    at = self._group(data, at)
                self._places.append(at)
            else:
                at = _skipped(data, at, header & 15, 0)
        self._head, self._rest = data[: self._list_at], data[self._places[-1] : at + 1]

    def _group(self, data: bytes, at: int) -> int:
        """Note the size of a row group; return where it ends."""
        size = rows = field = 0
        while header := data[at]:
            at, field = _field(data, at, field)
            if field in (2, 3) and header & 15 == _I64:
                value, at = _number(data, at)
                size, rows = (value, rows) if field == 2 else (size, value)
            else:
                at = _skipped(data, at, header & 15, 0)
        self.rows.append(rows >> 1)
        self.total_bytes += size >> 1
        return at + 1

    def piece(self, start: int, stop: int) -> Any:
        """Return the metadata of some row groups, as pyarrow has them: group `start` is number 0 of them."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with self._source.open("rb") as file:
            file.seek(self._start + self._places[start])
            groups = file.read(self._places[stop] - self._places[start])
        count = stop - start
        header = bytes((count << 4 | _STRUCT,)) if count < 15 else bytes((0xF0 | _STRUCT,)) + _written(count)
        footer = self._head + header + groups + self._rest
        return pq.read_metadata(pa.BufferReader(_MARK + footer + len(footer).to_bytes(4, "little") + _MARK))


def large_footer(source: Path) -> Footer | None:
    """Return the footer of a Parquet file where it is a large one.

    Raises:
        CannotClean: it is damaged.

    """
    with source.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(0, end - _TAIL_BYTES))
        tail = file.read(_TAIL_BYTES)
    size = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MARK or not LARGE_BYTES <= size <= end - _TAIL_BYTES:
        return None
    return _footer(source, end, source.stat().st_mtime_ns, size)


@lru_cache(maxsize=1)
def _footer(source: Path, end: int, _modified_ns: int, size: int) -> Footer:
    start = end - _TAIL_BYTES - size
    with source.open("rb") as file:
        file.seek(start)
        data = file.read(size)
    try:
        return Footer(source, start, data)
    except (IndexError, ValueError, OverflowError) as error:
        raise CannotClean(_DAMAGED) from error


def _field(data: bytes, at: int, field: int) -> tuple[int, int]:
    """Return where the value of a field begins, and its number."""
    step = data[at] >> 4
    if step:
        return at + 1, field + step
    number, at = _number(data, at + 1)
    return at, number >> 1


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > _MAX_SHIFT:
            raise ValueError(_DAMAGED)


def _written(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def _list(data: bytes, at: int) -> tuple[int, int, int]:
    """Return how many a list has, their type, and where the first begins."""
    size, kind = data[at] >> 4, data[at] & 15
    if size < 15:
        return size, kind, at + 1
    size, at = _number(data, at + 1)
    return size, kind, at


def _skipped(data: bytes, at: int, kind: int, depth: int) -> int:
    """Return where a value ends."""
    if kind in _SIZES:
        return at + _SIZES[kind]
    if kind == _BINARY:
        size, at = _number(data, at)
        return at + size
    if _BYTE < kind <= _I64:
        while data[at] >= 0x80:
            at += 1
        return at + 1
    if depth < _MAX_DEPTH and kind == _STRUCT:
        while header := data[at]:
            # Numbers of fields matter to nobody here.
            at = at + 1 if header >> 4 else _number(data, at + 1)[1]
            at = _skipped(data, at, header & 15, depth + 1)
        return at + 1
    if depth < _MAX_DEPTH and kind == _LIST:
        return _skipped_list(data, at, depth)
    # Parquet has no sets and no maps.
    raise ValueError(_DAMAGED)


def _skipped_list(data: bytes, at: int, depth: int) -> int:
    size, kind, at = _list(data, at)
    if kind in (_TRUE, _FALSE):
        return at + size
    for _ in range(size):
        at = _skipped(data, at, kind, depth + 1)
    return at
