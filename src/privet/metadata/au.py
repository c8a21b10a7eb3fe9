"""Sun's and NeXT's sound files (.au, .snd): how the sound is coded, and the sound.

Invariants: the sound comes out bit for bit; the note in front of it, and what stands behind it, are left out.

Source: The AU Audio File Format (Sun).
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.byte_ranges import copy
from privet.metadata.job import CannotClean, Job
from privet.metadata.window import size_of

_HEAD_BYTES: Final = 24
_UNKNOWN: Final = 2**32 - 1


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the sound.

    Raises:
        CannotClean: no such sound, damaged, or cut off.

    """
    total = size_of(source)
    head = source.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES or head[:4] != b".snd":
        raise CannotClean("not an au file")
    start, size, coding, rate, channels = struct.unpack_from(">5I", head, 4)
    if start < _HEAD_BYTES or start > total or not channels:
        raise CannotClean("damaged: the header")
    if size == _UNKNOWN:
        size = total - start
    if start + size > total:
        raise CannotClean("truncated: the sound ends early")
    if any(source.read(min(start - _HEAD_BYTES, 65536))) or start > 65536:
        job.dropped("comment")
    if start + size < total:
        job.dropped("trailing bytes")
    target.write(b".snd" + struct.pack(">5I", _HEAD_BYTES, size, coding, rate, channels))
    copy(source, target, start, size)
