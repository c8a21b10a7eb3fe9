"""PCX pictures: how the pixels are stored, their colours, and the pixels.

Invariants: pixels come out bit for bit, and no byte more than the picture's rows take; the spare bytes of the header and the size of
the maker's screen are zero; what stands between and behind pixels and colours is left out.

Source: ZSoft PCX File Format Technical Reference Manual.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

import numpy as np

from privet.metadata.job import CannotClean, Job
from privet.metadata.window import BLOCK, Window, size_of

_HEAD_BYTES: Final = 128
_PALETTE_BYTES: Final = 768
_RUN: Final = 0xC0
_SPARE: Final = 64
_USED: Final = 70
_WITHOUT: Final = 3
"""the version whose 16 colours are the reader's own"""


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture without metadata.

    Raises:
        CannotClean: no such picture, damaged, or cut off.

    """
    size = size_of(source)
    tail_at = max(size - _PALETTE_BYTES - 1, 0)
    source.seek(tail_at)
    tail = source.read()
    source.seek(0)
    window = Window(source)
    head = window.take(_HEAD_BYTES)
    bits, left, top, right, bottom = struct.unpack_from("<3xB4H", head)
    planes, row = head[65], int.from_bytes(head[66:68], "little")
    width, height = right - left + 1, bottom - top + 1
    if head[0] != 10 or head[2] > 1 or bits not in (1, 2, 4, 8) or not 1 <= planes <= 4:
        raise CannotClean("damaged: the header")
    if width < 1 or height < 1 or row * 8 < width * bits or width * height > job.limits.max_pixels:
        raise CannotClean("damaged, or more pixels than the limit: the size of the picture")
    if any(head[_USED:]):
        job.dropped("screen")
    target.write(head[:_SPARE] + b"\0" + head[_SPARE + 1 : _USED] + bytes(_HEAD_BYTES - _USED))
    taken = _HEAD_BYTES + _pixels(window, target, row * planes * height, packed=head[2] == 1)
    needs_colours = planes == 1 and bits == 8 and head[1] != _WITHOUT
    has_colours = needs_colours and len(tail) > _PALETTE_BYTES and tail[0] == 12 and tail_at >= taken
    if has_colours:
        target.write(tail)
        taken += len(tail)
    if taken < size:
        job.dropped("trailing bytes")


def _pixels(window: Window, target: BinaryIO, size: int, *, packed: bool) -> int:
    """Copy the rows, which are `size` bytes unpacked; return how many bytes they take packed."""
    taken = 0
    pending = False
    while size > 0 or pending:
        if not window.has(1):
            raise CannotClean("truncated: the pixels end early")
        piece = window.buffer[window.at : window.at + BLOCK]
        if packed:
            length, size, pending = _runs(piece, size, pending=pending)
        else:
            length = min(len(piece), size)
            size -= length
        target.write(piece[:length])
        window.at += length
        taken += length
    return taken


def _runs(piece: bytes, size: int, *, pending: bool) -> tuple[int, int, bool]:
    """Return how many packed bytes belong to the picture, how many unpacked ones are still to come, and whether a run lacks its byte.

    Of bytes from C0 on, the first of a row of them is the length of a run, the second what it is of, the third a length again. A run
    over the end of the last row is written by some programs; readers take of it what they need.
    """
    if size <= 0:
        return 1, size, False
    levels = np.frombuffer(piece, np.uint8)
    high = levels >= _RUN
    high[0] &= not pending
    places = np.arange(len(levels))
    low_before = np.maximum.accumulate(np.where(high, -1, places))
    length = high & ((places - low_before) % 2 == 1)
    value = np.concatenate(([pending], length[:-1]))
    upto = np.cumsum(np.where(length, levels & 63, ~value))
    last = int(np.searchsorted(upto, size))
    if last >= len(levels):
        return len(levels), size - int(upto[-1]), bool(length[-1])
    has_value = length[last] and last + 1 < len(levels)
    return last + 1 + int(has_value), 0, bool(length[last]) and not has_value
