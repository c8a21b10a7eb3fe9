"""Tags around a stream of sound: ID3v2, APEv2, ID3v1 and Lyrics3 found by their marks and lengths, so that what is left is the stream.

Invariants:

- Tags are found at both ends, however many there are; a tag's length is never believed beyond the file.
"""

from __future__ import annotations

import os
from typing import BinaryIO, Final

from privet.metadata.job import Job

_MAX_TAGS: Final = 1000
_APE_HEAD_BYTES: Final = 32
_ID3V1_BYTES: Final = 128
_ID3V1_MORE_BYTES: Final = 227
_LYRICS_OLD_BYTES: Final = 5100


def stream(source: BinaryIO, job: Job) -> tuple[int, int]:
    """Return where the stream between the tags starts and ends."""
    end = source.seek(0, os.SEEK_END)
    start = 0
    for _ in range(_MAX_TAGS):
        size, name = leading(_at(source, start, _APE_HEAD_BYTES))
        if not size:
            break
        job.dropped(name)
        start = min(start + size, end)
    for _ in range(_MAX_TAGS):
        size, name = _trailing(source, start, end)
        if not size:
            break
        job.dropped(name)
        end = max(end - size, start)
    return start, end


def _at(source: BinaryIO, place: int, size: int) -> bytes:
    source.seek(place)
    return source.read(size)


def leading(head: bytes) -> tuple[int, str]:
    """Return the length and name of the tag that starts with these bytes, or nought."""
    if head[:3] == b"ID3" and len(head) >= 10 and head[3] < 0xFF and not any(byte & 0x80 for byte in head[6:10]):
        return _synchsafe(head[6:10]) + (20 if head[5] & 0x10 else 10), "id3"
    if head[:8] == b"APETAGEX" and len(head) >= _APE_HEAD_BYTES and head[23] & 0x20:
        return int.from_bytes(head[12:16], "little") + _APE_HEAD_BYTES, "ape"
    return 0, ""


def _synchsafe(four: bytes) -> int:
    return four[0] << 21 | four[1] << 14 | four[2] << 7 | four[3]


def _trailing(source: BinaryIO, start: int, end: int) -> tuple[int, str]:
    """Return the length and name of the tag that ends at `end`, or nought."""
    tail = _at(source, max(start, end - _ID3V1_BYTES), min(_ID3V1_BYTES, end - start))
    if tail[:3] == b"TAG" and len(tail) == _ID3V1_BYTES:
        longer = end - _ID3V1_BYTES - _ID3V1_MORE_BYTES
        more = longer >= start and _at(source, longer, 4) == b"TAG+"
        return _ID3V1_BYTES + (_ID3V1_MORE_BYTES if more else 0), "id3"
    if tail[-10:-7] == b"3DI" and not any(byte & 0x80 for byte in tail[-4:]):
        return _synchsafe(tail[-4:]) + 20, "id3"
    if tail[-32:-24] == b"APETAGEX":
        size = int.from_bytes(tail[-20:-16], "little")
        return max(size, _APE_HEAD_BYTES) + (_APE_HEAD_BYTES if tail[-9] & 0x80 else 0), "ape"
    if tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
        return int(tail[-15:-9]) + 15, "lyrics"
    if tail[-9:] == b"LYRICSEND":
        block = _at(source, max(start, end - _LYRICS_OLD_BYTES - 20), min(_LYRICS_OLD_BYTES + 20, end - start))
        at = block.rfind(b"LYRICSBEGIN")
        return (len(block) - at, "lyrics") if at >= 0 else (0, "")
    return 0, ""
