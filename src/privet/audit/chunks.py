"""Files that are made of named pieces: where each piece begins and how long it is.

Invariant: a size is not believed beyond the end of the file, and every step goes forward, so that no file takes longer than its length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple


class Piece(NamedTuple):
    """A piece: its name, where its content begins, and how many bytes of it are in the file."""

    name: bytes
    start: int
    size: int


def size_of(stream: BinaryIO) -> int:
    """Return how long a file is; the stream stands at 0 again."""
    size = stream.seek(0, 2)
    stream.seek(0)
    return size


def chunks(
    stream: BinaryIO, end: int, order: Literal["little", "big"], *, width: int = 4, pad: bool = True
) -> Iterator[Piece]:
    """Yield chunks of IFF and its kin, from where the stream stands: a name of four bytes, a size, the content."""
    place = stream.tell()
    while place + 4 + width <= end:
        stream.seek(place)
        name = stream.read(4)
        size = int.from_bytes(stream.read(width), order)
        start = place + 4 + width
        yield Piece(name, start, min(size, end - start))
        place = start + size + (size & 1 if pad else 0)


def boxes(stream: BinaryIO, end: int) -> Iterator[Piece]:
    """Yield boxes of ISO 14496-12, from where the stream stands: a size, a name of four bytes, the content."""
    place = stream.tell()
    while place + 8 <= end:
        stream.seek(place)
        size, name, head = int.from_bytes(stream.read(4), "big"), stream.read(4), 8
        if size == 1:
            size, head = int.from_bytes(stream.read(8), "big"), 16
        size = end - place if size == 0 else size
        if size < head:
            return
        yield Piece(name, place + head, min(place + size, end) - place - head)
        place += size


def content(stream: BinaryIO, piece: Piece, most: int = 1 << 24) -> bytes:
    """Return what is in a piece, up to `most` bytes."""
    stream.seek(piece.start)
    return stream.read(min(piece.size, most))
