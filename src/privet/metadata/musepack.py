"""Musepack (.mpc), stream versions 7 and 8: the sound, and what a player takes to play it.

Invariants: frames come out bit for bit; version 8 loses the encoder's name, chapters and packets that are not known, version 7 the number
of the encoder; tags at both ends are left out. Where the frames of version 7 end only a decoder knows.

Source: Musepack SV8 specification; mpc_decoder's streaminfo.c.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from privet.metadata.audio_tags import stream
from privet.metadata.byte_ranges import copy
from privet.metadata.job import CannotClean, Job

_KEPT: Final = (b"SH", b"RG", b"AP", b"SE")
_MAX_PACKETS: Final = 10_000_000
_OLD_HEAD_BYTES: Final = 28


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the sound.

    Raises:
        CannotClean: no Musepack, damaged, or cut off.

    """
    start, end = stream(source, job)
    source.seek(start)
    head = source.read(_OLD_HEAD_BYTES)
    if head[:4] == b"MPCK":
        _packets(source, target, start + 4, end, job)
    elif head[:3] == b"MP+" and head[3] & 15 == 7 and len(head) == _OLD_HEAD_BYTES:
        # Length and profile; the gain, which tools show as a tag, says nothing; the last frame's length; not the encoder.
        target.write(head[:12] + bytes(8) + head[20:27] + b"\0")
        copy(source, target, start + _OLD_HEAD_BYTES, end - start - _OLD_HEAD_BYTES)
    else:
        raise CannotClean("musepack of this version is not supported")


def _packets(source: BinaryIO, target: BinaryIO, at: int, end: int, job: Job) -> None:
    target.write(b"MPCK")
    sounds = 0
    for _ in range(_MAX_PACKETS):
        if at >= end:
            break
        kind, size = _packet(source, at, end)
        if kind in _KEPT:
            # Places of packets (SO, ST) hold no longer; players do without.
            copy(source, target, at, size)
            sounds += kind == b"AP"
        elif kind not in (b"SO", b"ST"):
            job.dropped({b"CT": "chapters", b"EI": "encoder name"}.get(kind, "packet"))
        at += size
        if kind == b"SE":
            break
    if not sounds:
        raise CannotClean("no sound: no packet")
    if at < end:
        job.dropped("trailing bytes")


def _packet(source: BinaryIO, at: int, end: int) -> tuple[bytes, int]:
    """Return the kind and the length of the packet at a place."""
    source.seek(at)
    head = source.read(12)
    size, width = _length(head[2:])
    if size < 2 + width or not head[:2].isalpha():
        raise CannotClean("damaged: a packet")
    if at + size > end:
        raise CannotClean("truncated: the sound ends early")
    return head[:2], size


def _length(head: bytes) -> tuple[int, int]:
    """Return a number of seven bits a byte, and how many bytes it takes."""
    value = 0
    for at, byte in enumerate(head[:9]):
        value = value << 7 | byte & 127
        if byte < 128:
            return value, at + 1
    return 0, 0
