"""AAC in ADTS frames (.aac): the frames, and no tags.

Invariants: frames come out bit for bit; ID3 and APE tags and all else between and around them do not.
"""

from __future__ import annotations

from typing import BinaryIO

from privet.metadata.job import Job
from privet.metadata.sound_frames import write_frames


def measure(content: bytes, at: int) -> tuple[int, int]:
    """Return the length of the ADTS frame at a place, and a number for its version, profile, rate and channels."""
    if at + 7 > len(content) or content[at] != 0xFF or content[at + 1] & 0xF6 != 0xF0:
        return 0, 0
    size = (content[at + 3] & 3) << 11 | content[at + 4] << 3 | content[at + 5] >> 5
    least = 7 if content[at + 1] & 1 else 9
    if size < least or content[at + 2] >> 2 & 15 > 12:
        return 0, 0
    kind = (content[at + 1] & 8) << 16 | (content[at + 2] & 0xFD) << 8 | content[at + 3] & 0xC0
    return size, kind


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the frames of sound.

    Raises:
        CannotClean: there are none.

    """
    write_frames(source, target, job, measure)
