"""Windows Media (ASF, WMV, WMA): the streams, how they are coded, and nothing of who made them, when and with what.

Invariants:

- packets come out bit for bit; only the packets that the file says it has
- of the header only what playing takes comes out, built anew: no title, author, copyright, tags, pictures, scripts, markers, names of
  codecs and streams, no date and no identity of the file
- the simple index stays; what stands behind is left out

Source: Advanced Systems Format Specification, revision 01.20.03.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from privet.metadata.byte_ranges import copy
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.window import size_of


def _guid(text: str) -> bytes:
    first, second, third, rest = text.split("-", 3)
    return struct.pack("<IHH", int(first, 16), int(second, 16), int(third, 16)) + bytes.fromhex(rest.replace("-", ""))


HEADER: Final = _guid("75B22630-668E-11CF-A6D9-00AA0062CE6C")
_DATA: Final = _guid("75B22636-668E-11CF-A6D9-00AA0062CE6C")
_INDEX: Final = _guid("33000890-E5B1-11CF-89F4-00A0C90349CB")
_FILE: Final = _guid("8CABDCA1-A947-11CF-8EE4-00C00C205365")
_STREAM: Final = _guid("B7DC0791-A9B7-11CF-8EE6-00C00C205365")
_MORE: Final = _guid("5FBF03B5-A92E-11CF-8EE3-00C00C205365")
_MORE_RESERVED: Final = _guid("ABD3D211-A9BA-11CF-8EE6-00C00C205365")
_RATES: Final = _guid("7BF875CE-468D-11D1-8D82-006097C9A2B2")
_EXTENDED: Final = _guid("14E6A5CB-C672-4332-8399-A96952065B5A")
_SOUND: Final = _guid("F8699E40-5B4D-11CF-A8FD-00805F5C442B")
_PICTURE: Final = _guid("BC19EFC0-5B4D-11CF-A8FD-00805F5C442B")
_ENCRYPTED: Final = (
    _guid("2211B3FB-BD23-11D2-B4B7-00A0C955FC6E"),
    _guid("298AE614-2622-4C17-B935-DAE07EE9289C"),
)
_NAMES: Final = {
    _guid("75B22633-668E-11CF-A6D9-00AA0062CE6C"): "title",
    _guid("D2D0A440-E307-11D2-97F0-00A0C95EA850"): "tags",
    _guid("86D15240-311D-11D0-A3A4-00A0C90348F6"): "codec names",
    _guid("2211B3FA-BD23-11D2-B4B7-00A0C955FC6E"): "branding",
    _guid("F487CD01-A951-11CF-8EE6-00C00C205365"): "markers",
    _guid("1EFB1A30-0B62-11D0-A39B-00A0C90348F6"): "scripts",
    _guid("1806D474-CADF-4509-A4BA-9AABCB96AAE8"): "padding",
}
_HEAD_BYTES: Final = 24
# A second into 1970, in tenths of microseconds since 1601: tools show nought as a date too.
_DATE: Final = struct.pack("<Q", 116_444_736_010_000_000)
_MAX_HEADER: Final = 64 * MIB
_MAX_OBJECTS: Final = 10_000


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the streams.

    Raises:
        CannotClean: no such film, encrypted, damaged, or cut off.

    """
    size = size_of(source)
    head = source.read(30)
    length = int.from_bytes(head[16:24], "little")
    if len(head) < 30 or head[:16] != HEADER or not 30 <= length <= min(size, _MAX_HEADER):
        raise CannotClean("damaged: the header")
    header = _header(source.read(length - 30), job)
    source.seek(length)
    data = source.read(50)
    extent = int.from_bytes(data[16:24], "little") or size - length
    if len(data) < 50 or data[:16] != _DATA or extent < 50:
        raise CannotClean("truncated: no packets")
    if length + extent > size:
        raise CannotClean("truncated: the packets end behind the file")
    index = _index(source, length + extent, size, job)
    total = 30 + len(b"".join(header)) + extent + len(index)
    # The length of the file; its identity and its date are none.
    header[0] = header[0][:40] + struct.pack("<Q", total) + header[0][48:]
    body = b"".join(header)
    target.write(HEADER + struct.pack("<QI", 30 + len(body), len(header)) + b"\1\2" + body)
    target.write(_DATA + struct.pack("<Q", extent) + bytes(16) + data[40:48] + b"\1\1")
    copy(source, target, length + 50, extent - 50)
    target.write(index)


