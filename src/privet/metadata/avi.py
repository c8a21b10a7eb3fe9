"""AVI: headers without words, and the frames of sound and pictures where they are.

Invariants:

- Frames come out bit for bit. Inside the list of frames everything keeps its place, so that indexes need one number added;
  what is neither a frame nor an index is written over with noughts.
- Names of streams, dates, time codes, tags, private data, padding and text streams are left out.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import numpy as np

from privet.metadata.byte_ranges import copy
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.riff import HEADER_BYTES, Chunk, chunks, content, inside, written

_FRAME: Final = re.compile(rb"\d\d(?:db|dc|wb|pc|iv|__)|rec |[a-z]{2}\d\d")
_STREAM_HEADER_BYTES: Final = 64
_MAX_FRAMES: Final = 4_000_000
_MAX_INDEX_BYTES: Final = 256 * MIB
_NAMES: Final = {
    b"strn": "stream name",
    b"IDIT": "date",
    b"ISMP": "time code",
    b"strd": "private data",
    b"JUNK": "padding",
}


@dataclass(slots=True)
class _Movie:
    """The lists of frames in the file: where each starts, ends, and by how much its content moves."""

    lists: list[Chunk] = field(default_factory=list)
    moves: list[int] = field(default_factory=list)
    texts: set[int] = field(default_factory=set)
    room: int = _MAX_FRAMES


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the film.

    Raises:
        CannotClean: truncated, damaged, or no AVI.

    """
    head = source.read(12)
    if head[:4] != b"RIFF" or head[8:12] != b"AVI ":
        raise CannotClean("no AVI file")
    segments, end = [], source.seek(0, 2)
    at = 0
    while end - at >= 12:
        source.seek(at)
        head = source.read(12)
        if head[:4] != b"RIFF" or head[8:12] != (b"AVIX" if at else b"AVI "):
            job.dropped("trailing bytes")
            break
        stop = at + 8 + int.from_bytes(head[4:8], "little")
        if stop > end and at == 0 and int.from_bytes(head[4:8], "little") in {0, 0xFFFFFFFF}:
            stop = end
        segments.append((at, min(stop, end)))
        at = stop + (stop & 1)
    _write(source, target, segments, job)


def _write(source: BinaryIO, target: BinaryIO, segments: list[tuple[int, int]], job: Job) -> None:
    headers: Chunk | None = None
    index: Chunk | None = None
    movie = _Movie()
    for start, end in segments:
        for chunk in chunks(source, start + 12, end, "little"):
            kind = _list_kind(source, chunk)
            if kind == b"movi":
                if chunk.end > end:
                    raise CannotClean("truncated: the film ends early")
                movie.lists.append(Chunk(b"LIST", chunk.start, chunk.end))
            elif kind == b"hdrl" and headers is None and start == 0 and chunk.end <= end:
                headers = chunk
            elif chunk.name == b"idx1" and index is None and start == 0 and chunk.end <= end:
                index = chunk
            else:
                job.dropped(_NAMES.get(chunk.name, "tags" if kind == b"INFO" else "chunk"))
    if headers is None or not movie.lists:
        raise CannotClean("truncated: no film")
    size = len(_headers(source, headers, movie, None))
    at = 12 + size
    for number, frames in enumerate(movie.lists):
        # Each further list stands in a segment of its own.
        at += 12 if number else 0
        movie.moves.append(at + HEADER_BYTES - frames.start)
        at += HEADER_BYTES + frames.end - frames.start + (frames.end - frames.start & 1)
        if number == 0 and index is not None:
            at += HEADER_BYTES + (index.end - index.start) // 16 * 16
    _put(source, target, headers, movie, index, job)


def _list_kind(source: BinaryIO, chunk: Chunk) -> bytes:
    if chunk.name != b"LIST":
        return b""
    source.seek(chunk.start)
    return source.read(4)


def _put(source: BinaryIO, target: BinaryIO, headers: Chunk, movie: _Movie, index: Chunk | None, job: Job) -> None:
    first = _headers(source, headers, movie, job)
    table = _index(source, index, movie) if index is not None else b""
    for number, frames in enumerate(movie.lists):
        size = frames.end - frames.start
        before = first if number == 0 else b""
        after = table if number == 0 else b""
        total = 4 + len(before) + HEADER_BYTES + size + (size & 1) + len(after)
        target.write(b"RIFF" + struct.pack("<I", total) + (b"AVIX" if number else b"AVI ") + before)
        target.write(b"LIST" + struct.pack("<I", size) + b"movi")
        _frames(source, target, Chunk(b"movi", frames.start + 4, frames.end), movie, job)
        target.write(bytes(size & 1) + after)


