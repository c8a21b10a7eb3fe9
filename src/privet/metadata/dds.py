"""DirectDraw surfaces (.dds): how the pixels are stored, and the pixels.

Invariants: pixels come out bit for bit, of all sizes, faces and layers that the header says there are; what programs write of themselves in
the spare fields, and what stands behind the pixels, is left out.

Source: Microsoft, Programming Guide for DDS; the DXGI_FORMAT enumeration.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.byte_ranges import copy
from privet.metadata.job import CannotClean, Job
from privet.metadata.window import size_of

_HEAD_BYTES: Final = 128
_MORE_BYTES: Final = 20
_FOUR_CHARACTERS: Final = 4
_PALETTE: Final = 0x20
_PALETTE_BYTES: Final = 1024
_CUBE, _VOLUME = 0x200, 0x200000
_FACES: Final = 0xFC00
# Bytes of a block of four by four pixels.
_BLOCKS: Final = {
    b"DXT1": 8, b"DXT2": 16, b"DXT3": 16, b"DXT4": 16, b"DXT5": 16, b"ATI1": 8, b"ATI2": 16, b"BC4U": 8, b"BC4S": 8, b"BC5U": 16,
    b"BC5S": 16,
}  # fmt: skip
# Numbers of Direct3D 9 in place of four characters: bits of a pixel.
_NUMBERED: Final = {36: 64, 110: 64, 111: 16, 112: 32, 113: 64, 114: 32, 115: 64, 116: 128}
_NEW_BLOCKS: Final = {
    **dict.fromkeys((70, 71, 72, 79, 80, 81), 8),
    **dict.fromkeys((*range(73, 79), *range(82, 85), *range(94, 100)), 16),
}
_NEW_BITS: Final = (
    (range(1, 5), 128), (range(5, 9), 96), (range(9, 23), 64), (range(23, 48), 32), (range(48, 60), 16), (range(60, 66), 8),
    (range(67, 68), 32), (range(85, 87), 16), (range(87, 94), 32), (range(115, 116), 16),
)  # fmt: skip


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture without metadata.

    Raises:
        CannotClean: no such picture, of an unknown kind of pixels, damaged, or cut off.

    """
    size = size_of(source)
    head = source.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES or head[:8] != b"DDS " + struct.pack("<I", 124):
        raise CannotClean("damaged: the header")
    code = head[84:88]
    more = b""
    if struct.unpack_from("<I", head, 80)[0] & _FOUR_CHARACTERS and code == b"DX10":
        more = source.read(_MORE_BYTES)
        if len(more) < _MORE_BYTES:
            raise CannotClean("truncated: the header")
    elif struct.unpack_from("<I", head, 80)[0] & _PALETTE:
        more = source.read(_PALETTE_BYTES)
    pixels = _pixels(head, more, job)
    begin = _HEAD_BYTES + len(more)
    if begin + pixels > size:
        raise CannotClean("truncated: the pixels end early")
    if any(head[32:76]):
        job.dropped("private fields")
    if begin + pixels < size:
        job.dropped("trailing bytes")
    if len(more) == _MORE_BYTES:
        # The alpha mode is three bits.
        more = more[:16] + bytes((more[16] & 7, 0, 0, 0))
    target.write(head[:32] + bytes(44) + head[76:116] + bytes(12) + more)
    copy(source, target, begin, pixels)


def _pixels(head: bytes, more: bytes, job: Job) -> int:
    """Return how many bytes the pixels take, with all smaller copies."""
    height, width, _, depth, levels = struct.unpack_from("<5I", head, 12)
    kinds, code, bits = struct.unpack_from("<I4sI", head, 80)
    faces = struct.unpack_from("<I", head, 112)[0]
    depth = max(depth, 1) if faces & _VOLUME else 1
    layers = max((faces & _FACES).bit_count(), 1) if faces & _CUBE else 1
    block = 0
    if len(more) == _MORE_BYTES:
        form, _, cube, count = struct.unpack_from("<4I", more)
        layers = max(count, 1) * (6 if cube & 4 else 1)
        block = _NEW_BLOCKS.get(form, 0)
        bits = next((each for forms, each in _NEW_BITS if form in forms), 0)
    elif kinds & _PALETTE:
        bits = 8
    elif kinds & _FOUR_CHARACTERS:
        block = _BLOCKS.get(code, 0)
        bits = _NUMBERED.get(int.from_bytes(code, "little"), 0)
    if not block and not (8 <= bits <= 128):
        raise CannotClean("this kind of pixels of dds is not supported")
    if not 0 < width * height * depth <= job.limits.max_pixels or layers > 2048 or levels > 32:
        raise CannotClean("damaged, or more pixels than the limit: the size of the picture")
    total = 0
    for _ in range(max(levels, 1)):
        row = -(-width // 4) * block if block else (width * bits + 7) // 8
        total += row * (-(-height // 4) if block else height) * depth
        width, height, depth = max(width // 2, 1), max(height // 2, 1), max(depth // 2, 1)
    return total * layers
