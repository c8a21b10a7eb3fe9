"""Which way up a picture is: the one thing in EXIF that a viewer applies to the pixels.

Invariants: whatever is read, what is written is one of seven fixed blocks; a block that is damaged says nothing and is no error.
"""

from __future__ import annotations

import re
import struct
from typing import Final

UPRIGHT: Final = 1
_TAG: Final = 0x0112
_MAX_ENTRIES: Final = 4096
_PREFIX: Final = b"Exif\0\0"
_ORDERS: Final = {b"II": "<", b"MM": ">"}
# As Pillow and Adobe's programs read it.
_XMP: Final = re.compile(rb'tiff:Orientation(?:="|>)\s*([1-8])\s*["<]')
_INTEGERS: Final = {1: "B", 3: "H", 4: "I", 8: "h", 9: "i"}


def of_exif(block: bytes) -> int | None:
    """Return the orientation, 1 to 8, in an EXIF block with or without its prefix, or None where it says none."""
    while block.startswith(_PREFIX):
        block = block[len(_PREFIX) :]
    order = _ORDERS.get(block[:2])
    if order is None or len(block) < 8 or struct.unpack(order + "H", block[2:4])[0] != 42:
        return None
    (at,) = struct.unpack(order + "I", block[4:8])
    if at + 2 > len(block):
        return None
    (count,) = struct.unpack_from(order + "H", block, at)
    for place in range(at + 2, min(at + 2 + 12 * min(count, _MAX_ENTRIES), len(block) - 11), 12):
        tag, kind, values = struct.unpack_from(order + "HHI", block, place)
        if tag == _TAG and kind in _INTEGERS and values == 1:
            (value,) = struct.unpack_from(order + _INTEGERS[kind], block, place + 8)
            return int(value) if 1 <= value <= 8 else None
    return None


def of_xmp(packet: bytes) -> int | None:
    """Return the orientation in an XMP packet, or None where it says none."""
    found = _XMP.search(packet)
    return int(found[1]) if found else None


def exif_block(orientation: int) -> bytes:
    """Return an EXIF block, without its prefix, that holds the orientation and nothing else.

    >>> of_exif(exif_block(6))
    6
    """
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _TAG, 3, 1, orientation, 0, 0)
