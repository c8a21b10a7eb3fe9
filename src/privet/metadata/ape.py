"""Monkey's Audio (.ape): how the sound is coded, where its frames are, and the frames.

Invariants: frames come out bit for bit; tags at both ends, and the header and the end of the WAV file that the sound once was (which may
hold tags), are left out: readers make a new one.

Source: the Monkey's Audio SDK, MACLib.h (APE_DESCRIPTOR, APE_HEADER, APE_HEADER_OLD).
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.audio_tags import stream
from privet.metadata.byte_ranges import copy
from privet.metadata.job import MIB, CannotClean, Job

_NEW: Final = 3980
_DESCRIPTOR_BYTES: Final = 52
_HEADER_BYTES: Final = 24
_OLD_BYTES: Final = 32
_HAS_PEAK, _HAS_SEEK = 4, 16
_WITHOUT_BITS: Final = 3810
_MAKE_WAV: Final = 32
_MAX_SEEK_BYTES: Final = 64 * MIB


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the sound.

    Raises:
        CannotClean: no such sound, damaged, or cut off.

    """
    start, end = stream(source, job)
    source.seek(start)
    head = source.read(_DESCRIPTOR_BYTES)
    if len(head) < 6 or head[:3] != b"MAC":
        raise CannotClean("not a monkey's audio file")
    version = int.from_bytes(head[4:6], "little")
    if version < _NEW:
        _write_old(source, target, start, end, job)
        return
    _write(source, target, head, start, end, job)


def _write(source: BinaryIO, target: BinaryIO, head: bytes, start: int, end: int, job: Job) -> None:
    if len(head) < _DESCRIPTOR_BYTES:
        raise CannotClean("truncated: the header")
    own, header, seek, wav, low, high, tail = struct.unpack_from("<7I", head, 8)
    frames = low | high << 32
    if own < _DESCRIPTOR_BYTES or header < _HEADER_BYTES or seek > _MAX_SEEK_BYTES:
        raise CannotClean("damaged: the header")
    begin = start + own + header + seek + wav
    if begin + frames > end:
        raise CannotClean("truncated: the sound ends early")
    if begin + frames + tail < end:
        job.dropped("trailing bytes")
    if wav or tail:
        job.dropped("header of the wav")
    source.seek(start + own)
    coding = source.read(_HEADER_BYTES)
    source.seek(start + own + header)
    places = _moved(
        source.read(seek), start + own + header + seek + wav, start, _DESCRIPTOR_BYTES + _HEADER_BYTES + seek
    )
    # No check sum: it holds for the wav's header too.
    sizes = struct.pack("<7I", _DESCRIPTOR_BYTES, _HEADER_BYTES, seek, 0, low, high, 0)
    target.write(head[:6] + bytes(2) + sizes + bytes(16))
    target.write(
        coding[:2] + struct.pack("<H", int.from_bytes(coding[2:4], "little") | _MAKE_WAV) + coding[4:] + places
    )
    copy(source, target, begin, frames)


def _write_old(source: BinaryIO, target: BinaryIO, start: int, end: int, job: Job) -> None:
    """Write a file of before version 3.98, which does not say where its sound ends but by the end of the wav behind it."""
    source.seek(start)
    head = source.read(_OLD_BYTES)
    if len(head) < _OLD_BYTES:
        raise CannotClean("truncated: the header")
    flags = int.from_bytes(head[8:10], "little")
    wav, tail, frames = struct.unpack_from("<III", head, 16)
    more = source.read((4 if flags & _HAS_PEAK else 0) + (4 if flags & _HAS_SEEK else 0))
    seek = 4 * (int.from_bytes(more[-4:], "little") if flags & _HAS_SEEK else frames)
    bits = frames if int.from_bytes(head[4:6], "little") < _WITHOUT_BITS else 0
    own = _OLD_BYTES + len(more)
    begin = start + own + wav + seek + bits
    if not frames or seek > _MAX_SEEK_BYTES or begin >= end - tail:
        raise CannotClean("truncated: the sound ends early")
    job.dropped("header of the wav", bool(wav or tail))
    source.seek(start + own + wav)
    table = source.read(seek)
    last = 4 * min(frames, seek // 4) - 4
    if last < 0 or start + int.from_bytes(table[last : last + 4], "little") >= end - tail:
        raise CannotClean("truncated: the sound ends early")
    places = _moved(table, begin, start, begin - start - wav)
    target.write(head[:8] + struct.pack("<H", flags | _MAKE_WAV) + head[10:16] + bytes(8) + head[24:] + more + places)
    target.write(source.read(bits))
    copy(source, target, begin, end - tail - begin)


def _moved(places: bytes, first: int, start: int, new: int) -> bytes:
    """Return the places of the frames, counted from the start of the sound, once the first of them is at `new`."""
    count = len(places) // 4
    old = struct.unpack(f"<{count}I", places[: 4 * count])
    # Some writers count from the start of the file.
    base = old[0] if old and old[0] in (first, first - start) else first - start
    moved = (place - base + new if place >= base else 0 for place in old)
    return struct.pack(f"<{count}I", *(min(place, 2**32 - 1) for place in moved)) + bytes(len(places) % 4)
