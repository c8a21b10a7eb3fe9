"""The directories of a TIFF, and where the strips and tiles of its pages lie.

Invariants: what is read of the directories is bounded for the whole file, so directories that overlap or go in circles cost no more than
honest ones; a tag with more or fewer values than it should have says nothing.

Source: TIFF 6.0; BigTIFF; libtiff for what readers tolerate.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple

from privet.metadata import tiff_tags as tags
from privet.metadata.job import CannotClean, Job
from privet.metadata.window import size_of

_MAX_ENTRIES: Final = 1024
_MAX_VALUES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Field:
    """A tag's type, how many values it has, and their bytes."""

    kind: int
    count: int
    raw: bytes


@dataclass(slots=True)
class Page:
    """One directory: the tags that matter."""

    fields: dict[int, Field]
    order: str
    what: list[str] = field(default_factory=list)
    """what its directory holds beside the picture"""

    def integers(self, tag: int) -> tuple[int, ...]:
        """Return a tag's values; nothing where it is missing or of another kind."""
        found = self.fields.get(tag)
        if found is None or found.kind not in tags.INTEGERS:
            return ()
        return struct.unpack(f"{self.order}{found.count}{tags.INTEGERS[found.kind]}", found.raw)

    def integer(self, tag: int, default: int) -> int:
        """Return a tag's first value, or the default where it has none."""
        values = self.integers(tag)
        return values[0] if values else default


class Part(NamedTuple):
    """A strip or a tile."""

    offset: int
    length: int
    expected: int | None
    """bytes of its rows, where that can be told"""


