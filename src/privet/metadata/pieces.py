"""A cleaned file as a list of pieces: byte ranges of the source that are kept, and new bytes between them.

Invariants:

- Reading outside the file or the part that was named is an error that says "truncated", never a short answer.
- Nothing that is kept is held in memory: a range is two numbers, and ranges that touch are one.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from privet.metadata.job import MIB, CannotClean

_WINDOW: Final = 256 * 1024


def size_of(source: BinaryIO) -> int:
    """Return the size of a seekable file and go back to its start."""
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    return size


@dataclass(slots=True)
class Window:
    """Bytes of a file at any place; near reads are served from memory."""

    source: BinaryIO
    size: int
    _start: int = 0
    _bytes: bytes = b""

    def at(self, place: int, count: int) -> bytes:
        """Return exactly `count` bytes from `place` on."""
        start = place - self._start
        if start >= 0 and 0 <= count <= len(self._bytes) - start:
            return self._bytes[start : start + count]
        if place < 0 or count < 0 or place + count > self.size:
            raise CannotClean("truncated: a length points past the end of the file")
        self.source.seek(place)
        if count > _WINDOW:
            found = self.source.read(count)
        else:
            self._bytes = self.source.read(_WINDOW)
            self._start = place
            found = self._bytes[:count]
        if len(found) != count:
            raise CannotClean("truncated: the file ends early")
        return found

    def some(self, place: int, count: int) -> bytes:
        """Return up to `count` bytes, fewer at the end of the file."""
        return self.at(place, max(0, min(count, self.size - place)))


@dataclass(slots=True)
class Pieces:
    """What is to be written, in order."""

    items: list[bytes | tuple[int, int]] = field(default_factory=list)
    length: int = 0

    def add(self, content: bytes) -> None:
        """Append new bytes."""
        if content:
            self.items.append(content)
            self.length += len(content)

    def keep(self, start: int, end: int) -> None:
        """Append the source's bytes `start` to `end`."""
        if end <= start:
            return
        self.length += end - start
        last = self.items[-1] if self.items else b""
        if isinstance(last, tuple) and last[1] == start:
            self.items[-1] = (last[0], end)
        else:
            self.items.append((start, end))

    def extend(self, other: Pieces) -> None:
        """Append another list of pieces."""
        for item in other.items:
            if isinstance(item, tuple):
                self.keep(*item)
            else:
                self.add(item)

    def is_just(self, start: int, end: int) -> bool:
        """Say whether this is the source's bytes `start` to `end` and nothing else."""
        return self.items == ([(start, end)] if end > start else [])

    def write(self, source: BinaryIO, target: BinaryIO) -> None:
        """Write all pieces."""
        for item in self.items:
            if isinstance(item, tuple):
                copy_range(source, target, *item)
            else:
                target.write(item)


def copy_range(source: BinaryIO, target: BinaryIO, start: int, end: int) -> None:
    """Copy the bytes `start` to `end`, a megabyte at a time."""
    source.seek(start)
    left = end - start
    while left > 0:
        block = source.read(min(left, MIB))
        if not block:
            raise CannotClean("truncated: the file ends early")
        target.write(block)
        left -= len(block)
