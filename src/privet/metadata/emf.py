"""Enhanced metafiles (.emf): the records that draw, and texts without identifiers.

Invariants:

- records that draw come out bit for bit and in order; those with texts are built anew, and their texts are without identifiers
- the description (program and title), comments, private records, escapes to printers, colour profiles by path and what stands behind the
  last record are left out
- a drawing that only the newer records inside comments make (EMF+), and text that is written as numbers of glyphs, are refused

Source: Microsoft, [MS-EMF] and [MS-EMFPLUS].
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.metafile_texts import rewritten, spread, until_end
from privet.metadata.window import size_of

_HEADER, _EOF, _COMMENT = 1, 14, 70
_TO_DEVICE, _STRETCH, _FONT, _TEXT_8, _TEXT_16, _SMALL = 80, 81, 82, 83, 84, 108
_KEPT: Final = frozenset((*range(2, 96), 98, _SMALL, 111, 114, 115, 116, 118, 120)) - {_EOF, _COMMENT}
_GLYPHS, _TWO_WAYS, _NO_BOX, _BYTES = 0x10, 0x2000, 0x100, 0x200
_PICTURES: Final = (4, 5)
_PLUS: Final = b"EMF+"
_PLUS_HEADER: Final = 0x4001
_MAX_RECORDS: Final = 5_000_000
_MAX_BYTES: Final = 512 * MIB
_FIXED: Final = 76
_FACES: Final = ((40, 104), (104, 232), (232, 296))


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the drawing.

    Raises:
        CannotClean: no such drawing, of EMF+ alone, damaged, or cut off.

    """
    size = size_of(source)
    if size > min(_MAX_BYTES, job.limits.max_file_bytes):
        raise CannotClean("too large: a drawing over the limit")
    data = source.read()
    kept = _records(data, job)
    texts = [_text(record) for record in kept]
    new = iter(rewritten([text for text in texts if text is not None], job))
    for index, text in enumerate(texts):
        if text is not None:
            kept[index] = _with_text(kept[index], text, next(new))
    kept.append(struct.pack("<5I", _EOF, 20, 0, 16, 20))
    head = bytearray(kept[0])
    head[48:56] = struct.pack("<II", sum(map(len, kept)), len(kept))
    target.write(head)
    target.writelines(kept[1:])


def _records(data: bytes, job: Job) -> list[bytes]:
    """Return the records that stay, the header first."""
    kept: list[bytes] = []
    at = 0
    for _ in range(_MAX_RECORDS):
        if at + 8 > len(data):
            raise CannotClean("truncated: the last record is missing")
        kind, size = struct.unpack_from("<II", data, at)
        if size < 8 or size % 4 or at + size > len(data):
            raise CannotClean("truncated: a record ends behind the file")
        record = data[at : at + size]
        at += size
        if not kept:
            kept.append(_header(record, job))
        elif kind == _EOF:
            break
        elif kind == _COMMENT:
            _check_comment(record)
            job.dropped("comment")
        elif kind in (96, 97):
            raise CannotClean("this kind of text in emf is not supported")
        elif kind in _KEPT:
            kept.append(_checked(kind, record))
        else:
            job.dropped("record")
    if at < len(data):
        job.dropped("trailing bytes")
    return kept


def _header(record: bytes, job: Job) -> bytes:
    if len(record) < 88 or record[:4] != struct.pack("<I", _HEADER) or record[40:44] != b" EMF":
        raise CannotClean("not an enhanced metafile")
    words, at = struct.unpack_from("<II", record, 60)
    job.dropped("description", bool(words))
    # The sizes of the screen say how large the drawing is; newer headers add a pixel format, which is not kept, and micrometres.
    ends = [length for length in (108, 100) if len(record) >= length and (not words or at >= length)]
    size = ends[0] if ends else 88
    fixed = record[:4] + struct.pack("<I", size) + record[8:58] + bytes(2) + bytes(12) + record[72:88]
    return fixed + (bytes(12) if size >= 100 else b"") + (record[100:108] if size == 108 else b"")


