"""FLIF pictures: size, channels and the coded picture.

Invariants: the coded picture comes out bit for bit; EXIF, XMP, ICC profiles and unknown chunks are left out; where the coded picture ends
only a decoder knows, so one with text at its end is refused.

Source: FLIF16 Specification, Jon Sneyers and Pieter Wuille.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from privet.metadata.byte_ranges import copy
from privet.metadata.job import CannotClean, Job
from privet.metadata.jxl import check_tail
from privet.metadata.window import size_of

MAGIC: Final = b"FLIF"
_NAMES: Final = {b"eXif": "exif", b"eXmp": "xmp", b"iCCP": "icc"}
_ANIMATED: Final = (5, 6)
_MAX_CHUNKS: Final = 1000


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture.

    Raises:
        CannotClean: no FLIF, damaged, or cut off.

    """
    size = size_of(source)
    head = source.read(6)
    if len(head) < 6 or head[:4] != MAGIC or not 3 <= head[4] >> 4 <= 6 or head[5:] not in (b"0", b"1", b"2"):
        raise CannotClean("not a flif picture")
    for _ in range(3 if head[4] >> 4 in _ANIMATED else 2):
        _number(source)
    begin = source.tell()
    at = begin
    for _ in range(_MAX_CHUNKS):
        source.seek(at)
        name = source.read(4)
        if not name.isalpha():
            break
        length = _number(source)
        job.dropped(_NAMES.get(name, "chunk"))
        at = source.tell() + length
    # A nought stands before the coded picture.
    source.seek(at)
    if at + 1 >= size or source.read(1) != b"\0":
        raise CannotClean("truncated: no picture")
    check_tail(source, at, size)
    copy(source, target, 0, begin)
    copy(source, target, at, size - at)


def _number(source: BinaryIO) -> int:
    """Return the next number, of seven bits a byte."""
    value = 0
    for _ in range(5):
        byte = source.read(1)
        if not byte:
            break
        value = value << 7 | byte[0] & 127
        if byte[0] < 128:
            return value
    raise CannotClean("damaged: a number")
