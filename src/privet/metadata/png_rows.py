"""The compressed rows of a PNG's pictures on their way from file to file.

Invariants: the stream is copied byte for byte up to its end, and inflated beside it; only where it hides more than the picture's rows, or
has no right check sum, are the rows compressed anew.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from isal import isal_zlib

from privet.metadata.job import CannotClean, Job

_PIECE: Final = 256 * 1024
_INFLATED: Final = 4 * 1024 * 1024


@dataclass(slots=True)
class Frame:
    """The still picture, or one of an animation, which has a frame control in front."""

    control: bytes | None
    width: int
    height: int
    pieces: list[tuple[int, int]] = field(default_factory=list)
    """offset and length of its compressed data in the source"""


def write_chunk(target: BinaryIO, name: bytes, body: bytes) -> None:
    """Write a chunk with its check sum."""
    target.write(struct.pack(">I4s", len(body), name))
    target.write(body)
    target.write(isal_zlib.crc32(body, isal_zlib.crc32(name)).to_bytes(4))


class Copy:
    """The image data of one frame on its way to the target."""

    def __init__(self, source: BinaryIO, target: BinaryIO, expected: int) -> None:
        self._source = source
        self._target = target
        self._expected = expected
        self._sequence: int | None = None

    def run(self, frame: Frame, sequence: int | None, job: Job) -> int | None:
        """Write the frame's chunks; return the next sequence number of an animation."""
        begin = self._target.tell()
        self._sequence = sequence
        if not self._verbatim(frame, job):
            self._target.seek(begin)
            self._target.truncate()
            self._sequence = sequence
            self._anew(frame, job)
        return self._sequence

    def _emit(self, piece: bytes) -> None:
        if self._sequence is None:
            write_chunk(self._target, b"IDAT", piece)
        else:
            write_chunk(self._target, b"fdAT", self._sequence.to_bytes(4) + piece)
            self._sequence += 1

    def _verbatim(self, frame: Frame, job: Job) -> bool:
        """Copy the data up to the end of the compressed stream; return whether it is exactly the picture's rows."""
        stream = isal_zlib.decompressobj()
        inflated = 0
        for start, length in frame.pieces:
            self._source.seek(start)
            for at in range(0, length, _PIECE):
                piece = self._source.read(min(_PIECE, length - at))
                try:
                    rows = stream.decompress(piece, _INFLATED)
                    inflated += len(rows)
                    while len(rows) == _INFLATED and inflated <= self._expected:
                        rows = stream.decompress(stream.unconsumed_tail, _INFLATED)
                        inflated += len(rows)
                except isal_zlib.error:  # type: ignore[misc]  # its stub calls it a value
                    return False
                if inflated > self._expected:
                    return False
                if stream.eof:
                    whole = (start, length) == frame.pieces[-1] and at + len(piece) == length and not stream.unused_data
                    if not whole:
                        job.dropped("stray data")
                    self._emit(piece[: len(piece) - len(stream.unused_data)])
                    return inflated == self._expected
                self._emit(piece)
        return False

    def _anew(self, frame: Frame, job: Job) -> None:
        """Compress the rows, and only them, again."""
        # Without its header a stream has no check sum, so a wrong one does not matter.
        stream, out = zlib.decompressobj(-15), zlib.compressobj(6)
        header, left = 2, self._expected
        waiting = bytearray()
        for start, length in frame.pieces:
            self._source.seek(start)
            for at in range(0, length, _PIECE):
                tail = self._source.read(min(_PIECE, length - at))
                tail, header = tail[header:], max(header - len(tail), 0)
                while tail and left and not stream.eof:
                    try:
                        rows = stream.decompress(tail, min(_INFLATED, left))
                    except zlib.error as error:
                        raise CannotClean("truncated: the image data does not decode") from error
                    tail = stream.unconsumed_tail
                    left -= len(rows)
                    waiting += out.compress(rows)
                    if len(waiting) > _PIECE:
                        self._emit(bytes(waiting))
                        waiting.clear()
        if left:
            raise CannotClean("truncated: rows of the picture are missing")
        job.dropped("stray data")
        self._emit(bytes(waiting) + out.flush())
