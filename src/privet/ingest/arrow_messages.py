"""Arrow streams as messages: where each record batch lies and how it is packed, without its data being read.

Invariant: nothing here follows an offset of the file without a check of its bounds.

Source: Apache Arrow columnar format, "Encapsulated message format"; Message.fbs; FlatBuffers internals.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final, NamedTuple

from privet.metadata.job import CannotClean

DICTIONARY: Final = 2
BATCH: Final = 3
_CONTINUED: Final = 0xFFFFFFFF
_MAX_HEADER: Final = 1 << 26
_CODECS: Final = ("lz4", "zstd")


class Message(NamedTuple):
    """One message of a stream. `kind` is 1 for the schema, 2 for a dictionary, 3 for a record batch."""

    start: int
    stop: int
    kind: int
    codec: str | None


class _Table(NamedTuple):
    """A FlatBuffers table: its fields are found by their offsets in the table of offsets before it."""

    data: bytes
    at: int

    def place(self, field: int) -> int:
        """Return where a field lies, or 0 where it is not given."""
        offsets = self.at - self.number(self.at, "<i")
        size = self.number(offsets, "<H")
        slot = 4 + 2 * field
        inside = self.number(offsets + slot, "<H") if slot + 2 <= size else 0
        return self.at + inside if inside else 0

    def table(self, field: int) -> _Table | None:
        """Return the table that a field refers to."""
        at = self.place(field)
        return _Table(self.data, at + self.number(at, "<I")) if at else None

    def number(self, at: int, kind: str) -> int:
        """Return the number at a place."""
        if at < 0:
            raise CannotClean("damaged: an Arrow message refers outside of itself")
        try:
            found: int = struct.unpack_from(kind, self.data, at)[0]
        except struct.error as error:
            raise CannotClean("damaged: an Arrow message refers outside of itself") from error
        return found


def messages(source: Path, start: int = 0) -> list[Message]:
    """Return the messages of a stream from a place on. Only their headers are read.

    Raises:
        CannotClean: a message is truncated or damaged.

    """
    size = source.stat().st_size
    found: list[Message] = []
    with source.open("rb") as file:
        at = start
        while at < size:
            file.seek(at)
            head = file.read(8)
            length = int.from_bytes(head[:4], "little")
            begin = at + 4  # before Arrow 0.15 there was no mark before the length
            if length == _CONTINUED:
                length = int.from_bytes(head[4:], "little")
                begin = at + 8
            if not length:
                break
            if len(head) < 8 or length > min(_MAX_HEADER, size - begin):
                raise CannotClean("truncated or damaged: an Arrow message ends after the file")
            file.seek(begin)
            kind, body, codec = _header(file.read(length))
            stop = begin + length + body
            if body < 0 or stop > size:
                raise CannotClean("truncated or damaged: an Arrow message ends after the file")
            found.append(Message(at, stop, kind, codec))
            at = stop
    return found


def _header(data: bytes) -> tuple[int, int, str | None]:
    """Return the kind of a message, the length of its body, and its codec."""
    root = _Table(data, 0)
    message = _Table(data, root.number(0, "<I"))
    kind_at, body_at = message.place(1), message.place(3)
    kind = message.number(kind_at, "<B") if kind_at else 0
    body = message.number(body_at, "<q") if body_at else 0
    header = message.table(2)
    packing = header.table(3) if kind == BATCH and header else None
    if packing is None:
        return kind, body, None
    codec_at = packing.place(0)
    codec = packing.number(codec_at, "<b") if codec_at else 0
    return kind, body, _CODECS[codec] if 0 <= codec < len(_CODECS) else None
