"""WavPack (.wv): the blocks of sound, and nothing of the file that the sound once was.

Invariants: coded samples come out bit for bit; headers and ends of other formats (which may hold tags), check sums that a block no longer
has, unknown parts, and tags around the stream are left out.

Source: WavPack 4 & 5 Binary File / Block Format, David Bryant.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.audio_tags import stream
from privet.metadata.job import CannotClean, Job

_HEAD_BYTES: Final = 32
_MAX_BLOCK: Final = 64 * 1024 * 1024
_LARGE, _ODD, _KIND = 0x80, 0x40, 0x3F
_BLOCK_CHECK: Final = 0x2F
_WAV: Final = frozenset((0x21, 0x22, 0x23, 0x24, 0x28))
# Dummy (0) is padding. What decoding takes: 2 to 14; configuration, MD5 sums of the samples, rate, channels.
_KEPT: Final = frozenset((*range(1, 15), 0x25, 0x26, 0x27, 0x29, 0x2A, 0x2B, _BLOCK_CHECK))


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the sound.

    Raises:
        CannotClean: no WavPack, damaged, or cut off.

    """
    start, end = stream(source, job)
    at = start
    while at + _HEAD_BYTES <= end:
        source.seek(at)
        head = source.read(_HEAD_BYTES)
        if head[:4] != b"wvpk":
            break
        size = int.from_bytes(head[4:8], "little") + 8
        if not _HEAD_BYTES <= size <= _MAX_BLOCK:
            raise CannotClean("damaged: a block")
        if at + size > end:
            raise CannotClean("truncated: the sound ends early")
        target.write(_block(head, source.read(size - _HEAD_BYTES), job))
        at += size
    if not target.tell():
        raise CannotClean("no sound: no block")
    if at < end:
        job.dropped("trailing bytes")


def _block(head: bytes, body: bytes, job: Job) -> bytes:
    parts: list[tuple[int, bytes]] = []
    changed = False
    at = 0
    while at + 2 <= len(body):
        mark = body[at]
        wide = 4 if mark & _LARGE else 2
        words = int.from_bytes(body[at + 1 : at + wide], "little")
        end = at + wide + 2 * words
        if end > len(body):
            raise CannotClean("damaged: a part of a block")
        kind = mark & _KIND
        if kind in _KEPT:
            parts.append((kind, body[at:end]))
        else:
            changed = True
            if kind:
                job.dropped("header of the wav" if kind in _WAV else "part")
        at = end
    changed = changed or at != len(body)
    new = b"".join(part for kind, part in parts if not (changed and kind == _BLOCK_CHECK))
    return head[:4] + struct.pack("<I", _HEAD_BYTES - 8 + len(new)) + head[8:] + new
