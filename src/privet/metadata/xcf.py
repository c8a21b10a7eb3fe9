"""GIMP's pictures (.xcf): layers, channels and how they are put together.

Invariants:

- tiles come out bit for bit, each as long as its pixels take; every pointer is written anew, so bytes that nothing points to are left out
- of the properties only those of numbers that show the picture are kept: no parasites (comments, EXIF, XMP, settings of text and printers),
  paths, marks and units of one's own
- names of layers and channels are texts

Source: GIMP, devel-docs/xcf.txt; app/xcf/xcf-load.c.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.window import size_of
from privet.metadata.xcf_reader import Drawing, Item, Level, read

_TILE: Final = 64


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture without metadata.

    Raises:
        CannotClean: no such picture, of a newer version, damaged, or cut off.

    """
    if size_of(source) > job.limits.max_file_bytes:
        raise CannotClean("too large: a picture over the limit")
    drawing = read(source.read(), job)
    items = [*drawing.layers, *drawing.channels]
    names = iter(job.rewrite([item.name for item in items], "layer"))
    writer = _Writer(drawing, target)
    lists = (len(drawing.layers), len(drawing.channels))
    target.write(drawing.head + drawing.properties)
    slots = [writer.slots(count) for count in lists]
    for slot, item in zip((place for each in slots for place in each), items, strict=True):
        writer.point(slot)
        writer.item(item, next(names))


class _Writer:
    """The file as it grows; a slot is a place for a pointer that is not known yet."""

    def __init__(self, drawing: Drawing, target: BinaryIO) -> None:
        self._drawing = drawing
        self._target = target
        self._width = 8 if drawing.wide else 4
        self._shared: dict[int, int] = {}

    def slots(self, count: int) -> list[int]:
        """Leave room for pointers, and the nought behind them; return their places."""
        place = self._target.tell()
        self._target.write(bytes(self._width * (count + 1)))
        return [place + self._width * each for each in range(count)]

    def point(self, slot: int, to: int | None = None) -> None:
        """Fill a slot with the place at which the file now ends, or another."""
        end = self._target.tell()
        place = end if to is None else to
        if place >= 2 ** (8 * self._width):
            raise CannotClean("too large: a picture of over 4 GiB")
        self._target.seek(slot)
        self._target.write(place.to_bytes(self._width))
        self._target.seek(end)

    def item(self, item: Item, name: str) -> None:
        """Write a layer or a channel, its mask and its tiles."""
        raw = name.encode() + b"\0" if name else b""
        self._target.write(item.head + struct.pack(">I", len(raw)) + raw + item.properties)
        slot = self._target.tell()
        self._target.write(bytes(self._width * (2 if item.is_layer else 1)))
        self.point(slot)
        self._target.write(struct.pack(">III", item.levels[0].width, item.levels[0].height, item.depth))
        slots = self.slots(len(item.levels))
        for place, level in zip(slots, item.levels, strict=True):
            self.point(place)
            self._level(level, item.depth, filled=place == slots[0])
        if item.mask is not None:
            self.point(slot + self._width)
            self.item(item.mask, "")

    def _level(self, level: Level, depth: int, *, filled: bool) -> None:
        self._target.write(struct.pack(">II", level.width, level.height))
        # Smaller copies have no tiles: GIMP does not read them.
        slots = self.slots(len(level.tiles) if filled else 0)
        for at, slot in enumerate(slots):
            place = level.tiles[at]
            if place in self._shared:
                self.point(slot, self._shared[place])
                continue
            across = -(-level.width // _TILE)
            width = min(_TILE, level.width - at % across * _TILE)
            height = min(_TILE, level.height - at // across * _TILE)
            self._shared[place] = self._target.tell()
            self.point(slot)
            self._target.write(self._tile(place, width * height, depth))

    def _tile(self, place: int, pixels: int, depth: int) -> bytes:
        data, size = self._drawing.data, pixels * depth
        end = place
        if self._drawing.compression == 0:
            end += size
        elif self._drawing.compression == 1:
            for _ in range(depth):
                end = _runs(data, end, pixels)
        else:
            end += _stream_bytes(data[place : place + 2 * size + 1024], size)
        if end > len(data):
            raise CannotClean("truncated: a tile ends behind the file")
        return data[place:end]


def _stream_bytes(data: bytes, size: int) -> int:
    """Return how many bytes the deflated rows of a tile take."""
    stream = zlib.decompressobj()
    try:
        rows = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise CannotClean("damaged: a tile") from error
    if len(rows) != size or not stream.eof:
        raise CannotClean("damaged: a tile")
    return len(data) - len(stream.unused_data)


def _runs(data: bytes, at: int, left: int) -> int:
    """Return where one channel of a tile ends, packed in runs."""
    while left > 0:
        if at + 3 > len(data) + 1:
            raise CannotClean("truncated: a tile ends behind the file")
        code = data[at]
        long = code in (127, 128)
        count = int.from_bytes(data[at + 1 : at + 3]) if long else code + 1 if code < 127 else 256 - code
        if not 0 < count <= left:
            raise CannotClean("damaged: a tile")
        left -= count
        at += (3 if long else 1) + (1 if code <= 127 else count)
    return at
