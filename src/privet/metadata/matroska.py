"""Matroska and WebM: sound, pictures and subtitles, and nothing of who made them, when and with what.

Invariants:

- Blocks of sound and pictures come out bit for bit, in their clusters and order.
- Titles, dates, programs, track names, tags, chapters, attachments and identifiers of files are not written.
- Bulk is copied a piece at a time; one group of blocks, the seek points and the subtitles are in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from privet.metadata import matroska_text, matroska_tracks
from privet.metadata.byte_ranges import copy
from privet.metadata.ebml import (
    CHECKSUM,
    VOID,
    Element,
    any_bytes,
    as_is,
    element,
    in_file,
    in_memory,
    kept,
    long_head,
    name_bytes,
    number,
    numbers,
)
from privet.metadata.job import MIB, CannotClean, Job

_EBML, _SEGMENT, _SEEK, _INFO, _TRACKS, _CLUSTER, _CUES = (
    0x1A45DFA3,
    0x18538067,
    0x114D9B74,
    0x1549A966,
    0x1654AE6B,
    0x1F43B675,
    0x1C53BB6B,
)
_NAMES: Final = {0x1043A770: "chapters", 0x1254C367: "tags", 0x1941A469: "attachments"}
_OUTERMOST: Final = frozenset((_SEEK, _INFO, _TRACKS, _CLUSTER, _CUES, *_NAMES, _EBML, _SEGMENT))
_SIMPLE_BLOCK, _GROUP, _BLOCK, _ADDITIONS = 0xA3, 0xA0, 0xA1, 0x75A1
_MAX_HEADER_BYTES: Final = 64 * MIB
_MAX_PARTS: Final = 500_000
_MAX_BLOCKS: Final = 8_000_000
_KEPT_INFO: Final = numbers(0x2AD7B1, 0x4489)
_KEPT_GROUP: Final = numbers(0x9B, 0xFA, 0xFB, 0x75A2) | {_BLOCK: any_bytes, 0xA4: any_bytes}
# The programs' names must be there, and are empty.
_UNNAMED: Final = element(0x4D80) + element(0x5741)


@dataclass(slots=True)
class _Film:
    """What was found in a file, and what of it is written."""

    start: int
    info: bytes = b""
    tracks: matroska_tracks.Tracks | None = None
    clusters: list[Element] = field(default_factory=list)
    cues: bytes = b""
    lines: dict[int, bytes] = field(default_factory=dict)
    room: int = _MAX_BLOCKS


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a film with its content alone.

    Raises:
        CannotClean: encrypted, truncated, damaged, or without a track of sound, pictures or subtitles.

    """
    total = source.seek(0, os.SEEK_END)
    first = next(in_file(source, 0, total), None)
    if first is None or first.id != _EBML or not 0 <= first.end <= total:
        raise CannotClean("no Matroska file")
    kind = _content(source, first)
    segment = next((part for part in in_file(source, first.end, total) if part.id not in {VOID, CHECKSUM}), None)
    if segment is None or segment.id != _SEGMENT:
        raise CannotClean("truncated: no film")
    if segment.end > total:
        raise CannotClean("truncated: the film ends early")
    end = segment.end if segment.end >= 0 else total
    film = _read(source, segment.body, end, job)
    tracks = film.tracks
    if tracks is None or not film.info:
        raise CannotClean("truncated: no tracks")
    if tracks.texts:
        _read_lines(source, film, tracks, job)
    _write(source, target, _doc_type(kind), film, tracks)
    if end < total:
        job.dropped("trailing bytes")


def _doc_type(content: bytes) -> bytes:
    parts = dict(in_memory(content))
    kind = parts.get(0x4282, b"matroska").rstrip(b"\0")
    if kind not in {b"matroska", b"webm"}:
        raise CannotClean("no Matroska file")
    numbers_ = kept(content, numbers(0x4286, 0x42F7, 0x42F2, 0x42F3, 0x4287, 0x4285))
    return element(_EBML, numbers_, element(0x4282, kind))


def _content(source: BinaryIO, part: Element) -> bytes:
    size = part.end - part.body
    if not 0 <= size <= _MAX_HEADER_BYTES:
        raise CannotClean("damaged: a header without a length, or longer than the limit")
    source.seek(part.body)
    found = source.read(size)
    if len(found) != size:
        raise CannotClean("truncated: a header is cut short")
    return found


def _read(source: BinaryIO, start: int, end: int, job: Job) -> _Film:
    film = _Film(start)
    at = start
    for _ in range(_MAX_PARTS):
        part = next(in_file(source, at, end), None)
        if part is None:
            return film
        if part.id == _CLUSTER:
            part = part._replace(end=part.end if part.end >= 0 else _cluster_end(source, part.body, end))
            film.clusters.append(part)
        elif part.id == _INFO and not film.info:
            film.info = element(_INFO, kept(_content(source, part), _KEPT_INFO), _UNNAMED)
        elif part.id == _TRACKS and film.tracks is None:
            film.tracks = matroska_tracks.read(_content(source, part), job)
        elif part.id == _CUES and not film.cues:
            film.cues = _content(source, part)
        elif part.id in {_EBML, _SEGMENT}:
            raise CannotClean("several films in one file")
        elif part.id not in {_SEEK, VOID, CHECKSUM}:
            job.dropped(_NAMES.get(part.id, "element"))
        if part.end > end or part.end < 0:
            raise CannotClean("truncated: the film ends early")
        at = part.end
    raise CannotClean("damaged: more than half a million parts")


def _cluster_end(source: BinaryIO, start: int, end: int) -> int:
    """Return where a cluster that does not say its length ends: where something of the outermost level stands."""
    for part in in_file(source, start, end):
        if part.id in _OUTERMOST:
            return part.start
        if part.end < 0 or part.end > end:
            raise CannotClean("truncated: the film ends early")
    return end


def _track(block: bytes) -> tuple[int, int]:
    """Return the number of the track a block belongs to, and how many bytes it took."""
    width = 9 - block[0].bit_length() if block else 9
    if width > 8 or len(block) < width + 3:
        raise CannotClean("damaged: a block of no track")
    return int.from_bytes(block[:width]) & (1 << 7 * width) - 1, width


def _blocks(source: BinaryIO, cluster: Element, film: _Film) -> Iterator[Element]:
    for part in in_file(source, cluster.body, cluster.end):
        film.room -= 1
        if film.room < 0:
            raise CannotClean("damaged: too many blocks")
        if not 0 <= part.end <= cluster.end:
            raise CannotClean("damaged: a block is longer than what holds it")
        yield part


def _read_lines(source: BinaryIO, film: _Film, tracks: matroska_tracks.Tracks, job: Job) -> None:
    """Read the lines of all text tracks, and have them edited in one go."""
    places: list[int] = []
    lines: list[tuple[bytes, bytes]] = []
    room = job.limits.max_record_bytes
    for cluster in film.clusters:
        for part in _blocks(source, cluster, film):
            block = _text_block(source, part, tracks)
            if block is None:
                continue
            track, width = _track(block)
            kind, packing = tracks.texts[track]
            content = block[width + 3 :] if not block[width + 2] & 6 else b""
            line = matroska_text.unpacked(content, is_zlib=packing.is_zlib, taken_off=packing.taken_off)
            room -= len(line) + 64
            if room < 0:
                raise CannotClean("too large: subtitles over the limit")
            places.append(part.start)
            lines.append((kind, line))
    film.lines = dict(zip(places, matroska_text.rewrite(lines, job), strict=True))


def _text_block(source: BinaryIO, part: Element, tracks: matroska_tracks.Tracks) -> bytes | None:
    """Return the block of a text track."""
    if part.id not in {_SIMPLE_BLOCK, _GROUP}:
        return None
    if part.id == _GROUP:
        block = dict(in_memory(_content(source, part))).get(_BLOCK)
        return block if block and _track(block)[0] in tracks.texts else None
    source.seek(part.body)
    first = source.read(min(12, part.end - part.body))
    return _content(source, part) if _track(first)[0] in tracks.texts else None


def _write(source: BinaryIO, target: BinaryIO, kind: bytes, film: _Film, tracks: matroska_tracks.Tracks) -> None:
    target.write(kind + long_head(_SEGMENT, 0))
    start = target.tell()
    # Room for the list of what stands where, which is known at the end.
    target.write(bytes(len(_seek_list(0, 0, 0))))
    info = target.tell() - start
    target.write(film.info)
    at = target.tell() - start
    target.write(tracks.written)
    moved: dict[int, int] = {}
    for cluster in film.clusters:
        # A seek point counts from where the old segment's content started.
        moved[cluster.start - film.start] = target.tell() - start
        _write_cluster(source, target, cluster, film, tracks)
    cues = _cues(film, tracks, moved)
    place = target.tell() - start
    target.write(cues)
    end = target.tell()
    target.seek(start - 8)
    target.write((end - start | 1 << 56).to_bytes(8))
    target.write(_seek_list(info, at, place if cues else 0))
    target.seek(end)


