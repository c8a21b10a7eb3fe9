"""Ogg: Vorbis, Opus, Speex, FLAC, Theora and VP8 streams with an empty comment and no maker's name.

Invariants:

- Packets of sound and pictures come out bit for bit, in their pages and order; header pages are cut anew.
- Streams are numbered 1, 2, 3 in order of appearance: a serial number is often the time or chance of one machine.
- A stream of another kind (text, skeletons, unknown) is dropped; a page with a wrong checksum is refused.
- One page and the headers not yet complete are in memory.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple

from privet.metadata import ogg_headers
from privet.metadata.job import MIB, CannotClean, Job

_HEAD_BYTES: Final = 27
_CONTINUED, _BEGINS, _ENDS = 1, 2, 4
_NOTHING_ENDS: Final = b"\xff" * 8
_MAX_STREAMS: Final = 10_000
_MAX_PAGES: Final = 5_000_000
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Page(NamedTuple):
    flags: int
    granule: bytes
    serial: int
    lacing: bytes
    content: bytes
    end: int


@dataclass(slots=True)
class _Stream:
    """A logical stream: which headers it has, what of them has come, and the number of its next page."""

    number: int
    codec: ogg_headers.Codec | None
    sequence: int = 0
    waiting: bytearray = field(default_factory=bytearray)
    headers: list[bytes] = field(default_factory=list)
    complete: bool = False


def checksum(page: bytes) -> int:
    """Return the CRC-32 of Ogg: zlib's polynomial with the bits of every byte, and of the result, the other way round."""
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED))


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the streams of sound and pictures.

    Raises:
        CannotClean: truncated, damaged, or without such a stream.

    """
    total = source.seek(0, os.SEEK_END)
    streams: dict[int, _Stream] = {}
    numbered = kept = at = 0
    pages = 0
    while (page := _page(source, at, total, job)) is not None:
        at, pages = page.end, pages + 1
        if pages > _MAX_PAGES:
            raise CannotClean("damaged: too many pages")
        if page.flags & _BEGINS:
            numbered += 1
            if numbered > _MAX_STREAMS:
                raise CannotClean("damaged: too many streams")
            codec = ogg_headers.codec(page.content)
            kept += codec is not None
            streams[page.serial] = _Stream(kept, codec)
            if codec is None:
                job.dropped("stream of another kind")
        stream = streams.get(page.serial)
        if stream is None:
            raise CannotClean("damaged: a page of a stream that did not begin")
        if stream.codec is not None:
            _copy(page, stream, stream.codec, target, job)
    if not kept:
        raise CannotClean("no stream of sound or pictures")
    if any(stream.codec is not None and not stream.complete for stream in streams.values()):
        raise CannotClean("truncated: headers are missing")


def _page(source: BinaryIO, at: int, total: int, job: Job) -> _Page | None:
    """Return the page at a place, or the next one after bytes that are none."""
    source.seek(at)
    head = source.read(_HEAD_BYTES)
    if not head:
        return None
    if head[:4] != b"OggS":
        job.dropped("bytes between pages")
        at = _found(source, at)
        if at < 0:
            return None
        source.seek(at)
        head = source.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES or head[4]:
        raise CannotClean("truncated: the last page is cut short")
    lacing = source.read(head[26])
    content = source.read(sum(lacing))
    end = at + _HEAD_BYTES + head[26] + sum(lacing)
    if end > total:
        raise CannotClean("truncated: the last page is cut short")
    whole = head[:22] + bytes(4) + head[26:] + lacing + content
    if checksum(whole) != int.from_bytes(head[22:26], "little"):
        raise CannotClean("damaged: a page has a wrong checksum")
    return _Page(head[5], head[6:14], int.from_bytes(head[14:18], "little"), lacing, content, end)


def _found(source: BinaryIO, at: int) -> int:
    """Return where the next page starts, or less than nought."""
    place, kept, step = at, b"", 1024
    source.seek(at)
    # A gap is mostly short: what is looked at grows with it, so that many gaps cost no more than their bytes.
    while piece := source.read(step):
        step = min(2 * step, MIB)
        window = kept + piece
        found = window.find(b"OggS")
        if found >= 0:
            return place - len(kept) + found
        place += len(piece)
        kept = window[-3:]
    return -1


def _copy(page: _Page, stream: _Stream, codec: ogg_headers.Codec, target: BinaryIO, job: Job) -> None:
    lacing, content = page.lacing, page.content
    if not stream.complete:
        used, size = _take_headers(page, stream, codec, target, job)
        lacing, content = lacing[used:], content[size:]
        if not lacing and (not page.flags & _ENDS or not used):
            return
    _write(stream, target, page.flags & ~_BEGINS, page.granule, lacing, content)


def _take_headers(
    page: _Page, stream: _Stream, codec: ogg_headers.Codec, target: BinaryIO, job: Job
) -> tuple[int, int]:
    """Take header packets out of a page; return how many of its segments and bytes they were.

    The first header is written as soon as it is there: all streams begin before any goes on.
    """
    at = 0
    for index, size in enumerate(page.lacing):
        stream.waiting += page.content[at : at + size]
        at += size
        if len(stream.waiting) > job.limits.max_record_bytes:
            raise CannotClean("too large: a header over the limit")
        if size == 255:
            continue
        stream.headers.append(bytes(stream.waiting))
        stream.waiting.clear()
        if len(stream.headers) == 1:
            first = codec.first(stream.headers[0])
            _write(stream, target, _BEGINS, bytes(8), _laced(first), first)
        if ogg_headers.are_complete(codec, stream.headers):
            _write_headers(stream, codec.others(stream.headers), target)
            job.dropped("comments")
            stream.complete = True
            return index + 1, at
    return len(page.lacing), at


def _write_headers(stream: _Stream, headers: list[bytes], target: BinaryIO) -> None:
    """Write the headers but the first, on pages of full length."""
    lacing = b"".join(_laced(packet) for packet in headers)
    content = b"".join(headers)
    at, flags = 0, 0
    for start in range(0, len(lacing), 255):
        piece = lacing[start : start + 255]
        ends = any(size < 255 for size in piece)
        _write(stream, target, flags, bytes(8) if ends else _NOTHING_ENDS, piece, content[at : at + sum(piece)])
        at += sum(piece)
        flags = _CONTINUED if piece[-1] == 255 else 0
    stream.headers.clear()


def _laced(packet: bytes) -> bytes:
    return b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,))


def _write(stream: _Stream, target: BinaryIO, flags: int, granule: bytes, lacing: bytes, content: bytes) -> None:
    head = b"OggS\0" + bytes((flags & 7,)) + granule + struct.pack("<II", stream.number, stream.sequence)
    tail = bytes((len(lacing),)) + lacing + content
    target.write(head + struct.pack("<I", checksum(head + bytes(4) + tail)) + tail)
    stream.sequence += 1