def _frames(source: BinaryIO, target: BinaryIO, frames: Chunk, movie: _Movie, job: Job) -> None:
    """Copy a list of frames; runs of what is kept are copied at one go."""
    run = at = frames.start
    while frames.end - at >= HEADER_BYTES:
        movie.room -= 1
        if movie.room < 0:
            raise CannotClean("damaged: too many frames")
        source.seek(at)
        head = source.read(12)
        size = int.from_bytes(head[4:8], "little")
        stop = min(at + HEADER_BYTES + size + (size & 1), frames.end)
        if head[:4] == b"LIST" and head[8:12] == b"rec ":
            at += 12
            continue
        is_index = head[:2] == b"ix" or head[2:4] == b"ix"
        is_text = head[:2].isdigit() and int(head[:2]) in movie.texts
        if is_index or is_text or not _FRAME.fullmatch(head[:4]) or at + HEADER_BYTES + size > frames.end:
            copy(source, target, run, at - run)
            run = stop
            body = _standard_index(source, Chunk(head[:4], at + HEADER_BYTES, stop), movie) if is_index else b""
            name = head[:4] if is_index else b"JUNK"
            if not is_index:
                job.dropped("subtitle track" if is_text else "chunk")
            _padded(target, name, body, min(size, frames.end - at - HEADER_BYTES), stop - at)
        at = stop
    copy(source, target, run, at - run if at <= frames.end else 0)
    _noughts(target, frames.end - max(at, run))


def _padded(target: BinaryIO, name: bytes, body: bytes, size: int, total: int) -> None:
    target.write(name + struct.pack("<I", size) + body)
    _noughts(target, total - HEADER_BYTES - len(body))


def _noughts(target: BinaryIO, count: int) -> None:
    while count > 0:
        target.write(bytes(min(count, MIB)))
        count -= MIB


def _moved(
    places: np.ndarray[tuple[int, ...], np.dtype[np.int64]], movie: _Movie
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return where what lay at these places lies now."""
    starts = np.array([frames.start for frames in movie.lists], np.int64)
    number = np.maximum(np.searchsorted(starts, places, side="right") - 1, 0)
    return np.asarray(np.maximum(places + np.array(movie.moves, np.int64)[number], 0), np.int64)


def _standard_index(source: BinaryIO, chunk: Chunk, movie: _Movie) -> bytes:
    """Return an index of one stream's frames, whose base is a place in the file."""
    body = content(source, chunk, _MAX_INDEX_BYTES)
    if len(body) < 24:
        return b""
    width, count = struct.unpack_from("<HxxI", body)
    end = min(24 + 4 * width * count, len(body))
    base = np.array([min(int.from_bytes(body[12:20], "little"), 2**62)], np.int64)
    return body[:12] + int(_moved(base, movie)[0]).to_bytes(8, "little") + bytes(4) + body[24:end]


def _index(source: BinaryIO, index: Chunk, movie: _Movie) -> bytes:
    """Return the old index; its places count from the list of frames, or in some files from the start."""
    body = content(source, index, _MAX_INDEX_BYTES)
    table = np.frombuffer(body[: len(body) // 16 * 16], "<u4").reshape(-1, 4).copy()
    frames = movie.lists[0]
    if len(table) and int(table[0, 2]) >= frames.start:
        table[:, 2] = _moved(table[:, 2].astype(np.int64), movie)
    return written(b"idx1", table.tobytes(), "little")


def _headers(source: BinaryIO, headers: Chunk, movie: _Movie, job: Job | None) -> bytes:
    out = b""
    stream = 0
    for chunk in inside(source, headers.start + 4, headers.end):
        kind = _list_kind(source, chunk)
        if chunk.name == b"avih":
            out += written(b"avih", content(source, chunk)[:56], "little")
        elif kind == b"strl":
            out += _stream(source, chunk, stream, movie, job)
            stream += 1
        elif kind == b"odml":
            length = content(source, Chunk(b"dmlh", chunk.start + 12, min(chunk.start + 16, chunk.end)))
            out += written(b"LIST", b"odml" + written(b"dmlh", length, "little"), "little")
        elif job is not None:
            job.dropped(_NAMES.get(chunk.name, "chunk"))
        if stream > 100:
            raise CannotClean("damaged: more than a hundred streams")
    return written(b"LIST", b"hdrl" + out, "little")


def _stream(source: BinaryIO, chunk: Chunk, number: int, movie: _Movie, job: Job | None) -> bytes:
    out = b""
    for part in inside(source, chunk.start + 4, chunk.end):
        if part.name == b"strh":
            head = content(source, part)[:_STREAM_HEADER_BYTES]
            if head[:4] == b"txts":
                movie.texts.add(number)
            out += written(b"strh", head, "little")
        elif part.name in {b"strf", b"vprp"}:
            out += written(part.name, content(source, part), "little")
        elif part.name == b"indx":
            out += written(b"indx", _super_index(source, part, movie), "little")
        elif job is not None:
            job.dropped(_NAMES.get(part.name, "chunk"))
    return written(b"LIST", b"strl" + out, "little")


def _super_index(source: BinaryIO, part: Chunk, movie: _Movie) -> bytes:
    """Return an index of indexes, each at a place in the file."""
    body = content(source, part)
    if len(body) < 24 or body[3] != 0:
        return body[:3] + bytes(max(len(body) - 3, 0))
    count = min(int.from_bytes(body[4:8], "little"), (len(body) - 24) // 16)
    rows = bytearray(body[24 : 24 + 16 * count])
    if movie.moves:
        for at in range(0, len(rows), 16):
            place = np.array([min(int.from_bytes(rows[at : at + 8], "little"), 2**62)], np.int64)
            rows[at : at + 8] = int(_moved(place, movie)[0]).to_bytes(8, "little")
    return body[:12] + bytes(12) + bytes(rows) + bytes(len(body) - 24 - len(rows))
