"""Flash video (.flv): the tags of sound and pictures.

Invariants: sound and pictures come out bit for bit; script tags (title, dates, maker, cue points, the index made of them) are left out.

Source: Adobe Flash Video File Format Specification 10.1, annex E.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.byte_ranges import copy
from privet.metadata.job import CannotClean, Job
from privet.metadata.window import size_of

_SOUND, _PICTURE, _SCRIPT = 8, 9, 18
_ENCRYPTED: Final = 32
_MAX_TAGS: Final = 20_000_000


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write sound and pictures.

    Raises:
        CannotClean: no such film, encrypted, damaged, or cut off.

    """
    size = size_of(source)
    head = source.read(9)
    if len(head) < 9 or head[:3] != b"FLV":
        raise CannotClean("not a flash video")
    at = int.from_bytes(head[5:9]) + 4
    target.write(head[:4] + bytes((head[4] & 5,)) + (9).to_bytes(4) + bytes(4))
    kept = 0
    for _ in range(_MAX_TAGS):
        if at + 11 > size:
            break
        source.seek(at)
        tag = source.read(11)
        length = int.from_bytes(tag[1:4])
        if tag[0] & ~_ENCRYPTED not in (_SOUND, _PICTURE, _SCRIPT):
            break
        if tag[0] & _ENCRYPTED:
            raise CannotClean("encrypted")
        if at + 11 + length > size:
            raise CannotClean("truncated: the last tag is cut short")
        if tag[0] == _SCRIPT:
            job.dropped("script data")
        else:
            kept += 1
            target.write(tag[:8] + bytes(3))
            copy(source, target, at + 11, length)
            target.write(struct.pack(">I", length + 11))
        at += 11 + length + 4
    if not kept:
        raise CannotClean("no sound and no pictures")
    if at < size:
        job.dropped("trailing bytes")
