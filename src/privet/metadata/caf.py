"""Core Audio Format (.caf): how the sound is coded, and the sound.

Invariants: the sound comes out bit for bit; names, comments, markers, edits, instruments, UUIDs, peaks and padding are left out.

Source: Apple Core Audio Format Specification 1.0.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.byte_ranges import copy
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.window import size_of

_KEPT: Final = (b"desc", b"chan", b"kuki", b"pakt")
_NAMES: Final = {
    b"info": "tags",
    b"uuid": "private chunk",
    b"free": "padding",
    b"mark": "markers",
    b"regn": "markers",
    b"strg": "tags",
}
_DESCRIPTION_BYTES: Final = 32
_MAX_CHUNKS: Final = 100_000
_MAX_BYTES: Final = 64 * MIB


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the sound.

    Raises:
        CannotClean: no such sound, damaged, or cut off.

    """
    size = size_of(source)
    head = source.read(8)
    if len(head) < 8 or head[:4] != b"caff":
        raise CannotClean("not a caf file")
    kept: dict[bytes, bytes] = {}
    sound: tuple[int, int] | None = None
    at = 8
    for _ in range(_MAX_CHUNKS):
        if at + 12 > size:
            break
        source.seek(at)
        name, length = struct.unpack(">4sq", source.read(12))
        at += 12
        if length == -1 and name == b"data":
            length = size - at
        if length < 0 or at + length > size:
            raise CannotClean("truncated: a chunk ends behind the file")
        if name == b"data" and sound is None:
            sound = at, length
        elif name in _KEPT and name not in kept and length <= _MAX_BYTES:
            kept[name] = source.read(length)
        else:
            job.dropped(_NAMES.get(name, "chunk"))
        at += length
    if sound is None or len(kept.get(b"desc", b"")) < _DESCRIPTION_BYTES or sound[1] < 4:
        raise CannotClean("truncated: no sound")
    if at < size:
        job.dropped("trailing bytes")
    kept[b"desc"] = kept[b"desc"][:_DESCRIPTION_BYTES]
    target.write(b"caff\0\1\0\0" + b"".join(name + struct.pack(">q", len(body)) + body for name, body in kept.items()))
    # The number of edits, then the sound.
    target.write(b"data" + struct.pack(">q", sound[1]) + bytes(4))
    copy(source, target, sound[0] + 4, sound[1] - 4)
