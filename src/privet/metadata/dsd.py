"""Sound of one bit a sample: DSF and DSDIFF (.dff).

Invariants: the sound comes out bit for bit; tags, names, dates, comments, markers and unknown chunks are left out.

Source: DSF File Format Specification 1.01 (Sony); DSDIFF 1.5 (Philips).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from privet.metadata.byte_ranges import copy
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.window import size_of

_DSF_BYTES: Final = 28
_FORM_BYTES: Final = 52
_DATA_BYTES: Final = 12
_NAMES: Final = {b"DIIN": "title", b"COMT": "comment", b"ID3 ": "id3", b"MANF": "private chunk"}
_PROPERTIES: Final = (b"FS  ", b"CHNL", b"CMPR", b"ABSS", b"LSCO")
_MAX_CHUNKS: Final = 100_000


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the sound.

    Raises:
        CannotClean: no such sound, damaged, or cut off.

    """
    size = size_of(source)
    head = source.read(4)
    source.seek(0)
    if head == b"DSD ":
        _dsf(source, target, size, job)
    elif head == b"FRM8":
        _dsdiff(source, target, size, job)
    else:
        raise CannotClean("not a dsd file")


def _dsf(source: BinaryIO, target: BinaryIO, size: int, job: Job) -> None:
    head = source.read(_DSF_BYTES + _FORM_BYTES + _DATA_BYTES)
    if len(head) < _DSF_BYTES + _FORM_BYTES + _DATA_BYTES:
        raise CannotClean("truncated: the header")
    marks = (head[:4], head[28:32], head[80:84])
    own, form = struct.unpack_from("<Q", head, 4)[0], struct.unpack_from("<Q", head, 32)[0]
    (data,) = struct.unpack_from("<Q", head, 84)
    if marks != (b"DSD ", b"fmt ", b"data") or own != _DSF_BYTES or form != _FORM_BYTES or data < _DATA_BYTES:
        raise CannotClean("damaged: the header")
    end = _DSF_BYTES + _FORM_BYTES + data
    if end > size:
        raise CannotClean("truncated: the sound ends early")
    if end < size:
        job.dropped("tags")
    target.write(head[:12] + struct.pack("<QQ", end, 0) + head[28:])
    copy(source, target, len(head), data - _DATA_BYTES)


def _chunks(source: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    for _ in range(_MAX_CHUNKS):
        if at + 12 > end:
            return
        source.seek(at)
        name, size = struct.unpack(">4sQ", source.read(12))
        if at + 12 + size > end:
            raise CannotClean("truncated: a chunk ends behind the file")
        yield name, at + 12, at + 12 + size
        at += 12 + size + (size & 1)
    raise CannotClean("damaged: too many chunks")


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack(">Q", len(body)) + body + bytes(len(body) & 1)


def _content(source: BinaryIO, start: int, end: int) -> bytes:
    if end - start > MIB:
        raise CannotClean("damaged: a header longer than a header can be")
    source.seek(start)
    return source.read(end - start)


def _dsdiff(source: BinaryIO, target: BinaryIO, size: int, job: Job) -> None:
    head = source.read(16)
    if len(head) < 16 or head[12:] != b"DSD ":
        raise CannotClean("damaged: the header")
    first = b""
    sound: tuple[bytes, int, int] | None = None
    for name, start, end in _chunks(source, 16, size):
        if name == b"FVER" and not first:
            first += _chunk(name, _content(source, start, end)[:4])
        elif name == b"PROP":
            first += _properties(source, start, end, job)
        elif name in (b"DSD ", b"DST ") and sound is None:
            sound = name, start, end
        elif name != b"DSTI":
            job.dropped(_NAMES.get(name, "chunk"))
    if sound is None or b"PROP" not in first:
        raise CannotClean("truncated: no sound")
    name, start, end = sound
    length = end - start
    target.write(b"FRM8" + struct.pack(">Q", 4 + len(first) + 12 + length + (length & 1)) + b"DSD " + first)
    target.write(name + struct.pack(">Q", length))
    copy(source, target, start, length)
    target.write(bytes(length & 1))


def _properties(source: BinaryIO, start: int, end: int, job: Job) -> bytes:
    if _content(source, start, start + 4) != b"SND ":
        raise CannotClean("damaged: the header")
    body = b"SND "
    for name, first, last in _chunks(source, start + 4, end):
        content = _content(source, first, last)
        if name == b"CMPR":
            # The coding's name in words is an empty one.
            content = content[:4] + b"\0"
        if name in _PROPERTIES:
            body += _chunk(name, content)
        else:
            job.dropped(_NAMES.get(name, "chunk"))
    return _chunk(b"PROP", body)
