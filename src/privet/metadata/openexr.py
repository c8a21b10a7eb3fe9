"""OpenEXR: what the samples mean, and the samples.

Invariants: chunks of samples come out bit for bit; of the attributes only those that reading and showing the samples takes are kept: no
owner, comments, dates, cameras, lenses, places, preview and private attributes; names of parts are numbers; bytes between and behind the
chunks are left out.

Source: OpenEXR File Layout.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import numpy as np

from privet.metadata.byte_ranges import ByteRanges, Places, stores_of
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.window import size_of

MAGIC: Final = b"v/1\x01"
_TILED, _LONG, _DEEP, _PARTS = 0x200, 0x400, 0x800, 0x1000
_KNOWN: Final = 0x1E00
_KEPT: Final = {
    b"channels": b"chlist", b"compression": b"compression", b"dataWindow": b"box2i", b"displayWindow": b"box2i",
    b"lineOrder": b"lineOrder", b"pixelAspectRatio": b"float", b"screenWindowCenter": b"v2f", b"screenWindowWidth": b"float",
    b"tiles": b"tiledesc", b"chromaticities": b"chromaticities", b"adoptedNeutral": b"v2f", b"whiteLuminance": b"float",
    b"envmap": b"envmap", b"type": b"string", b"version": b"int", b"chunkCount": b"int", b"maxSamplesPerPixel": b"int",
    b"dwaCompressionLevel": b"float",
}  # fmt: skip
_SIZES: Final = {
    b"compression": 1, b"box2i": 16, b"lineOrder": 1, b"float": 4, b"v2f": 8, b"tiledesc": 9, b"chromaticities": 32, b"envmap": 1,
    b"int": 4,
}  # fmt: skip
_ROWS: Final = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
# A name, then sixteen bytes of what its samples are.
_NAME: Final = re.compile(rb"([^\0]+)\0[\0-\xff]{16}")
_TYPES: Final = (b"scanlineimage", b"tiledimage", b"deepscanline", b"deeptile")
_MAX_HEADER: Final = 16 * MIB
_MAX_ATTRIBUTES: Final = 10_000
_MAX_PARTS: Final = 1000
_MAX_CHUNKS: Final = 8_000_000


@dataclass(slots=True)
class _Part:
    kept: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)

    def value(self, name: bytes) -> bytes:
        found = self.kept.get(name)
        if found is None:
            raise CannotClean("damaged: the header")
        return found[1]


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the samples without metadata.

    Raises:
        CannotClean: no OpenEXR, damaged, or cut off.

    """
    size = size_of(source)
    head = source.read(min(_MAX_HEADER, size))
    if len(head) < 8 or head[:4] != MAGIC or head[4] != 2:
        raise CannotClean("not an openexr picture")
    flags = int.from_bytes(head[4:8], "little")
    at = 8
    parts: list[_Part] = []
    while len(parts) < _MAX_PARTS:
        part, at = _header(head, at, job)
        if not part.kept:
            break
        parts.append(part)
        if not flags & _PARTS:
            break
    if not parts:
        raise CannotClean("damaged: the header")
    counts = [_count(part, bool(flags & _TILED and not flags & _PARTS)) for part in parts]
    if sum(counts) > min(_MAX_CHUNKS, size // 8):
        raise CannotClean("truncated: the table of chunks")
    source.seek(at)
    table = source.read(8 * sum(counts))
    if len(table) < 8 * sum(counts):
        raise CannotClean("truncated: the table of chunks")
    places = np.frombuffer(table, "<u8")
    at += 8 * len(places)
    if (places > size).any() or (places < at).any():
        raise CannotClean("truncated: a chunk is missing")
    ranges = _write(source, target, flags, parts, counts, places.astype(np.int64), size)
    if ranges.size < size - at:
        job.dropped("trailing bytes")


def _header(head: bytes, at: int, job: Job) -> tuple[_Part, int]:
    part = _Part()
    for _ in range(_MAX_ATTRIBUTES):
        end = head.find(b"\0", at, at + 256)
        name = head[at:end]
        if end == at:
            return part, at + 1
        stop = head.find(b"\0", end + 1, end + 257) if end > 0 else -1
        if stop < 0 or stop + 5 > len(head):
            break
        kind, size = head[end + 1 : stop], int.from_bytes(head[stop + 1 : stop + 5], "little")
        at = stop + 5 + size
        if at > len(head):
            break
        value = head[stop + 5 : at]
        if name == b"channels":
            _check_names(value, job)
        known = _KEPT.get(name) == kind and size == _SIZES.get(kind, size)
        if (known and not (name == b"type" and value not in _TYPES)) or (
            name == b"view" and kind == b"string" and value in (b"left", b"right")
        ):
            part.kept[name] = kind, value
        elif name != b"name":
            job.dropped("preview" if kind == b"preview" else "attribute")
    raise CannotClean("damaged: the header")


def _check_names(channels: bytes, job: Job) -> None:
    """Refuse channels that are named after someone: samples stand in the order of these names."""
    names = [name.decode("utf-8", "replace") for name in _NAME.findall(channels)]
    if job.rewrite(names, "channel") != names:
        raise CannotClean("a channel has a name that would have to give way")


def _count(part: _Part, tiled: bool) -> int:
    """Return how many chunks a part has."""
    if b"chunkCount" in part.kept:
        return int.from_bytes(part.value(b"chunkCount")[:4], "little")
    left, top, right, bottom = struct.unpack("<4i", part.value(b"dataWindow")[:16].ljust(16, b"\0"))
    width, height = right - left + 1, bottom - top + 1
    if width < 1 or height < 1 or width > 2**30 or height > 2**30:
        raise CannotClean("damaged: the size of the picture")
    if not tiled:
        rows: int = _ROWS.get(int.from_bytes(part.value(b"compression")[:1]), 1)
        return int(-(-height // rows))
    across, down, mode = struct.unpack("<IIB", part.value(b"tiles")[:9].ljust(9, b"\0"))
    if not across or not down:
        raise CannotClean("damaged: the size of a tile")
    return sum(-(-w // across) * -(-h // down) for w, h in _levels(width, height, mode & 15, up=bool(mode >> 4)))


def _levels(width: int, height: int, mode: int, *, up: bool) -> list[tuple[int, int]]:
    """Return the sizes of the smaller copies of a tiled picture, the picture itself first."""

    def halves(length: int) -> list[int]:
        found = [length]
        while found[-1] > 1:
            found.append((found[-1] + up) // 2)
        return found

    if mode == 0:
        return [(width, height)]
    across, down = halves(width), halves(height)
    if mode == 2:
        return [(w, h) for h in down for w in across]
    steps = max(len(across), len(down))
    return [(across[min(at, len(across) - 1)], down[min(at, len(down) - 1)]) for at in range(steps)]


def _chunk_sizes(source: BinaryIO, places: list[int], *, tiled: bool, deep: bool, numbered: bool) -> list[int]:
    """Return the length of each chunk; one whose place is nought is missing, and has none."""
    skip = (4 if numbered else 0) + (16 if tiled else 4)
    sizes: list[int] = []
    for place in places:
        if not place:
            sizes.append(0)
            continue
        source.seek(place + skip)
        raw = source.read(16 if deep else 4)
        if len(raw) < (16 if deep else 4):
            raise CannotClean("truncated: a chunk ends behind the file")
        packed = sum(struct.unpack("<QQ", raw)) if deep else int.from_bytes(raw, "little")
        sizes.append(skip + (24 if deep else 4) + packed)
    return sizes


def _write(
    source: BinaryIO, target: BinaryIO, flags: int, parts: list[_Part], counts: list[int], places: Places, size: int
) -> ByteRanges:
    many = bool(flags & _PARTS)
    ranges = ByteRanges(stores_of([(0, size)]))
    at = 0
    for part, count in zip(parts, counts, strict=True):
        kind = part.kept.get(b"type", (b"", b""))[1]
        # The flags decide, as only they do in files of one part; of many, each says what it is.
        tiled = b"tile" in kind if many or flags & _DEEP else bool(flags & _TILED)
        deep = kind.startswith(b"deep")
        own = places[at : at + count]
        ranges.keep(own, _chunk_sizes(source, own.tolist(), tiled=tiled, deep=deep, numbered=many))
        at += count
    target.write(MAGIC + ((flags & _KNOWN) | 2).to_bytes(4, "little"))
    for number, part in enumerate(parts):
        if many:
            part.kept[b"name"] = b"string", b"part %d" % (number + 1)
        for name, (kind, value) in sorted(part.kept.items()):
            target.write(name + b"\0" + kind + b"\0" + struct.pack("<I", len(value)) + value)
        target.write(b"\0")
    if many:
        target.write(b"\0")
    begin = target.tell() + 8 * len(places)
    target.write((ranges.place(places) + begin).astype("<u8").tobytes())
    ranges.write(source, target)
    return ranges
