"""TensorBoard event files with the scalars and histograms; hosts, clocks, graphs, texts and pictures are left out.

Invariants:

- Every record is written anew from known fields: step, tag, number; the clock is zero.
- The first record is the format's version and nothing else, so no host name or writer stands in it.
- A log that was cut off in the middle of a record, as a killed run leaves it, ends before that record.

Source: tensorflow/core/util/event.proto, tensorflow/core/lib/io/record_writer.h
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.pieces import Pieces, Window, size_of
from privet.metadata.wire import BYTES, FIXED32, FIXED64, VARINT, Cleaning, Field, Rule, Schema, double, fields, tagged

_VERSION: Final = b"brain.Event:"
_FIRST: Final = b"\x09" + double(0.0) + tagged(3, b"brain.Event:2")
_MASK: Final = 0xA282EAD8
_NUMERIC: Final = frozenset({1, 2, 3, 4, 5, 6, 9, 10, 14, 17, 19, 22, 23})
"""TensorFlow's types of real numbers: a tensor of texts is not one of them"""


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the events that hold numbers."""
    size = size_of(source)
    place = count = 0
    schemas = _schemas({})
    while place < size:
        head = source.read(12)
        if len(head) < 12:
            job.dropped("unfinished record")
            break
        length, check = struct.unpack("<QI", head)
        if check != masked_crc(head[:8]):
            raise CannotClean("damaged: a record's length does not match its checksum")
        if place + 16 + length > size:
            job.dropped("unfinished record")
            break
        place += 16 + length
        if count == 0:
            first = source.read(min(length, 1024))
            if _VERSION not in first:
                raise CannotClean("not TensorBoard events")
            _write(target, _FIRST)
        elif length > job.limits.max_record_bytes:
            job.dropped("long record")
        else:
            event = _event(source.read(length), job, schemas)
            if event:
                _write(target, event)
        source.seek(place)
        count += 1
    if not count:
        raise CannotClean("truncated: no record is whole")


def clean_name(name: str) -> str:
    """Return the name of an event file without clock, host and process.

    >>> clean_name("runs/events.out.tfevents.1700000000.example-host.12345.0.v2")
    'runs/events.out.tfevents.v2'
    >>> clean_name("runs/notes.txt")
    'runs/notes.txt'
    """
    folder, slash, base = name.rpartition("/")
    at = base.find("tfevents")
    if at < 0:
        return name
    kind = ".profile-empty" if base.endswith(".profile-empty") else ".v2" if base.endswith(".v2") else ""
    return f"{folder}{slash}events.out.tfevents{kind}"


def _event(record: bytes, job: Job, schemas: Mapping[str, Schema]) -> bytes:
    window = Window(io.BytesIO(record), len(record))
    kept = _bytes(Cleaning(window, job, schemas).message(0, len(record), "event"), window)
    has_value = any(found.number == 5 and found.end > found.value for found in fields(*_whole(kept)))
    return b"\x09" + double(0.0) + kept if has_value else b""


def _whole(content: bytes) -> tuple[Window, int, int]:
    return Window(io.BytesIO(content), len(content)), 0, len(content)


def _bytes(pieces: Pieces, window: Window) -> bytes:
    out = io.BytesIO()
    pieces.write(window.source, out)
    return out.getvalue()


def _value(cleaning: Cleaning, found: Field, out: Pieces) -> None:
    """One summary value: kept if it holds a number, a histogram or a tensor of numbers."""
    parts = list(fields(cleaning.window, found.value, found.end)) if found.wire == BYTES else []
    plugin = next((_plugin(cleaning, part) for part in parts if part.number == 9 and part.wire == BYTES), b"scalars")
    tensors = [part for part in parts if part.number == 8 and part.wire == BYTES]
    numbers = any((part.number, part.wire) in {(2, FIXED32), (5, BYTES)} for part in parts)
    if plugin not in {b"scalars", b"histograms"} or not (numbers or any(_is_numeric(cleaning, t) for t in tensors)):
        cleaning.job.dropped("summary that is no number")
        return
    cleaning.nested(found, "value", out)


def _plugin(cleaning: Cleaning, found: Field) -> bytes:
    for data in fields(cleaning.window, found.value, found.end):
        if (data.number, data.wire) == (1, BYTES):
            for part in fields(cleaning.window, data.value, data.end):
                if (part.number, part.wire) == (1, BYTES):
                    return cleaning.content(part)
    return b"scalars"


def _is_numeric(cleaning: Cleaning, found: Field) -> bool:
    for part in fields(cleaning.window, found.value, found.end):
        if (part.number, part.wire) == (1, VARINT):
            return cleaning.window.at(part.value, 1)[0] in _NUMERIC
    return False


def _tag(tags: dict[bytes, bytes]) -> Rule:
    """Return a rule that rewrites a tag; there are few, and each stands in thousands of records."""

    def rule(cleaning: Cleaning, found: Field, out: Pieces) -> None:
        if found.wire != BYTES:
            return
        tag = cleaning.content(found)
        if tag not in tags:
            tags[tag] = cleaning.job.rewrite([tag.decode("utf-8", "replace")], "tag")[0].encode("utf-8")
        out.add(tagged(found.number, tags[tag]))

    return rule


_SCHEMAS: Final = {
    "event": Schema(
        keep={2: VARINT},
        inner={5: "summary"},
        named={1: "clock", 3: "writer", 4: "graph", 6: "log message", 9: "graph", 10: "writer"},
    ),
    "summary": Schema(rules={1: _value}),
    "histogram": Schema(keep={**dict.fromkeys(range(1, 6), FIXED64), 6: None, 7: None}),
    "tensor": Schema(keep={1: VARINT, 3: VARINT, 4: BYTES, 5: None, 6: None, 7: None, 10: None}, inner={2: "shape"}),
    "shape": Schema(keep={3: VARINT}, inner={2: "dimension"}),
    "dimension": Schema(keep={1: VARINT}),
    "metadata": Schema(keep={4: VARINT}, inner={1: "plugin"}, named={2: "display name", 3: "description"}),
    "plugin": Schema(keep={1: BYTES}),
}


def _schemas(tags: dict[bytes, bytes]) -> Mapping[str, Schema]:
    return {
        **_SCHEMAS,
        "value": Schema(
            keep={2: FIXED32},
            inner={5: "histogram", 8: "tensor", 9: "metadata"},
            rules={1: _tag(tags)},
            named={4: "picture", 6: "sound", 7: "node name"},
        ),
    }


def _write(target: BinaryIO, record: bytes) -> None:
    head = struct.pack("<Q", len(record))
    target.write(head + struct.pack("<I", masked_crc(head)) + record + struct.pack("<I", masked_crc(record)))


def _table() -> tuple[int, ...]:
    out = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        out.append(value)
    return tuple(out)


_TABLE: Final = _table()


def masked_crc(content: bytes) -> int:
    """Return the CRC-32C of bytes, masked as TFRecord stores it.

    >>> hex(masked_crc(b"123456789"))
    '0xc78ab0e5'
    """
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF
