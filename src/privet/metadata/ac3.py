"""Dolby Digital frames (.ac3, .eac3): the frames, and no tags.

Invariants: frames come out bit for bit; tags and all else between and around them do not.

Source: ETSI TS 102 366, tables 4.13 and annex E.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from privet.metadata.job import Job
from privet.metadata.sound_frames import write_frames

_RATES: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_OLDEST_ENHANCED: Final = 11


def measure(content: bytes, at: int) -> tuple[int, int]:
    """Return the length of the frame at a place, and a number for its kind."""
    if at + 6 > len(content) or content[at : at + 2] != b"\x0bw":
        return 0, 0
    version = content[at + 5] >> 3
    if version >= _OLDEST_ENHANCED:
        size = 2 * ((content[at + 2] & 7) << 8 | content[at + 3]) + 2
        return (size, 1 << 8 | version) if version <= 16 and size >= 8 else (0, 0)
    code = content[at + 4] & 63
    if content[at + 4] >> 6 == 3 or code >= 2 * len(_RATES):
        return 0, 0
    rate = _RATES[code >> 1]
    # 1536 samples a frame: bytes at 48, 44.1 and 32 kHz.
    words = (2 * rate, rate * 96000 // 44100 + (code & 1), 3 * rate)[content[at + 4] >> 6]
    return 2 * words, content[at + 4] >> 6


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the frames of sound.

    Raises:
        CannotClean: there are none.

    """
    write_frames(source, target, job, measure)
