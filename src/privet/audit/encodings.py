"""Bytes as text: by the mark at the beginning, else by what they look like.

Invariant: nothing is refused: what is no UTF-8 is read as Windows-1252, and what is none of either has signs in its place.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, BinaryIO, Final, TextIO

_CHUNK_CHARS: Final = 1 << 16


class _Again(io.RawIOBase):
    """A stream of which the head was read already, given out once more; unpackers cannot seek."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = memoryview(head)
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        taken = bytes(self._head[: len(buffer)]) if len(self._head) else self._stream.read(len(buffer))
        self._head = self._head[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


def text_of(stream: BinaryIO) -> TextIO:
    """Return a stream of text: UTF-8, UTF-16 and UTF-32 by their marks, else Windows-1252 where it is not UTF-8."""
    head = stream.read(_CHUNK_CHARS)
    whole = io.BufferedReader(_Again(head, stream), _CHUNK_CHARS)
    return io.TextIOWrapper(whole, encoding=_encoding(head), errors="replace", newline="")


_MARKS: Final[Mapping[bytes, str]] = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"\xef\xbb\xbf": "utf-8-sig",
}


def _encoding(head: bytes) -> str:
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    if head[1::2].count(0) > len(head) // 3:
        return "utf-16-le"
    if head[::2].count(0) > len(head) // 3:
        return "utf-16-be"
    try:
        # A character may be cut at the end of what was read.
        head[: len(head) - 4 if len(head) == _CHUNK_CHARS else None].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 8:
            return "cp1252"
    return "utf-8"