def _objects(data: bytes, at: int = 0) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(_MAX_OBJECTS):
        if at + _HEAD_BYTES > len(data):
            return
        size = int.from_bytes(data[at + 16 : at + 24], "little")
        if size < _HEAD_BYTES or at + size > len(data):
            raise CannotClean("damaged: a part of the header")
        yield data[at : at + 16], data[at + _HEAD_BYTES : at + size]
        at += size
    raise CannotClean("damaged: too many parts of the header")


def _object(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<Q", _HEAD_BYTES + len(body)) + body


def _header(data: bytes, job: Job) -> list[bytes]:
    """Return what of the header stays, the properties of the file first."""
    file = b""
    streams: list[bytes] = []
    extended: list[bytes] = []
    for kind, body in _objects(data):
        if kind in _ENCRYPTED:
            raise CannotClean("encrypted")
        if kind == _FILE and len(body) >= 80:
            # No identity, size for now, a date that is none; packets, times, flags, packet sizes, rate.
            file = _object(_FILE, bytes(16) + body[16:24] + _DATE + body[32:80])
        elif kind == _STREAM:
            streams.append(_object(_STREAM, _stream(body)))
        elif kind == _RATES:
            count = int.from_bytes(body[:2], "little")
            streams.append(_object(_RATES, body[: 2 + 6 * count]))
        elif kind == _MORE:
            extended += _more(body[22:], job)
        else:
            job.dropped(_NAMES.get(kind, "private part"))
    if not file or not any(part.startswith(_STREAM) for part in streams):
        raise CannotClean("no sound and no pictures")
    within = b"".join(extended)
    more = _object(_MORE, _MORE_RESERVED + struct.pack("<HI", 6, len(within)) + within)
    return [file, more, *streams]


def _stream(body: bytes) -> bytes:
    """Return the properties of a stream and no byte behind what they say of themselves."""
    if len(body) < 54:
        raise CannotClean("damaged: a stream")
    coding, correction = struct.unpack_from("<II", body, 40)
    if 54 + coding + correction > len(body):
        raise CannotClean("damaged: a stream")
    if struct.unpack_from("<H", body, 48)[0] & 0x8000:
        raise CannotClean("encrypted")
    if body[:16] not in (_SOUND, _PICTURE):
        raise CannotClean("streams other than sound and pictures are not supported")
    return body[:50] + bytes(4) + body[54 : 54 + coding + correction]


def _more(data: bytes, job: Job) -> list[bytes]:
    """Return the extended properties of streams, without their names."""
    kept: list[bytes] = []
    for kind, body in _objects(data):
        if kind != _EXTENDED or len(body) < 64:
            job.dropped(_NAMES.get(kind, "private part"))
            continue
        names, systems = struct.unpack_from("<HH", body, 60)
        at = 64
        for _ in range(names):
            at += 4 + int.from_bytes(body[at + 2 : at + 4], "little")
        start = at
        for _ in range(systems):
            at += 22 + int.from_bytes(body[at + 18 : at + 22], "little")
        if at > len(body):
            raise CannotClean("damaged: a stream")
        inner = b"".join(_object(_STREAM, _stream(part)) for name, part in _objects(body, at) if name == _STREAM)
        job.dropped("stream name", names)
        kept.append(_object(_EXTENDED, body[:60] + struct.pack("<HH", 0, systems) + body[start:at] + inner))
    return kept


def _index(source: BinaryIO, at: int, size: int, job: Job) -> bytes:
    """Return the simple indexes behind the packets."""
    out = b""
    for _ in range(64):
        if at + 56 > size:
            break
        source.seek(at)
        head = source.read(56)
        length = int.from_bytes(head[16:24], "little")
        entries = 6 * int.from_bytes(head[52:56], "little")
        if length < _HEAD_BYTES or at + length > size:
            break
        if head[:16] == _INDEX and 56 + entries <= length and entries <= _MAX_HEADER:
            out += _object(_INDEX, bytes(16) + head[40:56] + source.read(entries))
        else:
            job.dropped("index")
        at += length
    if at < size:
        job.dropped("trailing bytes")
    return out
