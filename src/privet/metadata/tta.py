"""True Audio (.tta): how the sound is coded, where its frames are, and the frames.

Invariants: frames come out bit for bit, as many bytes as the table of frames says; tags at both ends are left out.

Source: TTA1 and TTA2 format description, Aleksander Djuric.
"""

from __future__ import annotations

from typing import BinaryIO, Final

import numpy as np

from privet.metadata.audio_tags import stream
from privet.metadata.byte_ranges import copy
from privet.metadata.job import CannotClean, Job

_HEAD_BYTES: Final = 22
_MAX_FRAMES: Final = 4_000_000


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the sound.

    Raises:
        CannotClean: no True Audio, encrypted, damaged, or cut off.

    """
    start, end = stream(source, job)
    source.seek(start)
    head = source.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES or head[:4] != b"TTA1":
        raise CannotClean("not a true audio file")
    if int.from_bytes(head[4:6], "little") == 2:
        raise CannotClean("encrypted")
    rate, samples = int.from_bytes(head[10:14], "little"), int.from_bytes(head[14:18], "little")
    if not rate or not samples:
        raise CannotClean("damaged: the header")
    frames = -(-samples * 245 // (rate * 256))
    if frames > _MAX_FRAMES:
        raise CannotClean("damaged: more frames than a recording has")
    table = source.read(4 * frames + 4)
    if len(table) < 4 * frames + 4:
        raise CannotClean("truncated: the table of frames")
    size = int(np.frombuffer(table, "<u4", frames).astype(np.int64).sum())
    begin = start + _HEAD_BYTES + len(table)
    if begin + size > end:
        raise CannotClean("truncated: the sound ends early")
    if begin + size < end:
        job.dropped("trailing bytes")
    target.write(head + table)
    copy(source, target, begin, size)
