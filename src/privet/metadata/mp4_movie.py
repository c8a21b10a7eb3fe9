"""The movie box of MP4 and QuickTime: which tracks are kept, and the box written anew for them.

Invariants:

- Sound and pictures are kept as they are, subtitles with their text edited; chapters, time codes and metadata tracks are not.
- Times, names, user data, tags and identifiers of people, places and tools are not written: every box is made from its numbers.
- A track whose samples lie in another file is dropped.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np

from privet.metadata import mp4_entries, mp4_samples, mp4_text
from privet.metadata.byte_ranges import ByteRanges, Places
from privet.metadata.isobmff import Box, box, boxes, first, table, version
from privet.metadata.job import MIB, CannotClean, Job

_TEXT_HANDLERS: Final = frozenset(b"text sbtl subt".split())
_REFERENCES: Final = frozenset(b"auxl sbas scal folw fall vdep subt sync forc".split())
_MAX_TRACKS: Final = 1000
_MOST_UNPACKED: Final = 64 * MIB
_OTHERS: Final = {
    b"meta": "metadata track",
    b"tmcd": "time code track",
    b"hint": "hint track",
    b"clcp": "closed caption track",
    b"subp": "picture subtitle track",
}


@dataclass(slots=True)
class Track:
    """A kept track. `text` is the kind of a text track; `blob` where its new samples lie among the added pieces."""

    number: int
    box: memoryview
    stsd: bytes
    samples: mp4_samples.Samples
    text: bytes = b""
    blob: int = 0


@dataclass(slots=True)
class Movie:
    """What is kept of a movie box."""

    header: bytes
    tracks: list[Track]
    extends: list[Box]

    @property
    def numbers(self) -> set[int]:
        """The ids of the kept tracks."""
        return {track.number for track in self.tracks}


def read(moov: memoryview, job: Job) -> Movie:
    """Read a movie box."""
    packed = first(moov, b"cmov")
    if packed is not None:
        moov = _unpacked(packed)
    header, found, extends = b"", [], []
    for part in boxes(moov):
        if part.kind == b"mvhd":
            header = _timeless(part)
        elif part.kind == b"trak":
            found.append(part.body)
        elif part.kind == b"mvex":
            extends = list(boxes(part.body))
        elif part.kind not in {b"free", b"skip"}:
            job.dropped(_NAMES.get(part.kind, "movie box"))
    if not header:
        raise CannotClean("damaged: a movie without its header")
    if len(found) > _MAX_TRACKS:
        raise CannotClean("too large: more than a thousand tracks")
    chapters = {number for body in found for number in _referred(body, b"chap")}
    tracks = [track for body in found if (track := _track(body, chapters, job)) is not None]
    if len({track.number for track in tracks}) != len(tracks):
        raise CannotClean("damaged: two tracks of one number")
    return Movie(header, tracks, extends)


_NAMES: Final = {
    b"udta": "user data",
    b"meta": "tags",
    b"uuid": "private box",
    b"iods": "object descriptor",
    b"pssh": "keys",
}


def _unpacked(cmov: memoryview) -> memoryview:
    """Return what QuickTime packed: a movie box in zlib."""
    content = first(cmov, b"cmvd")
    if content is None or bytes(first(cmov, b"dcom") or b"") != b"zlib":
        raise CannotClean("packed in an unknown way")
    unpacker = zlib.decompressobj()
    try:
        whole = unpacker.decompress(bytes(content[4:]), _MOST_UNPACKED)
    except zlib.error as error:
        raise CannotClean("damaged: packed tables cannot be unpacked") from error
    inner = first(memoryview(whole), b"moov")
    if inner is None or unpacker.unconsumed_tail:
        raise CannotClean("damaged: packed tables cannot be unpacked")
    return inner


def _timeless(part: Box, fixed: int | None = None) -> bytes:
    """Return a header box with its times of making and changing at nought."""
    long = version(part.body) == 1
    start = 20 if long else 12
    size = (start + {b"mvhd": 88, b"tkhd": 72, b"mdhd": 12}[part.kind] + (4 if long else 0)) if fixed is None else fixed
    if len(part.body) < size:
        raise CannotClean("damaged: a header is cut short")
    return box(part.kind, part.body[:4], bytes(start - 4), part.body[start:size])


def _referred(trak: memoryview, kind: bytes) -> list[int]:
    tref = first(trak, b"tref")
    return _numbers(first(tref, kind)) if tref is not None else []


def _numbers(body: memoryview | None) -> list[int]:
    return [] if body is None else [int.from_bytes(body[at : at + 4]) for at in range(0, len(body) - 3, 4)]


def _path(body: memoryview, *kinds: bytes) -> memoryview:
    for kind in kinds:
        inner = first(body, kind)
        if inner is None:
            raise CannotClean("damaged: a track lacks a box")
        body = inner
    return body


def _track(trak: memoryview, chapters: set[int], job: Job) -> Track | None:
    tkhd = _path(trak, b"tkhd")
    at = 20 if version(tkhd) == 1 else 12
    number = int.from_bytes(tkhd[at : at + 4])
    handler = bytes(_path(trak, b"mdia", b"hdlr")[8:12])
    stbl = _path(trak, b"mdia", b"minf", b"stbl")
    stsd = _path(stbl, b"stsd")
    described, text = b"", b""
    if number in chapters:
        what = "chapters"
    elif _referred(trak, b"thmb"):
        what = "thumbnail"
    elif not _lies_here(trak):
        what = "track in another file"
    elif handler in _TEXT_HANDLERS:
        described, text = _text_entry(stsd)
        what = "subtitle track"
    else:
        described = mp4_entries.entries(stsd, handler, job)
        what = _OTHERS.get(handler, "track")
    if not described:
        job.dropped(what)
        return None
    return Track(number, trak, described, mp4_samples.read(stbl, job), text)


def _text_entry(stsd: memoryview) -> tuple[bytes, bytes]:
    """Return the cleaned description of a text track and its kind; none where there are several, or its kind is unknown."""
    found = list(boxes(stsd[8:]))
    entry = mp4_text.text_entry(found[0]) if len(found) == 1 else None
    return (box(b"stsd", bytes(4), b"\0\0\0\1", entry), found[0].kind) if entry else (b"", b"")


def _lies_here(trak: memoryview) -> bool:
    dinf = first(_path(trak, b"mdia", b"minf"), b"dinf")
    dref = first(dinf, b"dref") if dinf is not None else None
    return dref is None or all(bytes(entry.body[3:4]) == b"\1" for entry in boxes(dref[8:]))


def choose(movie: Movie, ranges: ByteRanges, source: BinaryIO, job: Job) -> None:
    """Keep the bytes of the tracks' samples, and write the samples of text tracks anew."""
    others = np.sort(np.concatenate([track.samples.chunks for track in movie.tracks] or [np.zeros(0, np.int64)]))
    for track in movie.tracks:
        samples = track.samples
        if not track.text:
            sizes = samples.chunk_sizes()
            if _is_sound(track.box):
                entry = next(boxes(_path(track.box, b"mdia", b"minf", b"stbl", b"stsd")[8:]))
                sizes = mp4_samples.sound_chunk_sizes(samples, entry, others)
            ranges.keep(samples.chunks, sizes)
            continue
        starts, sizes = samples.each(job.limits.max_record_bytes)
        # Asked of ranges of their own: what is written anew is not copied, but must lie where content belongs.
        ByteRanges(ranges.stores).keep(starts, sizes)
        old = []
        for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
            source.seek(start)
            old.append(source.read(size))
        new = mp4_text.rewrite(track.text, old, job)
        track.blob = ranges.add(b"".join(new))
        track.samples = mp4_samples.rewritten(samples, [len(sample) for sample in new])


