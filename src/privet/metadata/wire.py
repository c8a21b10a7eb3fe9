"""Protobuf messages cleaned on the wire: known fields stay, byte for byte; all others go.

Invariants:

- A schema is an allow-list: a field it does not name, or that has another wire type than it should, is not written.
- No message is built as an object and no bulk is read: a field that stays is a byte range of the source.
- Work is linear in the number of fields; nesting is bounded.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from privet.metadata.job import CannotClean, Job
from privet.metadata.pieces import Pieces, Window

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED: Final = {FIXED64: 8, FIXED32: 4}
_AHEAD: Final = 20
"""bytes of a tag and a length at their longest"""
_SMALL: Final = 4096
_DEEPEST: Final = 100
"""protobuf's own readers stop here"""


class Field(NamedTuple):
    """One field of a message and where it lies: its tag at `start`, its value from `value` to `end`."""

    number: int
    wire: int
    start: int
    value: int
    end: int


def varint(content: bytes, place: int = 0) -> tuple[int, int]:
    r"""Return a number and the place behind it.

    >>> varint(b"\xac\x02")
    (300, 2)
    """
    if place < len(content) and content[place] < 0x80:
        return content[place], place + 1
    value = shift = 0
    for at in range(place, min(place + 10, len(content))):
        byte = content[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at + 1
        shift += 7
    raise CannotClean("not valid protobuf: a number does not end")


def number(value: int) -> bytes:
    """Return a number as a varint.

    >>> number(300).hex()
    'ac02'
    """
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tagged(field_number: int, content: bytes) -> bytes:
    """Return a length-delimited field."""
    return number(field_number << 3 | BYTES) + number(len(content)) + content


def fields(window: Window, start: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message at `start` to `end`.

    Raises:
        CannotClean: not protobuf, or a field that is longer than its message.

    """
    place = start
    raw = b""
    base = start
    while place < end:
        at = place - base
        if at + _AHEAD > len(raw) and base + len(raw) < end:
            # A small message is read whole, of a large one only what lies around its tags.
            raw, base, at = window.at(place, min(end - place, _SMALL)), place, 0
        tag, value = varint(raw, at)
        wire = tag & 7
        if wire == VARINT:
            last = varint(raw, value)[1]
        elif wire == BYTES:
            length, value = varint(raw, value)
            last = value + length
        elif wire in _FIXED:
            last = value + _FIXED[wire]
        else:
            raise CannotClean("not valid protobuf: an unknown kind of field")
        if base + last > end or tag < 8:
            raise CannotClean("not valid protobuf: a field is longer than its message")
        yield Field(tag >> 3, wire, place, base + value, base + last)
        place = base + last


Rule = Callable[["Cleaning", Field, Pieces], None]
"""(cleaning, field, out) → appends what stays of the field."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What of a message stays: field numbers whose bytes stay, messages inside it, and fields with a rule of their own."""

    keep: Mapping[int, int | None] = field(default_factory=dict)
    """field number → the wire type it has to have; None for a list of numbers, which may be packed"""
    inner: Mapping[int, str] = field(default_factory=dict)
    """field number → the schema of the message it holds"""
    rules: Mapping[int, Rule] = field(default_factory=dict)
    named: Mapping[int, str] = field(default_factory=dict)
    """field number → what is told when it is dropped; others are told as "unknown field" """


@dataclass(slots=True)
class Cleaning:
    """The cleaning of one file by a table of schemas."""

    window: Window
    job: Job
    schemas: Mapping[str, Schema]
    depth: int = 0

    def message(self, start: int, end: int, name: str) -> Pieces:
        """Return what stays of the message at `start` to `end`."""
        if self.depth >= _DEEPEST:
            raise CannotClean("nested too deep")
        self.depth += 1
        schema = self.schemas[name]
        out = Pieces()
        for found in fields(self.window, start, end):
            if found.number in schema.keep and _fits(schema.keep[found.number], found.wire):
                out.keep(found.start, found.end)
            elif found.wire == BYTES and found.number in schema.inner:
                self.nested(found, schema.inner[found.number], out)
            elif found.number in schema.rules:
                schema.rules[found.number](self, found, out)
            else:
                self.job.dropped(schema.named.get(found.number, "unknown field"))
        self.depth -= 1
        return out

    def nested(self, found: Field, name: str, out: Pieces) -> None:
        """Append a field that holds a message; where nothing of it went, its bytes."""
        inner = self.message(found.value, found.end, name)
        if inner.is_just(found.value, found.end):
            out.keep(found.start, found.end)
        else:
            out.add(number(found.number << 3 | BYTES) + number(inner.length))
            out.extend(inner)

    def content(self, found: Field) -> bytes:
        """Return the bytes of a field that is no bulk."""
        if found.end - found.value > self.job.limits.max_record_bytes:
            raise CannotClean("a text is too long")
        return self.window.at(found.value, found.end - found.value)


def _fits(expected: int | None, wire: int) -> bool:
    return wire == expected if expected is not None else wire in (VARINT, BYTES, FIXED32, FIXED64)


def double(value: float) -> bytes:
    """Return a double as protobuf stores it."""
    return struct.pack("<d", value)
