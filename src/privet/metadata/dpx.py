"""DPX and Cineon-like film scans (.dpx): how the pixels are stored, and the pixels.

Invariants: pixels come out bit for bit; of the headers only the layout of the picture, its position, and for film and television its rates
come out: no file name, date, creator, project, copyright, encryption key, device, serial number, frame of a reel, time code and user data.

Source: SMPTE 268M-2003.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.byte_ranges import copy
from privet.metadata.job import CannotClean, Job
from privet.metadata.window import size_of

_HEAD_BYTES: Final = 2048
_LEAST: Final = 1664
_NOTHING: Final = b"\xff" * 4
_MAX_START: Final = 64 * 1024 * 1024
_ELEMENT_BYTES: Final = 72


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture.

    Raises:
        CannotClean: no DPX, encrypted, damaged, or cut off.

    """
    size = size_of(source)
    head = source.read(_HEAD_BYTES)
    order = {b"SDPX": ">", b"XPDS": "<"}.get(head[:4])
    if order is None or len(head) < _LEAST:
        raise CannotClean("not a dpx picture")
    (start,) = struct.unpack_from(order + "I", head, 4)
    (count,) = struct.unpack_from(order + "H", head, 770)
    if not _LEAST <= start <= min(size, _MAX_START) or not 1 <= count <= 8:
        raise CannotClean("damaged: the header")
    if head[660:664] not in (_NOTHING, bytes(4)):
        raise CannotClean("encrypted")
    # Writers may leave out what is about film and television.
    head = head[: min(start, _HEAD_BYTES)].ljust(_HEAD_BYTES, b"\xff")
    target.write(_header(head, order, start, size, count))
    job.dropped("header fields")
    copy(source, target, start, size - start)


def _header(head: bytes, order: str, start: int, size: int, count: int) -> bytes:
    out = bytearray(_HEAD_BYTES)
    out[:4], out[8:16] = head[:4], head[8:16]
    out[4:8] = struct.pack(order + "I", _HEAD_BYTES)
    out[16:20] = struct.pack(order + "I", size - start + _HEAD_BYTES)
    out[20:36] = struct.pack(order + "4I", 1, 1664, 384, 0)
    out[660:664] = _NOTHING
    # Orientation, elements, size; each element's coding without its description; position, without where it comes from.
    out[768:780] = head[768:780]
    for element in range(count):
        at = 780 + _ELEMENT_BYTES * element
        out[at : at + 40] = head[at : at + 40]
        (place,) = struct.unpack_from(order + "I", head, at + 28)
        if place != 0xFFFFFFFF and place:
            if not start <= place < size:
                raise CannotClean("damaged: where the pixels begin")
            out[at + 28 : at + 32] = struct.pack(order + "I", place - start + _HEAD_BYTES)
    out[1408:1432] = head[1408:1432]
    out[1628:1636] = head[1628:1636]
    out[1724:1732] = head[1724:1732]
    out[1920:1928] = _NOTHING * 2
    out[1932:1980] = head[1932:1980]
    return bytes(out)