def _seek_list(info: int, tracks: int, cues: int) -> bytes:
    entries = [
        element(0x4DBB, element(0x53AB, name_bytes(name)), element(0x53AC, place.to_bytes(8)))
        for name, place in ((_INFO, info), (_TRACKS, tracks), (_CUES, cues))
    ]
    full = element(_SEEK, *entries)
    if info and not cues:
        short = element(_SEEK, *entries[:2])
        return short + element(VOID, bytes(len(full) - len(short) - 2))
    return full


def _write_cluster(
    source: BinaryIO, target: BinaryIO, cluster: Element, film: _Film, tracks: matroska_tracks.Tracks
) -> None:
    target.write(long_head(_CLUSTER, 0))
    start = target.tell()
    run = run_end = cluster.body
    for part in _blocks(source, cluster, film):
        new = _block(source, part, film, tracks)
        if new is None:
            if part.start != run_end:
                copy(source, target, run, run_end - run)
                run = part.start
            run_end = part.end
            continue
        copy(source, target, run, run_end - run)
        run = run_end = part.end
        target.write(new)
    copy(source, target, run, run_end - run)
    end = target.tell()
    target.seek(start - 8)
    target.write((end - start | 1 << 56).to_bytes(8))
    target.seek(end)


def _block(source: BinaryIO, part: Element, film: _Film, tracks: matroska_tracks.Tracks) -> bytes | None:
    """Return what stands in place of an element of a cluster, or None where it stays as it is."""
    if part.id == 0xE7 and part.end - part.body <= 8:
        return None
    if part.id == _SIMPLE_BLOCK:
        source.seek(part.body)
        track, width = _track(source.read(min(12, part.end - part.body)))
        if track not in tracks.numbers:
            return b""
        if track not in tracks.texts:
            return None
        return element(_SIMPLE_BLOCK, _line(_content(source, part), width, film.lines[part.start]))
    return _group(_content(source, part), part.start, film, tracks) if part.id == _GROUP else b""


def _group(content: bytes, start: int, film: _Film, tracks: matroska_tracks.Tracks) -> bytes | None:
    """Return what stands in place of a group of a block and what belongs to it."""
    block = dict(in_memory(content)).get(_BLOCK)
    if block is None or _track(block)[0] not in tracks.numbers:
        return b""
    track, width = _track(block)
    if track in tracks.texts:
        line = _line(block, width, film.lines[start])
        return element(_GROUP, element(_BLOCK, line), kept(content, numbers(0x9B)))
    new = kept(content, _KEPT_GROUP | {_ADDITIONS: _additions})
    return None if new == content else element(_GROUP, new)


def _line(block: bytes, width: int, text: bytes) -> bytes:
    return block[: width + 2] + bytes((block[width + 2] & ~6,)) + text


def _additions(content: bytes) -> bytes | None:
    """Return what is shown beside a picture: its transparency (1) and its light (4)."""
    out = b""
    for name, more in in_memory(content):
        if name == 0xA6 and int.from_bytes(dict(in_memory(more)).get(0xEE, b"\1")) in {1, 4}:
            out += element(0xA6, kept(more, {0xEE: as_is, 0xA5: any_bytes}))
    return out or None


def _cues(film: _Film, tracks: matroska_tracks.Tracks, moved: dict[int, int]) -> bytes:
    """Return the seek points, with the clusters where they are now."""
    points = []
    for name, point in in_memory(film.cues):
        parts = list(in_memory(point)) if name == 0xBB else []
        time = dict(parts).get(0xB3)
        places = [at for inner, body in parts if inner == 0xB7 and (at := _position(body, tracks, moved))]
        if time is not None and places:
            points.append(element(0xBB, element(0xB3, as_is(time)), *places))
    return element(_CUES, *points) if points else b""


def _position(body: bytes, tracks: matroska_tracks.Tracks, moved: dict[int, int]) -> bytes:
    parts = dict(in_memory(body))
    track, place = (int.from_bytes(parts.get(name, b"")) for name in (0xF7, 0xF1))
    if track not in tracks.numbers or place not in moved:
        return b""
    return element(0xB7, number(0xF7, track), number(0xF1, moved[place]), kept(body, numbers(0xB2)))
