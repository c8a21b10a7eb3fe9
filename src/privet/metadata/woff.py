"""Fonts of the web: the tables of a TrueType or OpenType font, packed.

Invariants: as for fonts (`privet.metadata.font`), whose cleaner reads what is unpacked; the metadata and private data of the packing go.

Source: W3C WOFF File Format 1.0.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from privet.metadata import font
from privet.metadata.job import MIB, CannotClean, Job

_MAX_BYTES: Final = 256 * MIB
_HEAD: Final = 44


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a font of the web without what does not show.

    Raises:
        CannotClean: it is damaged, or unpacks to more than a font may have.

    """
    data = source.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES or len(data) < _HEAD:
        raise CannotClean("damaged, or larger than a font may be")
    flavor, _length, count, _reserved, size = struct.unpack_from(">4sIHHI", data, 4)
    meta, private = struct.unpack_from(">I", data, 24)[0], struct.unpack_from(">I", data, 36)[0]
    job.dropped("font metadata", int(bool(meta)) + int(bool(private)))
    cleaned = _cleaned(_joined(flavor, _unpacked(data, count, size)), job)
    # Where tables went there are gaps, which a packed font has not: its sum is that of a font without them.
    target.write(_packed(_cleaned(_joined(flavor, _tables(cleaned)), Job())))


def _cleaned(content: bytes, job: Job) -> bytes:
    out = io.BytesIO()
    font.clean(io.BytesIO(content), out, job)
    return out.getvalue()


def _unpacked(data: bytes, count: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the tables of a font by their tags."""
    if not 0 < count <= 256 or size > _MAX_BYTES or len(data) < _HEAD + 20 * count:
        raise CannotClean("damaged: the list of its tables cannot be read")
    left = _MAX_BYTES
    for index in range(count):
        tag, place, packed, length = struct.unpack_from(">4s3I", data, _HEAD + 20 * index)
        left -= length
        if place + packed > len(data) or left < 0:
            raise CannotClean("truncated: a table is missing")
        table = data[place : place + packed]
        if packed < length:
            try:
                table = zlib.decompressobj().decompress(table, length)
            except zlib.error as error:
                raise CannotClean("damaged: a table does not unpack") from error
        if len(table) != length:
            raise CannotClean("truncated: a table is missing")
        yield tag, table


def _tables(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the tables of a font that is not packed."""
    for index in range(struct.unpack_from(">H", content, 4)[0]):
        tag, place, length = struct.unpack_from(">4s4xII", content, 12 + 16 * index)
        yield tag, content[place : place + length]


def _joined(flavor: bytes, tables: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return a font of these tables, one behind the other."""
    found = list(tables)
    head = flavor + struct.pack(">H6x", len(found))
    body = bytearray()
    for tag, table in found:
        head += struct.pack(">4s4xII", tag, 12 + 16 * len(found) + len(body), len(table))
        body += table + bytes(-len(table) % 4)
    return head + bytes(body)


def _packed(content: bytes) -> bytes:
    """Return a font packed."""
    tables = list(_tables(content))
    entries, body = b"", bytearray()
    start, size = _HEAD + 20 * len(tables), 12 + 16 * len(tables)
    for index, (tag, table) in enumerate(tables):
        check = content[16 + 16 * index : 20 + 16 * index]
        packed = min(zlib.compress(table, 9), table, key=len)
        entries += struct.pack(">4s3I4s", tag, start + len(body), len(packed), len(table), check)
        body += packed + bytes(-len(packed) % 4)
        size += len(table) + (-len(table) % 4)
    head = struct.pack(">4s4sIHHI4x20x", b"wOFF", content[:4], start + len(body), len(tables), 0, size)
    return head + entries + bytes(body)
