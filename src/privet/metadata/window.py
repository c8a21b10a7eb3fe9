"""A file read forward through a bounded buffer, for formats whose parts end where a pattern says so.

Invariants: no byte is read twice, so a hostile file with millions of tiny parts costs linear time; the buffer never holds more than
one block and one part.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from privet.metadata.job import CannotClean

BLOCK: Final = 512 * 1024


class Window:
    """The bytes of `source` not yet taken: `buffer[at:]` and what is still unread."""

    __slots__ = ("_source", "at", "buffer")

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.buffer = b""
        self.at = 0

    def has(self, count: int) -> bool:
        """Return whether `count` more bytes are there; they are then in the buffer."""
        if len(self.buffer) - self.at < count:
            pieces = [self.buffer[self.at :]]
            missing = count - len(pieces[0])
            while missing > 0 and (piece := self._source.read(max(BLOCK, missing))):
                pieces.append(piece)
                missing -= len(piece)
            self.buffer, self.at = b"".join(pieces), 0
        return len(self.buffer) - self.at >= count

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes.

        Raises:
            CannotClean: the file ends before.

        """
        if not self.has(count):
            raise CannotClean("truncated: the file ends inside a part")
        piece = self.buffer[self.at : self.at + count]
        self.at += count
        return piece

    def skip(self, count: int) -> bool:
        """Pass over up to `count` bytes; return whether all were there."""
        while count > 0 and self.has(1):
            step = min(count, len(self.buffer) - self.at)
            self.at += step
            count -= step
        return count <= 0


def size_of(source: BinaryIO) -> int:
    """Return the length of a file, and leave it at its start."""
    size = source.seek(0, 2)
    source.seek(0)
    return size
