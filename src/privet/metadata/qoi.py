"""QOI pictures: size, colours and pixels.

Invariants: pixels come out bit for bit; what stands behind the last one is left out.

Source: The Quite OK Image Format specification 1.0.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.window import BLOCK, Window

_END: Final = bytes(7) + b"\1"
_HEAD_BYTES: Final = 14
_RGB, _RGBA = 0xFE, 0xFF


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture.

    Raises:
        CannotClean: no such picture, damaged, or cut off.

    """
    window = Window(source)
    head = window.take(_HEAD_BYTES)
    width, height, channels, space = struct.unpack_from(">4xIIBB", head)
    if head[:4] != b"qoif" or channels not in (3, 4) or space > 1:
        raise CannotClean("damaged: the header")
    if not 0 < width * height <= job.limits.max_pixels:
        raise CannotClean("damaged, or more pixels than the limit: the size of the picture")
    target.write(head)
    left = width * height
    out = bytearray()
    while left > 0:
        window.has(BLOCK)
        data, at = window.buffer, window.at
        stop = len(data) - 5
        while at <= stop and left > 0:
            step, count = _step(data[at])
            at += step
            left -= count
        if at == window.at:
            # The last few pixels.
            step, count = _step(window.take(1)[0])
            window.at -= 1
            out += window.take(step)
            left -= count
            continue
        out += data[window.at : at]
        window.at = at
        target.write(out)
        out.clear()
    if left < 0:
        raise CannotClean("damaged: more pixels than the picture has")
    target.write(out + _END)
    if window.has(len(_END)) and window.take(len(_END)) != _END:
        raise CannotClean("damaged: the end of the picture")
    if window.has(1):
        job.dropped("trailing bytes")


def _step(byte: int) -> tuple[int, int]:
    """Return how many bytes a code takes, and how many pixels it is."""
    if byte == _RGB:
        return 4, 1
    if byte == _RGBA:
        return 5, 1
    if byte >= 0xC0:
        return 1, (byte & 63) + 1
    return (2, 1) if byte >> 6 == 2 else (1, 1)