def _is_sound(trak: memoryview) -> bool:
    return bytes(_path(trak, b"mdia", b"hdlr")[8:12]) == b"soun"


def written(movie: Movie, ranges: ByteRanges, base: int, *, wide: bool) -> bytes:
    """Return the movie box for samples that lie from `base` on."""
    tracks = []
    for track in movie.tracks:
        chunks = track.samples.chunks
        places = chunks + ranges.pieces_at + track.blob if track.text else ranges.place(chunks)
        tracks.append(_written_track(track, places + base, movie.numbers, wide=wide))
    return box(b"moov", movie.header, *tracks, _extends(movie))


def _written_track(track: Track, places: Places, numbers: set[int], *, wide: bool) -> bytes:
    stbl = mp4_samples.written(track.samples, track.stsd, places, wide=wide)
    out: list[bytes] = []
    for part in boxes(track.box):
        if part.kind == b"tkhd":
            out.append(_timeless(part))
        elif part.kind == b"edts":
            out.append(_edits(part.body))
        elif part.kind == b"tref":
            out.append(_references(part.body, numbers))
        elif part.kind == b"tapt":
            out.append(box(b"tapt", *(box(*size) for size in boxes(part.body) if size.kind in {b"clef", b"prof"})))
        elif part.kind == b"mdia":
            out.append(_media(part.body, stbl))
    return box(b"trak", *out)


