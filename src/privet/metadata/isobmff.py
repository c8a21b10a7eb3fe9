"""Boxes of the ISO base media file format and QuickTime: read, written, and the file's outermost ones found.

Invariants:

- A box that says it is longer than what holds it is refused; nothing is guessed.
- The bulk of a file (`mdat`) is never read here: an outermost box is its kind and its place.
- Reading takes time linear in the bytes at hand, and no memory of the size a box claims.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple

from privet.metadata.job import MIB, CannotClean, Job

HEADER_BYTES: Final = 8
_MAX_LOADED_BYTES: Final = 128 * MIB
_MAX_PARTS: Final = 500_000
_MAX_BESIDE: Final = 4096
_OUTERMOST: Final = frozenset(
    b"ftyp pdin moov moof mfra mdat free skip meta meco styp sidx ssix prft uuid wide pnot udta junk PICT imda emsg".split()
)
_LONGEST_SIZE: Final = 2**32 - 1

# Makers of cameras and phones name themselves by brands of their own, so only the brands that say how to read a file are kept.
_BRANDS: Final = frozenset(
    b"isom iso2 iso3 iso4 iso5 iso6 iso7 iso8 iso9 isoa isob isoc mp41 mp42 mp71 avc1 hvc1 av01 dash msdh msix cmfc cmf2 cmfs cmff cmfl"
    b" M4A M4B M4V M4P M4VH M4VP f4v qt 3gp4 3gp5 3gp6 3gp7 3gp8 3gp9 3gg6 3ge6 3ge7 3g2a 3g2b 3g2c 3gr6 3gs6 MSNV NDSC"
    b" mif1 mif2 msf1 heic heix heim heis hevc hevx hevm hevs heif avif avis avio avci avcs miaf MiHB MiHE MiHA MiPr MA1B MA1A jpeg jpgs"
    b" tmap geo1 unif vvic vvis evbi j2ki j2is 1pic".split()
)


class Box(NamedTuple):
    """A box in memory: its kind and what is in it."""

    kind: bytes
    body: memoryview


class Part(NamedTuple):
    """An outermost box: its kind, and where it and its content start and end in the file."""

    kind: bytes
    start: int
    body: int
    end: int


def boxes(data: memoryview, most: int = _MAX_BESIDE) -> Iterator[Box]:
    """Yield the boxes that stand side by side in `data`. A size of nought ends them, as in QuickTime's lists.

    Raises:
        CannotClean: one is longer than what holds it, or there are more than `most`.

    """
    at = 0
    while len(data) - at >= HEADER_BYTES:
        size, kind = struct.unpack_from(">I4s", data, at)
        head = HEADER_BYTES
        if size == 0:
            return
        if size == 1 and len(data) - at >= 16:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        if size < head or size > len(data) - at:
            raise CannotClean("damaged: a box is longer than what holds it")
        yield Box(kind, data[at + head : at + size])
        at += size
        most -= 1
        if most < 0:
            raise CannotClean("damaged: too many boxes side by side")


def first(data: memoryview, kind: bytes) -> memoryview | None:
    """Return what is in the first box of a kind."""
    return next((box.body for box in boxes(data) if box.kind == kind), None)


def box(kind: bytes, *pieces: bytes | memoryview) -> bytes:
    r"""Return a box with these pieces in it.

    >>> box(b"free", b"ab")
    b'\x00\x00\x00\nfreeab'
    """
    size = HEADER_BYTES + sum(len(piece) for piece in pieces)
    if size > _LONGEST_SIZE:
        raise CannotClean("too large: a box of metadata over 4 GiB")
    return b"".join((struct.pack(">I4s", size, kind), *pieces))


def long_header(kind: bytes, size: int) -> bytes:
    """Return the header of a box whose content of `size` bytes is written after it."""
    if size + HEADER_BYTES > _LONGEST_SIZE:
        return struct.pack(">I4sQ", 1, kind, size + 16)
    return struct.pack(">I4s", size + HEADER_BYTES, kind)


def table(body: memoryview, entry: int, *, head: int = 8, count: int | None = None) -> memoryview:
    """Return a table with its entries and not a byte more; the number of entries stands before them unless it is given."""
    if len(body) < head:
        raise CannotClean("damaged: a table is cut short")
    if count is None:
        count = int.from_bytes(body[head - 4 : head])
    if head + count * entry > len(body):
        raise CannotClean("damaged: a table says it is longer than it is")
    return body[: head + count * entry]


def parts(source: BinaryIO, job: Job) -> list[Part]:
    """Return the outermost boxes of a file. What comes after the last one is no part of it, and is noted.

    Raises:
        CannotClean: a box of the format is cut short, or there are more than half a million.

    """
    total = source.seek(0, os.SEEK_END)
    found: list[Part] = []
    at = 0
    while total - at >= HEADER_BYTES:
        source.seek(at)
        header = source.read(16)
        size, kind = struct.unpack_from(">I4s", header)
        head = HEADER_BYTES
        if size == 1 and len(header) == 16:
            size, head = struct.unpack_from(">Q", header, 8)[0], 16
        elif size == 0:
            size = total - at
        known = kind in _OUTERMOST
        if size < head or (not known and at + size > total):
            break
        if at + size > total and kind not in {b"mdat", b"free", b"skip"}:
            raise CannotClean("truncated: the last box is cut short")
        end = min(at + size, total)
        found.append(Part(kind, at, at + head, end))
        if len(found) > _MAX_PARTS:
            raise CannotClean("damaged: more than half a million boxes")
        at = end
    if at < total:
        job.dropped("trailing bytes")
    return found


def loaded(source: BinaryIO, part: Part) -> memoryview:
    """Return the content of an outermost box."""
    size = part.end - part.body
    if size > _MAX_LOADED_BYTES:
        raise CannotClean("too large: more than 128 MiB of tables")
    source.seek(part.body)
    content = source.read(size)
    if len(content) != size:
        raise CannotClean("truncated: the last box is cut short")
    return memoryview(content)


def file_type(body: memoryview | bytes, *, also: Sequence[bytes] = ()) -> bytes:
    """Return a `ftyp` box that names only brands which say how to read the file."""
    names = [bytes(body[at : at + 4]) for at in (0, *range(8, min(len(body), 256) - 3, 4))]
    known = [name for name in (*names, *also) if name.strip() in _BRANDS]
    if not known:
        known = [b"isom"]
    return box(b"ftyp", known[0], bytes(4), *dict.fromkeys(known))


def version(body: memoryview) -> int:
    """Return the version a box says it has."""
    return body[0] if len(body) else 0
