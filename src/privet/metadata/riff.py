"""Chunks of RIFF and IFF files: read one after the other, and written.

Invariants: a chunk that says it is longer than the file is refused; content is copied a piece at a time.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final, Literal, NamedTuple

from privet.metadata.byte_ranges import copy
from privet.metadata.job import MIB, CannotClean, Job

HEADER_BYTES: Final = 8
_MAX_CHUNKS: Final = 100_000
Order = Literal["little", "big"]


class Chunk(NamedTuple):
    """A chunk: its name, and where its content starts and ends in the file."""

    name: bytes
    start: int
    end: int


def chunks(source: BinaryIO, start: int, end: int, order: Order, data_bytes: int = -1) -> Iterator[Chunk]:
    """Yield the chunks between two places. `data_bytes` is the length of the first chunk that does not know its own, if it is known."""
    at = start
    for _ in range(_MAX_CHUNKS):
        if end - at < HEADER_BYTES:
            return
        source.seek(at)
        head = source.read(HEADER_BYTES)
        size = int.from_bytes(head[4:], order)
        at += HEADER_BYTES
        if size == 0xFFFFFFFF:
            # Written by a program that could not go back, or longer than 32 bits can say.
            size = data_bytes if data_bytes >= 0 else end - at
        if not all(32 <= byte < 127 for byte in head[:4]):
            raise CannotClean("damaged: a chunk without a name")
        yield Chunk(head[:4], at, at + size)
        at += size + (size & 1)
    raise CannotClean("damaged: too many chunks")


def content(source: BinaryIO, chunk: Chunk, most_bytes: int = MIB) -> bytes:
    """Return what is in a small chunk."""
    if chunk.end - chunk.start > most_bytes:
        raise CannotClean("damaged: a header longer than a header can be")
    source.seek(chunk.start)
    found = source.read(chunk.end - chunk.start)
    if len(found) != chunk.end - chunk.start:
        raise CannotClean("truncated: a chunk is cut short")
    return found


def inside(source: BinaryIO, start: int, end: int) -> Iterator[Chunk]:
    """Yield the chunks of a list in a RIFF file; one that is longer than the list is refused, as it would take in what follows."""
    for chunk in chunks(source, start, end, "little"):
        if chunk.end > end:
            raise CannotClean("damaged: a chunk is longer than what holds it")
        yield chunk


def written(name: bytes, body: bytes, order: Order) -> bytes:
    """Return a chunk."""
    return name + len(body).to_bytes(4, order) + body + bytes(len(body) & 1)


def put(source: BinaryIO, target: BinaryIO, chunk: Chunk, order: Order) -> None:
    """Copy a chunk."""
    size = chunk.end - chunk.start
    target.write(chunk.name + struct.pack("<I" if order == "little" else ">I", min(size, 0xFFFFFFFF)))
    copy(source, target, chunk.start, size)
    target.write(bytes(size & 1))


def file_end(source: BinaryIO, job: Job, order: Order) -> int:
    """Return where the form that fills the file ends by its own account, or the file does; what follows is noted as left out."""
    total = source.seek(0, os.SEEK_END)
    source.seek(4)
    size = int.from_bytes(source.read(4), order)
    end = 8 + size + (size & 1)
    if size in {0, 0xFFFFFFFF} or end >= total:
        return total
    job.dropped("trailing bytes")
    return end
