"""Frames as they are found again in a file.

Invariants:

- Nothing is read that was not authenticated.
- Reading moves no position of the file, so threads, and processes after a fork, do not disturb each other.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from privet.sealed import TAG_BYTES
from privet.vault.frames import (
    INNER_NONCE,
    MAX_DIRECTORY,
    PREFIX,
    Directory,
    Entries,
    Placed,
    Run,
    Segment,
    directory_context,
    masked,
)
from privet.vault.layout import COLD, COLD_CHUNK, DIRECTORY, HOT, HOT_CHUNK, damaged, nonce


def placed(segment: Segment, file: BinaryIO, start: int, frame: int, generation: int, before: bytes) -> Placed | None:
    """Return the frame that begins at a place of a file, None where none is whole there by its sizes and directory."""
    prefix = bytes_at(file, start, PREFIX)
    if len(prefix) < PREFIX:
        return None
    size, rest = int.from_bytes(prefix[:4], "big"), int.from_bytes(prefix[4:], "big")
    end = start + PREFIX + size + rest
    if not TAG_BYTES <= size <= MAX_DIRECTORY or end > os.fstat(file.fileno()).st_size:
        return None
    sealed = bytes_at(file, start + PREFIX, size)
    context = directory_context(segment, generation, before, prefix)
    raw = segment.cipher.unseal(nonce(frame, DIRECTORY, 0), sealed, context)
    if raw is None:
        return None
    directory = msgspec.msgpack.decode(raw, type=Directory)
    return Placed(frame, start, directory, size, sealed[-TAG_BYTES:], end - start, directory.hot, directory.cold)


def is_torn(file: BinaryIO, start: int) -> bool:
    """Tell whether a file ends before the frame does that begins at a place, as after a write that was cut short."""
    rest = os.fstat(file.fileno()).st_size - start
    prefix = bytes_at(file, start, PREFIX)
    size = int.from_bytes(prefix[:4], "big") + int.from_bytes(prefix[4:], "big")
    return len(prefix) < PREFIX or not size or PREFIX + size > rest


def hot_area(segment: Segment, file: BinaryIO, place: Placed, name: str) -> memoryview:
    """Return the hot area of a frame.

    Raises:
        Damaged: a chunk is not what was written.

    """
    area = bytearray(place.hot)
    view = memoryview(area)
    context = segment.context(place.directory.generation.to_bytes(8, "big"))
    buffer = memoryview(bytearray(min(HOT_CHUNK, len(area)) + TAG_BYTES))
    position = place.hot_start
    for number, start in enumerate(range(0, len(area), HOT_CHUNK)):
        piece = view[start : start + HOT_CHUNK]
        sealed = buffer[: len(piece) + TAG_BYTES]
        _read_into(file, position, sealed, name)
        if not segment.cipher.unseal_into(nonce(place.frame, HOT, number), sealed, context, piece):
            raise damaged(name)
        position += len(sealed)
    return view


def cold_part(segment: Segment, file: BinaryIO, place: Placed, start: int, end: int, name: str) -> bytes:
    """Return bytes of the cold area of a frame.

    Raises:
        Damaged: a chunk is not what was written.

    """
    context = segment.context(place.directory.generation.to_bytes(8, "big"))
    size = place.cold
    out = []
    for number in range(start // COLD_CHUNK, -(-end // COLD_CHUNK)):
        length = min(COLD_CHUNK, size - number * COLD_CHUNK) + TAG_BYTES
        sealed = bytes_at(file, place.cold_start + number * (COLD_CHUNK + TAG_BYTES), length)
        chunk = segment.cipher.unseal(nonce(place.frame, COLD, number), sealed, context)
        if chunk is None:
            raise damaged(name)
        out.append(chunk)
    first = start - start // COLD_CHUNK * COLD_CHUNK
    return (out[0] if len(out) == 1 else b"".join(out))[first : first + end - start]


def check_cold(segment: Segment, file: BinaryIO, place: Placed, name: str) -> None:
    """Authenticate the cold area of a frame.

    Raises:
        Damaged: a chunk is not what was written.

    """
    for start in range(0, place.cold, HOT_CHUNK):
        cold_part(segment, file, place, start, min(start + HOT_CHUNK, place.cold), name)


def hot_chunk(segment: Segment, file: BinaryIO, place: Placed, number: int, name: str) -> bytes:
    """Return one chunk of the hot area of a frame.

    Raises:
        Damaged: it is not what was written.

    """
    context = segment.context(place.directory.generation.to_bytes(8, "big"))
    length = min(HOT_CHUNK, place.hot - number * HOT_CHUNK) + TAG_BYTES
    sealed = bytes_at(file, place.hot_start + number * (HOT_CHUNK + TAG_BYTES), length)
    chunk = segment.cipher.unseal(nonce(place.frame, HOT, number), sealed, context)
    if chunk is None:
        raise damaged(name)
    return chunk


def hot_run(
    segment: Segment, place: Placed, run: Run, part: memoryview, key_of: Callable[[int], bytes | None], name: str
) -> tuple[memoryview, Entries] | None:
    """Return the vectors of a run as bytes, and its entries; None for one whose subject was forgotten.

    Raises:
        Damaged: the subject's key does not open it.

    """
    if run.subject is not None:
        key = key_of(run.subject)
        if key is None:
            return None
        context = segment.context(place.frame.to_bytes(4, "big"))
        opened = segment.inner(key, place.frame, HOT).unseal(INNER_NONCE, part, context)
        if opened is None:
            raise damaged(name)
        part = memoryview(opened)
    size = run.count * place.directory.dimensions * 4
    return part[:size], msgspec.msgpack.decode(part[size:], type=Entries)


def cold_run(segment: Segment, place: Placed, run: Run, part: bytes, key: bytes | None, name: str) -> bytes:
    """Return the cold entries of a run, opened with its subject's key.

    Raises:
        Damaged: there is no key.

    """
    if run.subject is None:
        return part
    if key is None:
        raise damaged(name)
    return masked(segment.inner(key, place.frame, COLD), part)


def bytes_at(file: BinaryIO, start: int, size: int) -> bytes:
    """Return what is at a place of a file: less where it ends before."""
    pieces = []
    while size > 0 and (piece := os.pread(file.fileno(), size, start)):
        pieces.append(piece)
        start, size = start + len(piece), size - len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _read_into(file: BinaryIO, start: int, place: memoryview, name: str) -> None:
    while place:
        count = os.preadv(file.fileno(), [place], start)
        if not count:
            raise damaged(name)
        place, start = place[count:], start + count
