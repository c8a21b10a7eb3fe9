"""WebP: the bitstreams, their transparency and the animation's timing.

Invariants: bitstreams are copied byte for byte; a chunk that is not named here is left out, inside a frame too; flags, reserved bits,
padding and the file's length say what was written; what follows the RIFF chunk is not read.

Source: WebP container specification (RFC 9649).
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata import icc, orientation
from privet.metadata.job import CannotClean, Job
from privet.metadata.window import BLOCK, size_of

_ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02
_BITSTREAMS: Final = (b"VP8 ", b"VP8L")
_FRAME_HEAD: Final = 16
_MAX_CHUNKS: Final = 1_000_000
_NAMES: Final = {b"EXIF": "exif", b"XMP ": "xmp", b"ICCP": "icc"}
_Chunk = tuple[bytes, int, int]
"""name, offset of the body, length of the body"""


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture without metadata.

    Raises:
        CannotClean: no WebP, no picture in it, or cut off.

    """
    size = size_of(source)
    head = source.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WEBP":
        raise CannotClean("not a webp")
    # A length that is too large is harmless where every picture is whole.
    end = 8 + int.from_bytes(head[4:8], "little")
    if end < size:
        job.dropped("trailing data")
    chunks = _chunks(source, 12, min(end, size), size)
    _write(source, target, chunks, job)


def _chunks(source: BinaryIO, at: int, end: int, size: int) -> list[_Chunk]:
    found: list[_Chunk] = []
    while at + 8 <= end:
        source.seek(at)
        name, length = struct.unpack("<4sI", source.read(8))
        if at + 8 + length > size:
            if name in (*_BITSTREAMS, b"ALPH") or (name == b"ANMF" and all(each[0] != b"ANMF" for each in found)):
                raise CannotClean("truncated: a picture ends behind the file")
            break
        found.append((name, at + 8, length))
        if len(found) > _MAX_CHUNKS:
            raise CannotClean("too many chunks")
        at += 8 + length + length % 2
    return found


def _write(source: BinaryIO, target: BinaryIO, chunks: list[_Chunk], job: Job) -> None:
    target.write(b"RIFF\0\0\0\0WEBP")
    extended = bool(chunks) and chunks[0][0] == b"VP8X" and chunks[0][2] >= 10
    profile = turn = None
    if extended:
        canvas = _body(source, chunks[0])
        profile, turn = _look(source, chunks)
        flags = canvas[0] & (_ALPHA | _ANIMATION) | (_ICC if profile else 0) | (_EXIF if turn else 0)
        target.write(b"VP8X\x0a\0\0\0" + bytes((flags, 0, 0, 0)) + canvas[4:10])
        if profile:
            _put(target, b"ICCP", profile)
    animated = extended and bool(canvas[0] & _ANIMATION)
    pictures = _pictures(source, target, chunks, animated=animated, job=job)
    if not pictures:
        raise CannotClean("no picture: no bitstream")
    if turn:
        _put(target, b"EXIF", orientation.exif_block(turn))
    length = target.tell()
    target.seek(4)
    target.write((length - 8).to_bytes(4, "little"))
    target.seek(length)


def _look(source: BinaryIO, chunks: list[_Chunk]) -> tuple[bytes | None, int | None]:
    """Return the profile and the turn that the picture needs to look the same."""
    profile = turn = xmp_turn = None
    for chunk in chunks:
        name, _, length = chunk
        if length > icc.MAX_BYTES:
            continue
        if name == b"ICCP" and profile is None:
            profile = icc.neutral(_body(source, chunk), "RGB ")
        elif name == b"EXIF" and turn is None:
            turn = orientation.of_exif(_body(source, chunk))
        elif name == b"XMP " and xmp_turn is None:
            xmp_turn = orientation.of_xmp(_body(source, chunk))
    turn = turn if turn is not None else xmp_turn
    return profile, None if turn == orientation.UPRIGHT else turn


def _pictures(source: BinaryIO, target: BinaryIO, chunks: list[_Chunk], *, animated: bool, job: Job) -> int:
    pictures = 0
    timed = False
    for chunk in chunks:
        name, start, length = chunk
        if animated and name == b"ANIM" and length >= 6 and not timed:
            timed = True
            _put(target, b"ANIM", _body(source, chunk)[:6])
        elif animated and name == b"ANMF" and length >= _FRAME_HEAD:
            pictures += _frame(source, target, start, length, job)
        elif not animated and name in _BITSTREAMS and not pictures:
            _copy(source, target, chunk)
            pictures += 1
        elif not animated and name == b"ALPH" and not pictures:
            _copy(source, target, chunk)
        elif name != b"VP8X":
            job.dropped(_NAMES.get(name, "chunk"))
    return pictures


def _frame(source: BinaryIO, target: BinaryIO, start: int, length: int, job: Job) -> int:
    """Write a frame of an animation with the chunks of its picture; return whether it had one."""
    source.seek(start)
    head = source.read(_FRAME_HEAD)
    begin = target.tell()
    target.write(b"ANMF\0\0\0\0" + head[:15] + bytes((head[15] & 3,)))
    pictures = 0
    for chunk in _chunks(source, start + _FRAME_HEAD, start + length, start + length):
        if chunk[0] in (*_BITSTREAMS, b"ALPH") and not pictures:
            _copy(source, target, chunk)
            pictures += chunk[0] != b"ALPH"
        else:
            job.dropped("chunk")
    end = target.tell()
    target.seek(begin + 4)
    target.write((end - begin - 8).to_bytes(4, "little"))
    target.seek(end)
    return pictures


def _body(source: BinaryIO, chunk: _Chunk) -> bytes:
    source.seek(chunk[1])
    return source.read(chunk[2])


def _put(target: BinaryIO, name: bytes, body: bytes) -> None:
    target.write(struct.pack("<4sI", name, len(body)) + body + bytes(len(body) % 2))


def _copy(source: BinaryIO, target: BinaryIO, chunk: _Chunk) -> None:
    name, start, length = chunk
    target.write(struct.pack("<4sI", name, length))
    source.seek(start)
    target.writelines(source.read(min(BLOCK, length - at)) for at in range(0, length, BLOCK))
    target.write(bytes(length % 2))
