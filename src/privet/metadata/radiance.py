"""Radiance pictures (.hdr, .rgbe): how the pixels are stored, how they were exposed, and the pixels.

Invariants: pixels come out bit for bit, and no byte behind the last; of the header only the format, the exposure and the colours come out:
no comments, programs, views and commands.

Source: Radiance File Formats, Greg Ward; header.c and color.c of Radiance.
"""

from __future__ import annotations

import re
from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.window import BLOCK, Window

_KEPT: Final = {
    b"FORMAT": re.compile(rb"32-bit_rle_(?:rgbe|xyze)"),
    b"EXPOSURE": re.compile(rb"[\d.eE+-]{1,24}"),
    b"GAMMA": re.compile(rb"[\d.eE+-]{1,24}"),
    b"PIXASPECT": re.compile(rb"[\d.eE+-]{1,24}"),
    b"COLORCORR": re.compile(rb"[\d.eE+ -]{1,80}"),
    b"PRIMARIES": re.compile(rb"[\d.eE+ -]{1,200}"),
}
_SIZE: Final = re.compile(rb"([+-][XY]) (\d{1,9}) ([+-][XY]) (\d{1,9})\s*")
_MAX_LINES: Final = 10_000
_MAX_LINE: Final = 65536
_SHORTEST, _LONGEST = 8, 32767


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture without metadata.

    Raises:
        CannotClean: no such picture, damaged, or cut off.

    """
    window = Window(source)
    if _line(window)[:2] != b"#?":
        raise CannotClean("not a radiance picture")
    kept = [b"#?RADIANCE"]
    for _ in range(_MAX_LINES):
        line = _line(window)
        if not line:
            break
        name, _, value = line.partition(b"=")
        value = value.strip()
        if name in _KEPT and _KEPT[name].fullmatch(value):
            kept.append(name + b"=" + value)
        else:
            job.dropped("comment")
    size = _SIZE.fullmatch(_line(window))
    if size is None or size[1][1:] == size[3][1:]:
        raise CannotClean("damaged: the header")
    rows, width = int(size[2]), int(size[4])
    if not 0 < rows * width <= job.limits.max_pixels:
        raise CannotClean("damaged, or more pixels than the limit: the size of the picture")
    kept += [b"", b"%b %d %b %d\n" % (size[1], rows, size[3], width)]
    target.write(b"\n".join(kept))
    out = bytearray()
    for _ in range(rows):
        _row(window, out, width)
        if len(out) > BLOCK:
            target.write(out)
            out.clear()
    target.write(out)
    if window.has(1):
        job.dropped("trailing bytes")


def _line(window: Window) -> bytes:
    window.has(_MAX_LINE)
    end = window.buffer.find(b"\n", window.at, window.at + _MAX_LINE)
    if end < 0:
        raise CannotClean("damaged: the header")
    line = window.buffer[window.at : end]
    window.at = end + 1
    return line.rstrip(b"\r")


def _row(window: Window, out: bytearray, width: int) -> None:
    """Copy a row, which is stored in one of three ways."""
    head = window.take(4)
    out += head
    if _SHORTEST <= width <= _LONGEST and head[:2] == b"\2\2" and head[2] < 128:
        if int.from_bytes(head[2:]) != width:
            raise CannotClean("damaged: a row")
        for _ in range(4):
            _channel(window, out, width)
        return
    left, shift = width - 1, 0
    while left > 0:
        pixel = window.take(4)
        out += pixel
        if pixel[:3] == b"\1\1\1":
            left -= pixel[3] << shift
            shift = min(shift + 8, 32)
        else:
            left -= 1
            shift = 0
    if left < 0:
        raise CannotClean("damaged: a row")


def _channel(window: Window, out: bytearray, left: int) -> None:
    while left > 0:
        head = window.take(1)
        count = head[0] - 128 if head[0] > 128 else head[0]
        if not 0 < count <= left:
            raise CannotClean("damaged: a row")
        out += head
        out += window.take(1 if head[0] > 128 else count)
        left -= count