def _edits(edts: memoryview) -> bytes:
    elst = first(edts, b"elst")
    return b"" if elst is None else box(b"edts", box(b"elst", table(elst, 20 if version(elst) == 1 else 12)))


def _references(tref: memoryview, numbers: set[int]) -> bytes:
    kept = []
    for part in boxes(tref):
        known = [struct.pack(">I", number) for number in _numbers(part.body) if number in numbers]
        if part.kind in _REFERENCES and known:
            kept.append(box(part.kind, *known))
    return box(b"tref", *kept) if kept else b""


def _media(mdia: memoryview, stbl: bytes) -> bytes:
    out: list[bytes] = []
    for part in boxes(mdia):
        if part.kind == b"mdhd":
            out.append(_timeless(part))
        elif part.kind == b"hdlr":
            out.append(handler(part.body))
        elif part.kind == b"minf":
            out.append(_information(part.body, stbl))
    return box(b"mdia", *out)


def handler(hdlr: memoryview) -> bytes:
    """Return a handler box with the kind of handler and no name."""
    role = bytes(hdlr[4:8])
    return box(b"hdlr", bytes(4), role if role in {b"mhlr", b"dhlr"} else bytes(4), hdlr[8:12], bytes(13))


def _information(minf: memoryview, stbl: bytes) -> bytes:
    out: list[bytes] = []
    for part in boxes(minf):
        if part.kind in _MEDIA_HEADERS:
            out.append(box(part.kind, part.body[: _MEDIA_HEADERS[part.kind]]))
        elif part.kind == b"gmhd":
            inner = [
                box(piece.kind, piece.body[: _GENERAL[piece.kind]])
                for piece in boxes(part.body)
                if piece.kind in _GENERAL
            ]
            out.append(box(b"gmhd", *inner))
        elif part.kind == b"hdlr":
            out.append(handler(part.body))
        elif part.kind == b"dinf":
            dref = first(part.body, b"dref")
            count = min(int.from_bytes(dref[4:8]), 255) if dref is not None else 1
            here = box(b"url ", b"\0\0\0\1")
            out.append(box(b"dinf", box(b"dref", bytes(4), struct.pack(">I", count), *[here] * count)))
    return box(b"minf", *out, stbl)


_MEDIA_HEADERS: Final = {b"vmhd": 12, b"smhd": 8, b"nmhd": 4, b"sthd": 4}
_GENERAL: Final = {b"gmin": 16, b"text": 36}


def _extends(movie: Movie) -> bytes:
    """Return the box that says fragments follow, for the kept tracks."""
    out = []
    for part in movie.extends:
        if part.kind == b"mehd":
            out.append(box(b"mehd", part.body[: 12 if version(part.body) == 1 else 8]))
        elif part.kind == b"trex" and int.from_bytes(part.body[4:8]) in movie.numbers:
            out.append(box(b"trex", part.body[:24]))
    return box(b"mvex", *out) if movie.extends else b""
