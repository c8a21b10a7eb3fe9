"""Boxes side by side in a file of JPEG 2000 or JPEG XL, by their places.

Invariants: a box never ends behind what holds it; one that would and is part of the picture is an error, another is no box; nothing is read
but headers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from privet.metadata.job import CannotClean

_NEEDED: Final = frozenset((b"jp2h", b"jp2c", b"jpch", b"jplh", b"colr", b"ihdr", b"pclr", b"jxlc", b"jxlp", b"jxll"))


class Box(NamedTuple):
    """A box: its kind, and where its content starts and ends in the file."""

    kind: bytes
    start: int
    end: int


def boxes(source: BinaryIO, start: int, end: int, most: int) -> Iterator[Box]:
    """Yield the boxes between two places; bytes behind the last one that are too few for a box are none.

    Raises:
        CannotClean: a part of the picture is longer than what holds it, or there are more than `most`.

    """
    at = start
    for _ in range(most):
        if end - at < 8:
            return
        source.seek(at)
        head = source.read(16)
        size, kind, width = int.from_bytes(head[:4]), head[4:8], 8
        if size == 1:
            size, width = int.from_bytes(head[8:16]), 16
        elif size == 0:
            # The last one goes on to the end.
            size = end - at
        if size < width:
            return
        if at + size > end and kind not in _NEEDED:
            # What stands behind the last box is none.
            return
        if at + size > end:
            raise CannotClean("truncated: a box ends behind the file")
        yield Box(kind, at + width, at + size)
        at += size
    raise CannotClean("damaged: too many boxes")
