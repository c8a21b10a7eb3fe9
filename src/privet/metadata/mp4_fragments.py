"""Fragments of MP4: each `moof` box with the samples it points at, one behind the other, for the tracks that are kept.

Invariants:

- A fragment is followed by its own samples and no others; every run says where its samples are, counted from its own fragment.
- Clocks, event messages, indexes and boxes of other tracks are not written.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import numpy as np

from privet.metadata import mp4_text
from privet.metadata.byte_ranges import ByteRanges
from privet.metadata.isobmff import Part, box, boxes, first, loaded, long_header, table, version
from privet.metadata.job import CannotClean, Job
from privet.metadata.mp4_movie import Movie

_BASE, _DURATION, _SIZE, _MOOF = 0x1, 0x8, 0x10, 0x20000
_TFHD: Final = ((0x1, 8), (0x2, 4), (0x8, 4), (0x10, 4), (0x20, 4))
_OFFSET, _FIRST_FLAGS, _SIZES = 0x1, 0x4, 0x200
_COLUMNS: Final = (0x100, 0x200, 0x400, 0x800)
_GROUPINGS: Final = frozenset(b"roll|rap |sync|prol|tele|sap ".split(b"|"))


@dataclass(slots=True)
class _Run:
    """A run of samples: its version and flags and records, where its samples lay, and how many bytes they are."""

    form: int
    flags: int
    first_flags: bytes
    records: memoryview
    count: int
    start: int
    size: int
    sizes: list[int]
    piece: int = -1

    def written(self, offset: int) -> bytes:
        if not -(2**31) <= offset < 2**31:
            raise CannotClean("too large: a fragment over 2 GiB")
        flags = struct.pack(">I", self.form << 24 | self.flags | _OFFSET)
        return box(b"trun", flags, struct.pack(">Ii", self.count, offset), self.first_flags, self.records)


@dataclass(slots=True)
class _Traf:
    head: bytes
    rest: list[bytes] = field(default_factory=list)
    runs: list[_Run] = field(default_factory=list)


def copy(source: BinaryIO, target: BinaryIO, part: Part, movie: Movie, ranges: ByteRanges, job: Job) -> None:
    """Write a fragment and its samples."""
    moof = loaded(source, part)
    kinds = {track.number: track.text for track in movie.tracks}
    defaults = {
        int.from_bytes(box_.body[4:8]): int.from_bytes(box_.body[16:20])
        for box_ in movie.extends
        if box_.kind == b"trex"
    }
    trafs: list[_Traf] = []
    end = part.start
    for inner in boxes(moof):
        if inner.kind != b"traf":
            continue
        head = first(inner.body, b"tfhd")
        if head is None or len(head) < 8:
            raise CannotClean("damaged: a fragment without its header")
        number = int.from_bytes(head[4:8])
        traf, end = _read(inner.body, head, part.start, end, defaults.get(number, 0))
        if number in kinds:
            _choose(traf, kinds[number], source, ranges, job)
            trafs.append(traf)
    if not trafs:
        return
    sequence = first(moof, b"mfhd")
    if sequence is None:
        raise CannotClean("damaged: a fragment without its header")
    size = len(_written(sequence, trafs, ranges, 0))
    store = long_header(b"mdat", ranges.size)
    target.write(_written(sequence, trafs, ranges, size + len(store)))
    target.write(store)
    ranges.write(source, target)


def _read(traf: memoryview, tfhd: memoryview, moof: int, previous: int, default: int) -> tuple[_Traf, int]:
    """Return a track's part of a fragment, and where its samples end."""
    flags = int.from_bytes(tfhd[1:4])
    at, fields = 8, {}
    for flag, size in _TFHD:
        if flags & flag:
            fields[flag] = bytes(tfhd[at : at + size])
            at += size
    if at > len(tfhd):
        raise CannotClean("damaged: a fragment's header is cut short")
    base = int.from_bytes(fields.pop(_BASE)) if flags & _BASE else moof if flags & _MOOF else previous
    if _SIZE in fields:
        default = int.from_bytes(fields[_SIZE])
    kept = (flags & ~_BASE | _MOOF) & 0x30038 | flags & 0x2
    out = _Traf(box(b"tfhd", struct.pack(">I", kept), tfhd[4:8], *fields.values()))
    end = base
    for part in boxes(traf):
        if part.kind == b"trun":
            run = _run(part.body, base, end, default)
            out.runs.append(run)
            end = run.start + run.size
        elif part.kind == b"tfdt":
            out.rest.append(box(b"tfdt", part.body[: 12 if version(part.body) == 1 else 8]))
        elif part.kind in {b"sbgp", b"sgpd"} and bytes(part.body[4:8]) in _GROUPINGS:
            out.rest.append(box(*part))
        elif part.kind in {b"senc", b"saiz", b"saio"}:
            raise CannotClean("encrypted")
    return out, end


