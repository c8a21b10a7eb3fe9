"""Targa pictures (TGA): how the pixels are stored, the colours that they use, and the pixels.

Invariants: pixels come out bit for bit, and none more than the picture has; the words in front of the picture and all that stands behind it
(author, comments, dates, program, thumbnail, developers' data) are left out.

Source: Truevision TGA File Format Specification, version 2.0.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.window import BLOCK, Window, size_of

_HEAD_BYTES: Final = 18
_MAPPED, _COLOURS, _GREYS = 1, 2, 3
_RUNS: Final = 8
_FOOTER_BYTES: Final = 26
_MORE_BYTES: Final = 495
_MARK: Final = b"TRUEVISION-XFILE.\0"
_KINDS: Final = frozenset((1, 2, 3, 9, 10, 11))
_DEPTHS: Final = (8, 15, 16, 24, 32)


def is_tga(head: bytes, size: int) -> bool:
    """Tell whether a file's first bytes can be the header of such a picture, which has no mark."""
    if len(head) < _HEAD_BYTES:
        return False
    map_kind, kind, first, count, map_bits = struct.unpack_from("<xBBHHB", head)
    width, height, bits = struct.unpack_from("<HHB", head, 12)
    mapped = kind & ~_RUNS == _MAPPED
    return (
        kind in _KINDS
        and map_kind <= 1
        and (map_kind == 1 or not mapped)
        and (not mapped or (map_bits in _DEPTHS and 0 < count <= 65535 - first))
        and bits in (*_DEPTHS, 1)
        and width * height > 0
        and size > _HEAD_BYTES
    )


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture without metadata.

    Raises:
        CannotClean: no such picture, damaged, or cut off.

    """
    size = size_of(source)
    alpha = _alpha(source, size)
    source.seek(0)
    window = Window(source)
    head = window.take(_HEAD_BYTES)
    if not is_tga(head, size):
        raise CannotClean("damaged: the header")
    words, map_kind, kind, first, count, map_bits, left, top, width, height, bits, how = struct.unpack(
        "<3B2HB4H2B", head
    )
    if width * height > job.limits.max_pixels:
        raise CannotClean("too large: more pixels than the limit")
    window.take(words)
    if words:
        job.dropped("comment")
    colours = window.take(count * ((map_bits + 7) // 8)) if map_kind else b""
    if kind & ~_RUNS != _MAPPED:
        # Readers pass over colours that no pixel can have.
        if colours:
            job.dropped("palette")
        map_kind = first = count = map_bits = 0
        colours = b""
    target.write(
        struct.pack("<3B2HB4H2B", 0, map_kind, kind, first, count, map_bits, left, top, width, height, bits, how)
    )
    target.write(colours)
    if kind & _RUNS:
        _runs(window, target, width * height, (bits + 7) // 8)
    else:
        size = (width + 7) // 8 * height if bits == 1 else width * height * ((bits + 7) // 8)
        target.writelines(window.take(min(BLOCK, size - at)) for at in range(0, size, BLOCK))
    if window.has(1) and not (window.has(_FOOTER_BYTES) and window.buffer[window.at :] == bytes(8) + _MARK):
        job.dropped("trailing bytes")
    target.write(_end(target.tell(), alpha))


def _alpha(source: BinaryIO, size: int) -> int:
    """Return what the fourth channel means, as the end of the file says, or -1 where it says nothing."""
    source.seek(max(size - _FOOTER_BYTES, 0))
    footer = source.read()
    place = int.from_bytes(footer[:4], "little") + _MORE_BYTES - 1
    if not footer.endswith(_MARK) or place < _MORE_BYTES or place >= size:
        return -1
    source.seek(place)
    return source.read(1)[0]


def _end(place: int, alpha: int) -> bytes:
    """Return the end of the file; in front of it, where it was said what the fourth channel means, that and nothing else."""
    more = struct.pack("<H", _MORE_BYTES) + bytes(_MORE_BYTES - 3) + bytes((alpha,)) if 0 <= alpha <= 4 else b""
    return more + struct.pack("<II", place if more else 0, 0) + _MARK


def _runs(window: Window, target: BinaryIO, pixels: int, width: int) -> None:
    """Copy packets, each of which is a pixel said once for many, or many pixels."""
    out = bytearray()
    while pixels > 0:
        packet = window.take(1)[0]
        count = (packet & 127) + 1
        if count > pixels:
            raise CannotClean("damaged: more pixels than the picture has")
        pixels -= count
        out.append(packet)
        out += window.take(width if packet & 128 else width * count)
        if len(out) > BLOCK:
            target.write(out)
            out.clear()
    target.write(out)
