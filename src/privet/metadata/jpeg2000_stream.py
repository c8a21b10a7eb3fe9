"""The codestream of JPEG 2000: its headers without comments, and the coded samples.

Invariants: only segments that decoding takes are kept; tile-parts are copied a piece at a time, bit for bit, and end where they say;
nothing behind the end mark is read.

Source: ISO/IEC 15444-1 annex A.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final, NamedTuple

from privet.metadata.byte_ranges import copy
from privet.metadata.job import CannotClean, Job

_SOC, _SOT, _SOD, _EOC, _SIZ, _TLM, _COM = 0xFF4F, 0xFF90, 0xFF93, 0xFFD9, 0xFF51, 0xFF55, 0xFF64
_MAIN: Final = frozenset(
    (0xFF50, 0xFF51, 0xFF52, 0xFF53, 0xFF55, 0xFF56, 0xFF57, 0xFF59, 0xFF5C, 0xFF5D, 0xFF5E, 0xFF5F, 0xFF60, 0xFF63)
)
_TILE: Final = frozenset((0xFF52, 0xFF53, 0xFF58, 0xFF5C, 0xFF5D, 0xFF5E, 0xFF5F, 0xFF61))
_ALONE: Final = range(0xFF30, 0xFF40)
_MAX_SEGMENTS: Final = 100_000
_MAX_TILE_PARTS: Final = 2_000_000
_SOT_BYTES: Final = 12


class _Header(NamedTuple):
    """Segments of a header: those kept, and where the marker that ended it stands."""

    kept: list[tuple[int, bytes]]
    at: int
    end_mark: int
    left_out: int


def write(source: BinaryIO, target: BinaryIO, start: int, end: int, job: Job) -> int:
    """Write the codestream between two places; return where it ends.

    Raises:
        CannotClean: damaged, or cut off.

    """
    source.seek(start)
    if source.read(4) != struct.pack(">HH", _SOC, _SIZ):
        raise CannotClean("damaged: the codestream")
    main = _header(source, start + 2, end, _MAIN, (_SOT,))
    job.dropped("comment", main.left_out)
    lengths_hold = not _tile_comments(source, main.at, end)
    target.write(struct.pack(">H", _SOC))
    for mark, body in main.kept:
        # Lengths of tile-parts stand once more in the main header, where nobody needs them.
        if mark != _TLM or lengths_hold:
            target.write(struct.pack(">HH", mark, len(body) + 2) + body)
    at = main.at
    for _ in range(_MAX_TILE_PARTS):
        source.seek(at)
        mark = int.from_bytes(source.read(2))
        if mark == _EOC or at >= end:
            break
        if mark != _SOT:
            raise CannotClean("truncated: a tile is missing")
        at = _tile_part(source, target, at, end, job)
    else:
        raise CannotClean("damaged: too many tiles")
    if at == main.at:
        raise CannotClean("truncated: no tile")
    target.write(struct.pack(">H", _EOC))
    # Some writers leave the end mark out.
    return min(at + 2, end)


def _header(source: BinaryIO, at: int, end: int, known: frozenset[int], ends: tuple[int, ...]) -> _Header:
    kept: list[tuple[int, bytes]] = []
    left_out = 0
    for _ in range(_MAX_SEGMENTS):
        if at + 2 > end:
            break
        source.seek(at)
        mark = int.from_bytes(source.read(2))
        if mark in ends:
            return _Header(kept, at, mark, left_out)
        if mark in _ALONE:
            at += 2
            continue
        size = int.from_bytes(source.read(2))
        if mark < 0xFF01 or size < 2 or at + 2 + size > end:
            break
        if mark in known:
            kept.append((mark, source.read(size - 2)))
        else:
            left_out += 1
        at += 2 + size
    raise CannotClean("damaged: a header of the codestream")


def _part_end(source: BinaryIO, at: int, end: int) -> tuple[bytes, int]:
    """Return the first segment of a tile-part and where the tile-part ends."""
    source.seek(at)
    first = source.read(_SOT_BYTES)
    size = int.from_bytes(first[6:10])
    # The last tile-part may go on to the end mark.
    stop = at + size if size else _last_end(source, end)
    if len(first) < _SOT_BYTES or (size and size < _SOT_BYTES + 2) or stop > end:
        raise CannotClean("truncated: a tile ends behind the file")
    return first, stop


def _last_end(source: BinaryIO, end: int) -> int:
    source.seek(max(0, end - 2))
    return end - 2 if int.from_bytes(source.read(2)) == _EOC else end


def _tile_comments(source: BinaryIO, at: int, end: int) -> bool:
    """Return whether the header of a tile-part holds what is left out."""
    for _ in range(_MAX_TILE_PARTS):
        source.seek(at)
        if int.from_bytes(source.read(2)) != _SOT:
            return False
        _, stop = _part_end(source, at, end)
        if _header(source, at + _SOT_BYTES, stop, _TILE, (_SOD,)).left_out:
            return True
        at = stop
    return False


def _tile_part(source: BinaryIO, target: BinaryIO, at: int, end: int, job: Job) -> int:
    first, stop = _part_end(source, at, end)
    header = _header(source, at + _SOT_BYTES, stop, _TILE, (_SOD,))
    job.dropped("comment", header.left_out)
    segments = b"".join(struct.pack(">HH", mark, len(body) + 2) + body for mark, body in header.kept)
    size = _SOT_BYTES + len(segments) + stop - header.at
    target.write(first[:6] + struct.pack(">I", size) + first[10:] + segments)
    copy(source, target, header.at, stop - header.at)
    return stop
