"""The structure of a GIMP picture: header, properties that stay, layers, channels, and where their tiles are.

Invariants: every place is checked against the file; what is read of all parts together is bounded, so parts that point at one another cost
no more than honest ones.

Source: GIMP, devel-docs/xcf.txt.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

from privet.metadata.job import CannotClean, Job

_MAGIC: Final = re.compile(rb"gimp xcf (file|v0\d\d)\0")
_WIDE: Final = 11
_PRECISE: Final = 4
_NEWEST: Final = 17
_COLOURS, _COMPRESSION, _FLOATING, _PARASITES, _PATHS, _VECTORS = 1, 17, 5, 21, 23, 25
# Properties of fixed length: which layer is meant, how it is shown and joined with others, guides, resolution, unit.
_FIXED: Final = {
    2: 0, 3: 0, 4: 0, 6: 4, 7: 4, 8: 4, 9: 4, 10: 4, 11: 4, 12: 4, 13: 4, 14: 4, 15: 8, 16: 3, _COMPRESSION: 1, 19: 8, 22: 4, 28: 4, 29: 0,
    31: 4, 32: 4, 33: 4, 34: 4, 35: 4, 36: 4, 37: 4, 38: 12, 42: 4,
}  # fmt: skip
_ITEM_PATH: Final = 30
_MAX_PROPERTIES: Final = 10_000
_MAX_ITEMS: Final = 10_000
_MAX_LEVELS: Final = 32
_MAX_TILES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Level:
    """The pixels of an item at one size: where each tile is, row by row."""

    width: int
    height: int
    tiles: list[int]


@dataclass(frozen=True, slots=True)
class Item:
    """A layer, a channel or a mask."""

    head: bytes
    name: str
    properties: bytes
    depth: int
    levels: list[Level]
    is_layer: bool = False
    mask: Item | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture."""

    data: bytes
    head: bytes
    properties: bytes
    compression: int
    wide: bool
    layers: list[Item]
    channels: list[Item]


def read(data: bytes, job: Job) -> Drawing:
    """Return the structure of a picture.

    Raises:
        CannotClean: no such picture, of a newer version, damaged, or cut off.

    """
    return _Reader(data, job).drawing()


class _Reader:
    def __init__(self, data: bytes, job: Job) -> None:
        self._data = data
        self._job = job
        self._tiles = 0
        self._items = 0
        self._wide = False
        self._compression = 0

    def drawing(self) -> Drawing:
        magic = _MAGIC.match(self._data)
        if magic is None:
            raise CannotClean("not a gimp picture")
        version = 0 if magic[1] == b"file" else int(magic[1][1:])
        if version > _NEWEST:
            raise CannotClean("a gimp picture of a newer version is not supported")
        self._wide = version >= _WIDE
        at = 14 + 12 + (4 if version >= _PRECISE else 0)
        width, height = struct.unpack(">II", self._bytes(14, 8))
        if not 0 < width * height <= self._job.limits.max_pixels:
            raise CannotClean("damaged, or more pixels than the limit: the size of the picture")
        properties, end = self._properties(at)
        layers, end = self._pointers(end)
        channels, _ = self._pointers(end)
        return Drawing(
            self._data,
            self._data[:at],
            properties,
            self._compression,
            self._wide,
            [self._item(place, is_layer=True) for place in layers],
            [self._item(place) for place in channels],
        )

    def _bytes(self, at: int, size: int) -> bytes:
        if at + size > len(self._data):
            raise CannotClean("truncated: a part ends behind the file")
        return self._data[at : at + size]

    def _number(self, at: int) -> int:
        return int.from_bytes(self._bytes(at, 4))

    def _pointers(self, at: int, most: int = _MAX_ITEMS) -> tuple[list[int], int]:
        """Return pointers up to the nought behind them, and where that ends."""
        width = 8 if self._wide else 4
        found: list[int] = []
        while place := int.from_bytes(self._bytes(at, width)):
            at += width
            found.append(place)
            if len(found) > most:
                raise CannotClean("damaged: too many parts")
        return found, at + width

    def _properties(self, at: int) -> tuple[bytes, int]:
        """Return the properties that stay, and where all of them end."""
        kept = b""
        for _ in range(_MAX_PROPERTIES):
            kind, size = struct.unpack(">II", self._bytes(at, 8))
            if kind == 0:
                return kept + bytes(8), at + 8
            if kind == _COLOURS:
                # Old versions wrote a wrong length.
                size = 4 + 3 * self._number(at + 8)
            body = self._bytes(at + 8, size)
            at += 8 + size
            if kind == _FLOATING:
                raise CannotClean("a picture with a floating selection: anchor it first")
            if kind == _COMPRESSION:
                self._compression = body[0] if body else 0
                if self._compression > 2:
                    raise CannotClean("damaged: the compression of the tiles")
            if kind in (_COLOURS, _ITEM_PATH) or _FIXED.get(kind) == size:
                kept += struct.pack(">II", kind, size) + body
            else:
                self._job.dropped({_PARASITES: "comment", _PATHS: "paths", _VECTORS: "paths"}.get(kind, "property"))
        raise CannotClean("damaged: too many properties")

    def _item(self, at: int, *, is_layer: bool = False) -> Item:
        self._items += 1
        if self._items > _MAX_ITEMS:
            raise CannotClean("damaged: too many layers")
        size = 12 if is_layer else 8
        head = self._bytes(at, size)
        length = self._number(at + size)
        name = self._bytes(at + size + 4, length).partition(b"\0")[0].decode("utf-8", "replace")
        properties, end = self._properties(at + size + 4 + length)
        width = 8 if self._wide else 4
        hierarchy = int.from_bytes(self._bytes(end, width))
        mask = int.from_bytes(self._bytes(end + width, width)) if is_layer else 0
        depth = self._number(hierarchy + 8)
        if not 1 <= depth <= 32:
            raise CannotClean("damaged: the depth of a layer")
        levels, _ = self._pointers(hierarchy + 12, _MAX_LEVELS)
        if not levels:
            raise CannotClean("damaged: a layer without pixels")
        found = [self._level(place, filled=place == levels[0]) for place in levels]
        if (found[0].width, found[0].height) != struct.unpack(">II", head[:8]):
            raise CannotClean("damaged: the size of a layer")
        return Item(head, name, properties, depth, found, is_layer, self._item(mask) if mask else None)

    def _level(self, at: int, *, filled: bool) -> Level:
        width, height = struct.unpack(">II", self._bytes(at, 8))
        if not filled:
            return Level(width, height, [])
        count = -(-width // 64) * -(-height // 64)
        self._tiles += count
        if self._tiles > min(_MAX_TILES, len(self._data)) or not count:
            raise CannotClean("damaged: the size of a layer")
        tiles, _ = self._pointers(at + 8, count)
        if len(tiles) != count:
            raise CannotClean("truncated: tiles are missing")
        return Level(width, height, tiles)
