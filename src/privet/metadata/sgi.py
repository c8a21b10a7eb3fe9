"""Silicon Graphics pictures (.sgi, .rgb, .bw): size, depth and rows.

Invariants: rows come out bit for bit, each once however many times the table names it; the name of the picture and the spare bytes of the
header are zero; bytes that belong to no row are left out.

Source: The SGI Image File Format, version 1.00, Paul Haeberli.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

import numpy as np

from privet.metadata.byte_ranges import ByteRanges, copy, stores_of
from privet.metadata.job import CannotClean, Job
from privet.metadata.window import size_of

_HEAD_BYTES: Final = 512
_FIXED: Final = 24
_MAX_ROWS: Final = 4_000_000


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture without its name.

    Raises:
        CannotClean: no such picture, damaged, or cut off.

    """
    size = size_of(source)
    head = source.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES or head[:2] != b"\x01\xda" or head[2] > 1 or head[3] not in (1, 2):
        raise CannotClean("damaged: the header")
    dimension, width, height, channels = struct.unpack_from(">4H", head, 4)
    height = height if dimension > 1 else 1
    channels = channels if dimension > 2 else 1
    if not 0 < width * height * channels <= 4 * job.limits.max_pixels or height * channels > _MAX_ROWS:
        raise CannotClean("damaged, or more pixels than the limit: the size of the picture")
    if any(head[_FIXED:104]) or any(head[108:]):
        job.dropped("title")
    target.write(head[:20] + bytes(84) + head[104:108] + bytes(404))
    if head[2]:
        _rows(source, target, height * channels, size, job)
        return
    pixels = width * height * channels * head[3]
    copy(source, target, _HEAD_BYTES, pixels)
    if _HEAD_BYTES + pixels < size:
        job.dropped("trailing bytes")


def _rows(source: BinaryIO, target: BinaryIO, count: int, size: int, job: Job) -> None:
    """Copy packed rows, which tables name by place and length."""
    raw = source.read(8 * count)
    if len(raw) < 8 * count:
        raise CannotClean("truncated: the table of rows")
    starts, sizes = (np.frombuffer(raw, ">u4", count, 4 * count * at).astype(np.int64) for at in (0, 1))
    begin = _HEAD_BYTES + 8 * count
    ranges = ByteRanges(stores_of([(begin, size)]))
    ranges.keep(starts, sizes)
    if ranges.size < size - begin:
        job.dropped("trailing bytes")
    target.write((ranges.place(starts) + begin).astype(">u4").tobytes() + sizes.astype(">u4").tobytes())
    ranges.write(source, target)