def _run(body: memoryview, base: int, end: int, default: int) -> _Run:
    if len(body) < 8:
        raise CannotClean("damaged: a run of samples is cut short")
    form, flags, count = body[0], int.from_bytes(body[1:4]) & 0xF05, int.from_bytes(body[4:8])
    at = 8
    start = end
    if flags & _OFFSET:
        start = base + int.from_bytes(body[at : at + 4], signed=True)
        at += 4
    first_flags = bytes(body[at : at + 4]) if flags & _FIRST_FLAGS else b""
    at += len(first_flags)
    columns = [flag for flag in _COLUMNS if flags & flag]
    records = table(body[at:], 4 * len(columns), head=0, count=count)
    if _SIZES in columns:
        rows = np.frombuffer(records, ">u4").reshape(count, len(columns))
        sizes = rows[:, columns.index(_SIZES)].tolist()
        total = sum(sizes)
    else:
        sizes, total = [], count * default
    if start < 0 or total >= 2**62:
        raise CannotClean("truncated: content lies outside the file or where none belongs")
    return _Run(form, flags, first_flags, records, count, start, total, sizes)


def _choose(traf: _Traf, text: bytes, source: BinaryIO, ranges: ByteRanges, job: Job) -> None:
    for run in traf.runs:
        if not text:
            ranges.keep([run.start], [run.size])
            continue
        if run.size > job.limits.max_record_bytes or run.count > job.limits.max_record_bytes // 8:
            raise CannotClean("too large: a text track with too many bytes")
        ByteRanges(ranges.stores).keep([run.start], [run.size])
        source.seek(run.start)
        each = run.size // run.count if run.count else 0
        old = [source.read(size) for size in run.sizes or [each] * run.count]
        new = mp4_text.rewrite(text, old, job)
        run.piece = ranges.add(b"".join(new))
        _resize(run, [len(sample) for sample in new])


def _resize(run: _Run, sizes: list[int]) -> None:
    """Give a run samples of new sizes."""
    columns = [flag for flag in _COLUMNS if run.flags & flag]
    rows = np.frombuffer(run.records, ">u4").reshape(run.count, len(columns))
    if _SIZES not in columns:
        at = sum(flag < _SIZES for flag in columns)
        rows = np.insert(rows, at, 0, axis=1)
        columns.insert(at, _SIZES)
    rows = rows.copy()
    rows[:, columns.index(_SIZES)] = sizes
    run.flags |= _SIZES
    run.records = memoryview(rows.astype(">u4").tobytes())


def _written(sequence: memoryview, trafs: list[_Traf], ranges: ByteRanges, base: int) -> bytes:
    out = []
    for traf in trafs:
        runs = []
        for run in traf.runs:
            at = ranges.pieces_at + run.piece if run.piece >= 0 else int(ranges.place([run.start])[0])
            runs.append(run.written(at + base))
        out.append(box(b"traf", traf.head, *traf.rest, *runs))
    return box(b"moof", box(b"mfhd", sequence[:8]), *out)