class Reader:
    """The directories of a file."""

    def __init__(self, source: BinaryIO, job: Job, *, also: frozenset[int] = frozenset()) -> None:
        self.source = source
        self._also = also
        self.size = size_of(source)
        self._limits = job.limits
        self._left = _MAX_VALUES
        head = source.read(16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None or len(head) < 8:
            raise CannotClean("not a tiff")
        self.order = order
        (magic,) = struct.unpack(order + "H", head[2:4])
        if magic == 43 and len(head) == 16 and struct.unpack(order + "HH", head[4:8]) == (8, 0):
            self.big = True
            (self._first,) = struct.unpack(order + "Q", head[8:16])
        elif magic == 42:
            self.big = False
            (self._first,) = struct.unpack(order + "I", head[4:8])
        else:
            raise CannotClean("not a tiff, or camera raw")
        self.camera = head[8:10] == b"CR" and not self.big

    def pages(self) -> list[Page]:
        """Return the directories of the chain."""
        pages: list[Page] = []
        seen: set[int] = set()
        at = self._first
        while at and at not in seen and len(pages) < self._limits.max_members:
            seen.add(at)
            found = self._directory(at)
            if found is None:
                # A broken link behind a page costs no reader that page.
                break
            page, at = found
            pages.append(page)
        if not pages:
            raise CannotClean("damaged: the first directory")
        return pages

    def sub_directories(self, page: Page) -> list[Page]:
        """Return the directories that a page points to."""
        found = [self._directory(at) for at in page.integers(tags.SUB_DIRECTORIES)[:64]]
        return [each[0] for each in found if each]

    def _directory(self, at: int) -> tuple[Page, int] | None:
        count_format, entry_size, next_format = ("Q", 20, "Q") if self.big else ("H", 12, "I")
        width = struct.calcsize(count_format)
        head = self.read(at, width)
        if len(head) < width:
            return None
        (count,) = struct.unpack(self.order + count_format, head)
        if not 0 < count <= _MAX_ENTRIES:
            return None
        self._pay(count)
        entries = self.read(at + width, count * entry_size + struct.calcsize(next_format))
        page = Page({}, self.order)
        for place in range(0, min(count * entry_size, len(entries) - entry_size + 1), entry_size):
            self._entry(page, entries[place : place + entry_size])
        rest = entries[count * entry_size :]
        following = struct.unpack(self.order + next_format, rest)[0] if len(rest) == struct.calcsize(next_format) else 0
        return page, following

    def _entry(self, page: Page, entry: bytes) -> None:
        tag, kind, count = struct.unpack_from(self.order + ("HHQ" if self.big else "HHI"), entry)
        if tag not in tags.KEPT and tag not in tags.SPECIAL and tag not in self._also:
            page.what.append(tags.NAMES.get(tag, "tag"))
            return
        if tag in (tags.PROFILE, tags.SUB_DIRECTORIES):
            page.what.append(tags.NAMES[tag])
        if (
            tag in page.fields
            or kind not in tags.SIZES
            or not count
            or tags.KEPT.get(tag, tags.BY_SAMPLE) not in (count, tags.BY_SAMPLE)
        ):
            # Readers pass over a tag that has more or fewer values than it should.
            return
        if tag in tags.KEPT:
            count = min(count, 64)
        length = count * tags.SIZES[kind]
        inline = entry[12:] if self.big else entry[8:]
        if length <= len(inline):
            raw = inline[:length]
        else:
            (offset,) = struct.unpack(self.order + ("Q" if self.big else "I"), inline)
            if offset + length > self.size:
                return
            self._pay(length // 8)
            raw = self.read(offset, length)
        if len(raw) == length:
            page.fields[tag] = Field(kind, count, raw)

    def _pay(self, values: int) -> None:
        """Count what is read, so that directories that overlap cost no more than honest ones."""
        self._left -= values
        if self._left < 0:
            raise CannotClean("too many values in the directories")

    def read(self, at: int, length: int) -> bytes:
        """Return bytes of the source, fewer where it ends before."""
        if at >= self.size:
            return b""
        self.source.seek(at)
        return self.source.read(min(length, self.size - at))


def layout(page: Page, compression: int, samples: int, size: int, *, tiled: bool) -> list[Part]:
    """Return the strips or tiles of a page, in their order."""
    offsets = page.integers(tags.TILES if tiled else tags.STRIPS) or page.integers(tags.STRIPS)
    lengths = page.integers(tags.TILE_COUNTS if tiled else tags.STRIP_COUNTS) or page.integers(tags.STRIP_COUNTS)
    if not offsets:
        raise CannotClean("no picture: no strip or tile")
    rows = _row_counts(page, len(offsets), samples, tiled=tiled)
    parts: list[Part] = []
    for index, offset in enumerate(offsets):
        expected = rows[index] if index < len(rows) else None
        length = lengths[index] if index < len(lengths) else 0
        if compression == tags.RAW and expected and offset:
            # Readers take the rows from where they begin, whatever length is written down.
            length = expected if offset + expected <= size else length
        elif not lengths:
            raise CannotClean("damaged: the lengths of the strips are missing")
        if length and offset and offset + length > size:
            raise CannotClean("truncated: a strip or tile ends behind the file")
        parts.append(Part(offset, length, expected))
    return parts


def _row_counts(page: Page, count: int, samples: int, *, tiled: bool) -> list[int]:
    """Return the bytes of each strip's or tile's rows before compression; nothing where that is not simple."""
    width, height = page.integer(tags.WIDTH, 0), page.integer(tags.HEIGHT, 0)
    bits = (page.integers(tags.BITS) or (1,)) + (page.integers(tags.BITS) or (1,))[-1:] * samples
    if page.integer(tags.DEPTH, 1) != 1 or not width or not height:
        return []
    planes = samples if page.integer(tags.PLANAR, 1) == 2 else 1
    if tiled:
        width, rows_per = page.integer(tags.TILE_WIDTH, 0), page.integer(tags.TILE_HEIGHT, 0)
        per_plane = count // planes
        heights = [rows_per] * per_plane
    else:
        rows_per = min(page.integer(tags.ROWS, height), height) or height
        per_plane = -(-height // rows_per)
        if per_plane * planes > count:
            return []
        heights = [min(rows_per, height - rows_per * index) for index in range(per_plane)]
    if page.integer(tags.PHOTOMETRIC, 0) == 6 and planes == 1:
        across, down = (*page.integers(tags.SUBSAMPLING), 2, 2)[:2]
        if not across or not down:
            return []
        return [-(-width // across) * -(-rows // down) * (across * down + 2) for rows in heights]
    row_bits = [width * sum(bits[:samples])] if planes == 1 else [width * each for each in bits[:samples]]
    return [(each + 7) // 8 * rows for each in row_bits for rows in heights]
