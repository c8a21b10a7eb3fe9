"""Server-sent events, the data lines of them, at whatever bytes they are cut (WHATWG HTML section 9.2)."""

from __future__ import annotations

from typing import Final

from privet.serve.refusals import Refusal

DONE: Final = b"data: [DONE]\n\n"
_MAX_EVENT_BYTES: Final = 4 * 1024 * 1024


class EventReader:
    r"""Cuts a byte stream into the data of its events; comments, ids and event names are dropped.

    >>> reader = EventReader()
    >>> reader.feed(b'data: {"a"'), reader.feed(b':1}\r\n\r\n: ping\n\ndata: [DONE]\n\n')
    ([], [b'{"a":1}', b'[DONE]'])
    """

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """Take bytes; return the data of the events that are complete.

        Raises:
            Refusal: `upstream-invalid`, an event is larger than 4 MiB.

        """
        buffer = self._buffer + piece if self._buffer else piece
        if b"\r" in buffer:
            # A CR at the very end may be half of a CRLF: leave it for the next piece.
            tail = b"\r" if buffer.endswith(b"\r") else b""
            buffer = buffer[: len(buffer) - len(tail)].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + tail
        events = buffer.split(b"\n\n")
        self._buffer = events.pop()
        if len(self._buffer) > _MAX_EVENT_BYTES:
            raise Refusal("upstream-invalid")
        return [data for data in map(_data_of, events) if data]

    def close(self) -> list[bytes]:
        """Return the last event where the stream ended without its blank line."""
        data = _data_of(self._buffer.replace(b"\r", b"\n"))
        self._buffer = b""
        return [data] if data else []


def _data_of(event: bytes) -> bytes:
    if event.startswith(b"data: ") and b"\n" not in event:
        return event[6:]
    lines = []
    for line in event.split(b"\n"):
        if line.startswith(b"data:"):
            value = line[5:]
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines)
