"""Sample tables of a track: which bytes of the file are its samples, and the tables written anew.

Invariants:

- No array is made by a count that a file claims: each is as long as the box that holds it.
- Tables of time and of key frames are kept bit for bit, and cut where they end.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np

from privet.metadata.byte_ranges import Places, as_places
from privet.metadata.isobmff import Box, box, boxes, table, version
from privet.metadata.job import CannotClean, Job
from privet.metadata.mp4_entries import sound_bytes

# Bytes an entry, of the tables that are kept as they are.
_TABLES: Final = {b"stts": 8, b"ctts": 8, b"stss": 4, b"stsh": 8, b"stps": 4}
_GROUPINGS: Final = frozenset(b"roll|rap |sync|prol|tele|sap |tscl|tsas|stsa|tsal".split(b"|"))


@dataclass(slots=True, frozen=True)
class Samples:
    """Where the samples of a track lie. `sizes` is one number for all, or one each."""

    sizes: int | Places
    count: int
    chunks: Places
    per_chunk: Places
    kept: list[bytes]
    stsz: bytes
    stsc: bytes

    def chunk_sizes(self) -> Places:
        """Return the bytes of each chunk."""
        if isinstance(self.sizes, int):
            if self.sizes > 2**40 // max(1, int(self.per_chunk.max(initial=0))):
                raise CannotClean("truncated: content lies outside the file or where none belongs")
            return self.per_chunk * self.sizes
        upto = np.concatenate(([0], np.cumsum(self.sizes)))
        return np.diff(upto[self._bounds()])

    def _bounds(self) -> Places:
        return np.minimum(np.concatenate(([0], np.cumsum(self.per_chunk))), self.count)

    def each(self, most_bytes: int) -> tuple[Places, Places]:
        """Return the start and the size of every sample; more bytes or samples than `most_bytes` are refused."""
        if self.count > most_bytes // 8:
            raise CannotClean("too large: a text track with too many samples")
        sizes = np.full(self.count, self.sizes, np.int64) if isinstance(self.sizes, int) else self.sizes
        if int(sizes.sum()) > most_bytes:
            raise CannotClean("too large: a text track with too many bytes")
        bounds = self._bounds()
        counts = np.diff(bounds)
        if int(bounds[-1]) != self.count:
            raise CannotClean("damaged: samples without a place")
        upto = np.concatenate(([0], np.cumsum(sizes)))
        return np.repeat(self.chunks - upto[bounds[:-1]], counts) + upto[:-1], sizes


def read(stbl: memoryview, job: Job) -> Samples:
    """Read the tables in a `stbl` box."""
    found: dict[bytes, memoryview] = {}
    kept: list[bytes] = []
    for part in boxes(stbl):
        if part.kind in found:
            continue
        found[part.kind] = part.body
        if part.kind in _TABLES:
            kept.append(box(part.kind, table(part.body, _TABLES[part.kind])))
        elif part.kind in {b"sbgp", b"sgpd"} and bytes(part.body[4:8]) in _GROUPINGS:
            kept.append(box(part.kind, part.body))
            del found[part.kind]
        elif part.kind == b"cslg":
            kept.append(box(part.kind, part.body[: 44 if version(part.body) == 1 else 24]))
        elif part.kind in {b"saiz", b"saio", b"senc"}:
            raise CannotClean("encrypted")
        elif part.kind not in {b"stsd", b"stsz", b"stz2", b"stsc", b"stco", b"co64", b"sdtp"}:
            job.dropped("sample table")
    count, sizes, stsz = _sizes(found)
    if b"sdtp" in found and len(found[b"sdtp"]) >= 4 + count:
        kept.append(box(b"sdtp", found[b"sdtp"][: 4 + count]))
    chunks = _chunks(found)
    if not len(chunks):
        count = 0
    stsc = table(found[b"stsc"], 12) if b"stsc" in found else memoryview(bytes(8))
    return Samples(sizes, count, chunks, _per_chunk(stsc, len(chunks)), kept, stsz, box(b"stsc", stsc))


def _sizes(found: dict[bytes, memoryview]) -> tuple[int, int | Places, bytes]:
    body = found.get(b"stsz")
    if body is not None and len(body) >= 12:
        size, count = struct.unpack_from(">II", body, 4)
        body = table(body, 0 if size else 4, head=12)
        return count, size or as_places(np.frombuffer(body[12:], ">u4")), box(b"stsz", body)
    body = found.get(b"stz2")
    if body is None or len(body) < 12:
        raise CannotClean("damaged: a track without sample sizes")
    bits, count = body[7], int.from_bytes(body[8:12])
    if bits not in {4, 8, 16}:
        raise CannotClean("damaged: sample sizes of an unknown width")
    body = table(body, 1, head=12, count=(count * bits + 7) // 8)
    if bits == 4:
        pairs = np.frombuffer(body[12:], np.uint8)
        sizes = np.stack((pairs >> 4, pairs & 15), axis=1).reshape(-1)[:count]
    else:
        sizes = np.frombuffer(body[12:], ">u1" if bits == 8 else ">u2")
    return count, as_places(sizes), box(b"stz2", body)


def _chunks(found: dict[bytes, memoryview]) -> Places:
    if b"co64" in found:
        return as_places(np.frombuffer(table(found[b"co64"], 8)[8:], ">u8"))
    if b"stco" in found:
        return as_places(np.frombuffer(table(found[b"stco"], 4)[8:], ">u4"))
    raise CannotClean("damaged: a track without chunks")


def _per_chunk(stsc: memoryview, chunks: int) -> Places:
    """Return how many samples each chunk has."""
    runs = np.frombuffer(stsc[8:], ">u4").reshape(-1, 3).astype(np.int64)
    if not len(runs):
        if chunks:
            raise CannotClean("damaged: chunks without samples")
        return np.zeros(0, np.int64)
    starts = np.minimum(runs[:, 0] - 1, chunks)
    if starts[0] != 0 or (np.diff(starts) < 0).any():
        raise CannotClean("damaged: chunks out of order")
    return as_places(np.repeat(runs[:, 1], np.diff(np.concatenate((starts, [chunks])))))


def sound_chunk_sizes(samples: Samples, entry: Box, others: Places) -> Places:
    """Return the bytes of each chunk of a sound track in which all samples have one size.

    QuickTime counts a sample of sound as one byte, or as one moment of all channels, whatever its true size; the description says
    how many bytes a moment takes. A chunk is never taken to reach into the next one of any track (`others`, sorted).
    """
    plain = samples.chunk_sizes()
    if not isinstance(samples.sizes, int) or len(entry.body) < sound_bytes(entry.body):
        return plain
    form, channels, bits = struct.unpack_from(">H6xHH", entry.body, 8)
    packet, frame = (struct.unpack_from(">I4xI", entry.body, 28)) if form == 1 else (0, 0)
    if form == 1 and packet and frame:
        wanted = samples.per_chunk // packet * frame
    elif form == 2:
        wanted = samples.per_chunk * int.from_bytes(entry.body[56:60])
    else:
        wanted = samples.per_chunk * (channels * _bits(entry.kind, bits) // 8)
    following = np.searchsorted(others, samples.chunks, side="right")
    room = np.append(others, [2**62])[following] - samples.chunks
    if form == 1 and packet and frame and samples.sizes == 1:
        # Coded sound counted in moments: the chunk is shorter than its moments are many.
        return as_places(np.minimum(wanted, room))
    return as_places(np.maximum(plain, np.minimum(wanted, room)))


def _bits(kind: bytes, bits: int) -> int:
    known = {b"in24": 24, b"in32": 32, b"fl32": 32, b"fl64": 64, b"ulaw": 8, b"alaw": 8, b"sowt": 16, b"twos": 16}
    if kind in {b"raw ", b"NONE", b"sowt", b"twos"} and bits in {8, 16, 24, 32}:
        return bits
    return known.get(kind, 0)


def written(samples: Samples, stsd: bytes, chunks: Places, *, wide: bool) -> bytes:
    """Return the `stbl` box with the chunks at their new places."""
    kind, width = (b"co64", ">u8") if wide else (b"stco", ">u4")
    places = box(kind, bytes(4), struct.pack(">I", len(chunks)), chunks.astype(width).tobytes())
    return box(b"stbl", stsd, *samples.kept, samples.stsc, samples.stsz, places)


def rewritten(samples: Samples, sizes: list[int]) -> Samples:
    """Return the tables of a track whose samples were written anew, one behind the other."""
    count = len(sizes)
    stsz = box(b"stsz", struct.pack(">III", 0, 0, count), np.array(sizes, ">u4").tobytes())
    chunks = np.zeros(1 if count else 0, np.int64)
    per_chunk = np.full(len(chunks), count, np.int64)
    stsc = box(b"stsc", struct.pack(">II", 0, len(chunks)), struct.pack(">III", 1, count, 1) if count else b"")
    return Samples(np.array(sizes, np.int64), count, chunks, per_chunk, samples.kept, stsz, stsc)
