"""Windows metafiles (.wmf): the records that draw, and texts without identifiers.

Invariants: records that draw come out bit for bit and in order; those with texts are built anew, and their texts are without identifiers;
escapes (comments, other drawings inside, messages to printers), unknown records and what stands behind the last one are left out.

Source: Microsoft, [MS-WMF].
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.metafile_texts import rewritten, spread, until_end
from privet.metadata.window import size_of

PLACEABLE: Final = b"\xd7\xcd\xc6\x9a"
_EOF, _ESCAPE, _FONT, _TEXT, _TEXT_IN_BOX = 0x0000, 0x0626, 0x02FB, 0x0521, 0x0A32
# Records that draw, choose, make and delete; no escapes. Source: [MS-WMF] 2.1.1.1.
_KEPT: Final = frozenset(
    int(code, 16)
    for code in [
        "001E",
        "0035",
        "0037",
        "00F7",
        "00F8",
        "0102",
        "0103",
        "0104",
        "0105",
        "0106",
        "0107",
        "0108",
        "0127",
        "012A",
        "012B",
        "012C",
        "012D",
        "012E",
        "0139",
        "0142",
        "0149",
        "01F0",
        "01F9",
        "0201",
        "0209",
        "020A",
        "020B",
        "020C",
        "020D",
        "020E",
        "020F",
        "0211",
        "0213",
        "0214",
        "0220",
        "0228",
        "0231",
        "0234",
        "02FA",
        "02FB",
        "02FC",
        "0324",
        "0325",
        "0410",
        "0412",
        "0415",
        "0416",
        "0418",
        "0419",
        "041B",
        "041F",
        "0436",
        "0521",
        "0538",
        "0548",
        "061C",
        "061D",
        "06FF",
        "0817",
        "081A",
        "0830",
        "0922",
        "0940",
        "0A32",
        "0B23",
        "0B41",
        "0D33",
        "0F43",
    ]
)
_BOX, _GLYPHS = 6, 0x10
_PICTURES: Final = (4, 5)
_MAX_RECORDS: Final = 5_000_000
_MAX_BYTES: Final = 512 * MIB


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the drawing.

    Raises:
        CannotClean: no such drawing, damaged, or cut off.

    """
    size = size_of(source)
    if size > min(_MAX_BYTES, job.limits.max_file_bytes):
        raise CannotClean("too large: a drawing over the limit")
    data = source.read()
    begin = 22 if data.startswith(PLACEABLE) else 0
    head = data[begin : begin + 18]
    if len(head) < 18 or head[0] not in (1, 2) or head[1] or head[2:4] != b"\x09\0":
        raise CannotClean("not a windows metafile")
    kept = _records(data, begin + 18, job)
    texts = [_text(record) for record in kept]
    new = iter(rewritten([text for text in texts if text is not None], job))
    for index, text in enumerate(texts):
        if text is not None:
            kept[index] = _with_text(kept[index], text, next(new))
    kept.append(struct.pack("<IH", 3, _EOF))
    # Words of the whole drawing and of its longest record.
    words = 9 + sum(map(len, kept)) // 2
    target.write(data[:begin])
    target.write(head[:6] + struct.pack("<I", words) + head[10:12] + struct.pack("<IH", max(map(len, kept)) // 2, 0))
    target.writelines(kept)


def _records(data: bytes, at: int, job: Job) -> list[bytes]:
    kept: list[bytes] = []
    for _ in range(_MAX_RECORDS):
        if at + 6 > len(data):
            raise CannotClean("truncated: the last record is missing")
        size, kind = struct.unpack_from("<IH", data, at)
        if size < 3 or at + 2 * size > len(data):
            raise CannotClean("truncated: a record ends behind the file")
        record = data[at : at + 2 * size]
        at += 2 * size
        if kind == _EOF:
            break
        if kind == _FONT and len(record) > 24:
            record = record[:24] + until_end(record[24:])
        if kind in (0x0B41, 0x0F43, 0x0D33, 0x0940):
            _check_picture(record)
        if kind in _KEPT:
            kept.append(record)
        else:
            job.dropped("comment" if kind == _ESCAPE else "record")
    if at < len(data):
        job.dropped("trailing bytes")
    return kept


def _check_picture(record: bytes) -> None:
    """Refuse bitmaps that are files of another format."""
    at = record.find(struct.pack("<I", 40), 6, 40)
    if at >= 0 and int.from_bytes(record[at + 16 : at + 20], "little") in _PICTURES:
        raise CannotClean("pictures of other formats in wmf are not supported")


def _place(record: bytes) -> tuple[int, int]:
    """Return where the text of a record stands, and its length."""
    kind = int.from_bytes(record[4:6], "little")
    if kind == _TEXT:
        return 8, int.from_bytes(record[6:8], "little")
    count, options = struct.unpack_from("<HH", record.ljust(14, b"\0"), 10)
    if options & _GLYPHS and count:
        raise CannotClean("text as numbers of glyphs is not supported")
    return (22 if options & _BOX else 14), count


def _text(record: bytes) -> str | None:
    """Return the text of a record, or None where it is none of text."""
    if int.from_bytes(record[4:6], "little") not in (_TEXT, _TEXT_IN_BOX):
        return None
    start, count = _place(record)
    if start + count > len(record):
        raise CannotClean("damaged: a text")
    return record[start : start + count].decode("latin-1")


def _with_text(record: bytes, text: str, new: str) -> bytes:
    start, count = _place(record)
    raw = new.encode("latin-1", "replace")
    padded = raw + bytes(len(raw) & 1)
    end = start + count + (count & 1)
    if int.from_bytes(record[4:6], "little") == _TEXT:
        body = record[4:6] + struct.pack("<H", len(raw)) + padded + record[end : end + 4].ljust(4, b"\0")
    else:
        tail = record[end : end + 2 * count]
        widths = list(struct.unpack(f"<{count}h", tail)) if len(tail) == 2 * count else []
        if new != text:
            widths = [max(min(each, 32767), -32768) for each in spread(widths, len(raw))] if widths else []
        body = (
            record[4:10]
            + struct.pack("<H", len(raw))
            + record[12:start]
            + padded
            + struct.pack(f"<{len(widths)}h", *widths)
        )
    return struct.pack("<I", (4 + len(body)) // 2) + body