def _check_comment(record: bytes) -> None:
    if record[12:16] != _PLUS or len(record) < 28:
        return
    kind, flags = struct.unpack_from("<HH", record, 16)
    if kind == _PLUS_HEADER and not flags & 1:
        raise CannotClean("a drawing of emf+ alone is not supported")


def _checked(kind: int, record: bytes) -> bytes:
    if kind == _FONT:
        out = bytearray(record)
        for start, end in _FACES:
            out[start:end] = until_end(record[start:end], 2)
        return bytes(out)
    if kind in (_TO_DEVICE, _STRETCH) and len(record) >= 52:
        place = int.from_bytes(record[48:52], "little")
        if int.from_bytes(record[place + 16 : place + 20], "little") in _PICTURES:
            raise CannotClean("pictures of other formats in emf are not supported")
    return record


def _text(record: bytes) -> str | None:
    """Return the text of a record, or None where it is none of text."""
    kind = int.from_bytes(record[:4], "little")
    if kind == _SMALL:
        start, count, wide = _small(record)
    elif kind in (_TEXT_8, _TEXT_16):
        if len(record) < _FIXED:
            raise CannotClean("damaged: a text")
        count, start, options = struct.unpack_from("<III", record, 44)
        wide = kind == _TEXT_16
        if options & _GLYPHS and count:
            raise CannotClean("text as numbers of glyphs is not supported")
    else:
        return None
    end = start + count * (2 if wide else 1)
    if end > len(record):
        raise CannotClean("damaged: a text")
    return record[start:end].decode("utf-16-le" if wide else "cp1252", "replace")


def _small(record: bytes) -> tuple[int, int, bool]:
    if len(record) < 36:
        raise CannotClean("damaged: a text")
    count, options = struct.unpack_from("<II", record, 16)
    if options & _GLYPHS and count:
        raise CannotClean("text as numbers of glyphs is not supported")
    return 36 if options & _NO_BOX else 52, count, not options & _BYTES


def _with_text(record: bytes, text: str, new: str) -> bytes:
    """Return a record of text with another one, and nothing between its parts."""
    kind = int.from_bytes(record[:4], "little")
    if kind == _SMALL:
        start, _, wide = _small(record)
        raw = _coded(new, wide=wide)
        count = len(raw) // (2 if wide else 1)
        body = record[8:16] + struct.pack("<I", count) + record[20:start] + raw + bytes(-len(raw) % 4)
        return record[:4] + struct.pack("<I", 8 + len(body)) + body
    wide = kind == _TEXT_16
    raw = _coded(new, wide=wide)
    count = len(raw) // (2 if wide else 1)
    old, _, options = struct.unpack_from("<III", record, 44)
    place = int.from_bytes(record[72:76], "little")
    each = 2 if options & _TWO_WAYS else 1
    widths = (
        list(struct.unpack(f"<{old * each}i", record[place : place + 4 * old * each]))
        if place and place + 4 * old * each <= len(record)
        else []
    )
    if widths and new != text:
        across = spread(widths[::each], count)
        widths = across if each == 1 else [part for width in across for part in (width, 0)]
    padded = raw + bytes(-len(raw) % 4)
    size = _FIXED + len(padded) + 4 * len(widths)
    head = (
        record[:4]
        + struct.pack("<I", size)
        + record[8:44]
        + struct.pack("<III", count, _FIXED, options)
        + record[56:72]
    )
    return (
        head
        + struct.pack("<I", _FIXED + len(padded) if widths else 0)
        + padded
        + struct.pack(f"<{len(widths)}i", *widths)
    )


def _coded(text: str, *, wide: bool) -> bytes:
    return text.encode("utf-16-le", "surrogatepass") if wide else text.encode("cp1252", "replace")
