"""TIFF and BigTIFF: pages of strips or tiles, under directories built anew.

Invariants:

- strips and tiles are copied byte for byte; JPEG and WebP ones go through their own cleaners, deflated ones end where their stream does,
  and raw ones where their rows do
- a directory holds only tags that decide the pixels, with no more values than those need; everything else, and every byte that no tag
  points to, is left out: EXIF, GPS, XMP, IPTC, Photoshop's and makers' tags, place on earth, dates, names
- reduced copies of a page are left out where the page itself is there
- digital negatives (DNG) are pages with some tags more; other camera raw is refused: what makes a picture of it stands in makers' tags

Source: TIFF 6.0; its Technical Note 2 (JPEG); BigTIFF; libtiff for what readers tolerate.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import BinaryIO, Final

from isal import isal_zlib

from privet.metadata import icc, jpeg, negative, pixels, webp
from privet.metadata import tiff_tags as tags
from privet.metadata.job import CannotClean, Job
from privet.metadata.tiff_pages import Field, Page, Part, Reader, layout
from privet.metadata.window import BLOCK

_SPACES: Final[dict[int, icc.Space]] = {0: "GRAY", 1: "GRAY", 2: "RGB ", 3: "RGB ", 5: "CMYK", 6: "RGB "}
_MAX_OLD: Final = 64
CAMERA_RAW: Final = "camera raw: what makes a picture of it stands in its maker's notes: convert it to DNG first"


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the pages without metadata.

    Raises:
        CannotClean: no TIFF, camera raw, a compression that is not known here, damaged, or cut off.

    """
    reader = Reader(source, job, also=tags.NEGATIVE)
    pages = reader.pages()
    if tags.DNG in pages[0].fields:
        negative.write(reader, pages[0], Writer(reader, target, job).page, job)
        return
    _refuse_raw(reader, pages)
    reduced = [bool(page.integer(tags.SUBFILE, 0) & 1) for page in pages]
    writer = Writer(reader, target, job)
    for number, page in enumerate(pages):
        for what in page.what:
            job.dropped(what)
        if reduced[number] and not all(reduced):
            job.dropped("thumbnail")
        else:
            writer.page(page, number)


def _refuse_raw(reader: Reader, pages: list[Page]) -> None:
    for page in pages:
        below = reader.sub_directories(page)
        photometric = {each.integer(tags.PHOTOMETRIC, 0) for each in (page, *below)}
        main_is_below = page.integer(tags.SUBFILE, 0) & 1 and any(
            not each.integer(tags.SUBFILE, 0) & 1 for each in below
        )
        if reader.camera or photometric & set(tags.CAMERA) or main_is_below:
            raise CannotClean(CAMERA_RAW)
        if page.integer(tags.COMPRESSION, tags.RAW) not in tags.COMPRESSIONS:
            raise CannotClean("this compression of tiff is not supported")


class Writer:
    """The file as it grows: the pages' data, each followed by its directory."""

    def __init__(self, reader: Reader, target: BinaryIO, job: Job) -> None:
        self._reader = reader
        self._target = target
        self._job = job
        self._order, self._big = reader.order, reader.big
        self._inflated = self._looked = 0
        self._copied: dict[tuple[int, int, int], tuple[int, int]] = {}
        mark = b"II" if self._order == "<" else b"MM"
        if self._big:
            target.write(mark + struct.pack(self._order + "HHHQ", 43, 8, 0, 0))
            self._link = 8
        else:
            target.write(mark + struct.pack(self._order + "HI", 42, 0))
            self._link = 4

    def page(self, page: Page, number: int, *, checked: bool = False, more: Mapping[int, Field] | None = None) -> None:
        """Write one page, which is the `number`th of the source, with `more` in its directory.

        `checked` is the page that its own check looks at.
        """
        width, height = page.integer(tags.WIDTH, 0), page.integer(tags.HEIGHT, 0)
        if not 0 < width * height <= self._job.limits.max_pixels:
            raise CannotClean("damaged, or more pixels than the limit: the size of a page")
        samples = max(page.integer(tags.SAMPLES, len(page.integers(tags.BITS)) or 1), 1)
        fields = {
            tag: Field(found.kind, count, found.raw[: count * tags.SIZES[found.kind]])
            for tag, found in page.fields.items()
            if tag in tags.KEPT
            and (count := min(found.count, samples if tags.KEPT[tag] == tags.BY_SAMPLE else tags.KEPT[tag]))
        }
        compression = page.integer(tags.COMPRESSION, tags.RAW)
        if compression == tags.OLD_JPEG:
            fields |= self._old_jpeg(page, number, checked=checked)
        else:
            fields |= self._parts(page, compression, samples)
        if checked:
            fields |= {tag: page.fields[tag] for tag in (tags.COLOURS,) if tag in page.fields}
        else:
            fields |= self._colours(page, number)
        if compression in (tags.JPEG, tags.OLD_JPEG):
            # Without a word that it is the picture itself some programs take a JPEG page for a preview.
            fields.setdefault(tags.SUBFILE, self._numbers(tags.LONG, [0]))
        if compression == tags.JPEG and tags.JPEG_TABLES in page.fields:
            tables = jpeg.clean_tables(page.fields[tags.JPEG_TABLES].raw)
            fields[tags.JPEG_TABLES] = Field(tags.UNDEFINED, len(tables), tables)
        self._directory(fields | dict(more or {}))

    def _colours(self, page: Page, number: int) -> dict[int, Field]:
        fields: dict[int, Field] = {}
        map_ = page.fields.get(tags.COLOURS)
        bits = page.integer(tags.BITS, 1)
        if map_ is not None and map_.kind == tags.SHORT and bits <= 16 and map_.count >= 3 * 2**bits:
            fields[tags.COLOURS] = Field(tags.SHORT, 3 * 2**bits, self._blanked(map_.raw[: 6 * 2**bits], page, number))
        profile, space = page.fields.get(tags.PROFILE), _SPACES.get(page.integer(tags.PHOTOMETRIC, -1))
        kept = icc.neutral(profile.raw, space) if profile and space else None
        if kept:
            fields[tags.PROFILE] = Field(tags.UNDEFINED, len(kept), kept)
        return fields

    def _alone(self, page: Page, number: int) -> BinaryIO:
        """Return a file with only this page, for a look at its pixels."""
        self._looked += page.integer(tags.WIDTH, 0) * page.integer(tags.HEIGHT, 0)
        if self._looked > self._job.limits.max_pixels:
            raise CannotClean("too large: more pixels than the limit")
        alone = io.BytesIO()
        Writer(self._reader, alone, Job(limits=self._job.limits)).page(page, number, checked=True)
        return alone

    def _blanked(self, colours: bytes, page: Page, number: int) -> bytes:
        """Return a colour map, all reds first, with black for the colours that no pixel has."""
        used = pixels.indexes(self._alone(page, number), ("TIFF",), self._job)
        if used is None:
            return colours
        count = len(colours) // 6
        return b"".join(colours[2 * at : 2 * at + 2] if at % count in used else b"\0\0" for at in range(3 * count))

    def _old_jpeg(self, page: Page, number: int, *, checked: bool) -> dict[int, Field]:
        """Write a page whose one JPEG stream stands outside its strips, with that stream for its only strip.

        As a JPEG page of today's TIFF its pixels would differ: readers spread the colours of the two in different ways.
        """
        start, length = page.integer(tags.JPEG_STREAM, 0), page.integer(tags.JPEG_LENGTH, 0)
        stream = (
            io.BytesIO(self._reader.read(start, length))
            if start and length <= self._job.limits.max_file_bytes
            else io.BytesIO()
        )
        cleaned = io.BytesIO()
        try:
            jpeg.clean_part(stream, cleaned, self._job)
        except CannotClean as error:
            raise CannotClean("old-style jpeg in tiff is not supported") from error
        if not checked:
            before = pixels.digest(self._reader.source, ("TIFF",), self._job, number) if number < _MAX_OLD else None
            if before is None or before != pixels.digest(self._alone(page, number), ("TIFF",), self._job):
                raise CannotClean("old-style jpeg in tiff is not supported")
        place, size = self._append(cleaned.getvalue())
        return {
            tags.JPEG_STREAM: self._numbers(tags.LONG, [place]),
            tags.JPEG_LENGTH: self._numbers(tags.LONG, [size]),
            tags.ROWS: self._numbers(tags.LONG, [page.integer(tags.HEIGHT, 0)]),
            tags.STRIPS: self._numbers(tags.LONG8 if self._big else tags.LONG, [place]),
            tags.STRIP_COUNTS: self._numbers(tags.LONG8 if self._big else tags.LONG, [size]),
        }

    def _parts(self, page: Page, compression: int, samples: int) -> dict[int, Field]:
        tiled = tags.TILES in page.fields and (tags.TILE_WIDTH in page.fields or tags.STRIPS not in page.fields)
        places: list[int] = []
        lengths: list[int] = []
        for part in layout(page, compression, samples, self._reader.size, tiled=tiled):
            place, length = self._part(part, compression) if part.length and part.offset else (0, 0)
            places.append(place)
            lengths.append(length)
        if not any(lengths):
            raise CannotClean("no picture: no strip or tile")
        kind = tags.LONG8 if self._big else tags.LONG
        return {
            tags.TILES if tiled else tags.STRIPS: self._numbers(kind, places),
            tags.TILE_COUNTS if tiled else tags.STRIP_COUNTS: self._numbers(kind, lengths),
        }

    def _numbers(self, kind: int, values: list[int]) -> Field:
        return Field(kind, len(values), struct.pack(f"{self._order}{len(values)}{tags.INTEGERS[kind]}", *values))

    def _part(self, part: Part, compression: int) -> tuple[int, int]:
        """Copy a strip or tile; return where it now is, and its length. Parts that share bytes go on sharing them."""
        key = (part.offset, part.length, compression)
        if key in self._copied:
            return self._copied[key]
        if self._target.tell() > 2 * self._reader.size + BLOCK:
            raise CannotClean("lying: strips overlap")
        if compression in (tags.JPEG, tags.LOSSY, tags.WEBP):
            stream, cleaned = io.BytesIO(self._reader.read(part.offset, part.length)), io.BytesIO()
            (webp.clean if compression == tags.WEBP else jpeg.clean_part)(stream, cleaned, self._job)
            done = self._append(cleaned.getvalue())
        else:
            done = self._stream(part, deflated=compression in tags.DEFLATE)
        self._copied[key] = done
        return done

    def _stream(self, part: Part, *, deflated: bool) -> tuple[int, int]:
        place, target = self._append(b"")[0], self._target
        stream = isal_zlib.decompressobj() if deflated else None
        for at in range(0, part.length, BLOCK):
            piece = self._reader.read(part.offset + at, min(BLOCK, part.length - at))
            if stream is not None:
                try:
                    rows = stream.decompress(piece, BLOCK)
                    self._inflated += len(rows)
                    while len(rows) == BLOCK and self._inflated <= self._job.limits.max_unpacked_bytes:
                        rows = stream.decompress(stream.unconsumed_tail, BLOCK)
                        self._inflated += len(rows)
                except isal_zlib.error:  # type: ignore[misc]  # its stub calls it a value
                    stream = None
            if self._inflated > self._job.limits.max_unpacked_bytes:
                raise CannotClean("too large: more pixels than the limit")
            if stream is not None and stream.eof:
                target.write(piece[: len(piece) - len(stream.unused_data)])
                break
            target.write(piece)
        return place, target.tell() - place

    def _append(self, content: bytes) -> tuple[int, int]:
        """Write bytes at the next even place."""
        if self._target.tell() % 2:
            self._target.write(b"\0")
        place = self._target.tell()
        self._target.write(content)
        return place, len(content)

    def _directory(self, fields: dict[int, Field]) -> None:
        order, room = self._order, 8 if self._big else 4
        entries = b""
        for tag, found in sorted(fields.items()):
            value = found.raw.ljust(room, b"\0")
            if len(found.raw) > room:
                value = struct.pack(order + ("Q" if self._big else "I"), self._place(self._append(found.raw)[0]))
            entries += struct.pack(order + ("HHQ" if self._big else "HHI"), tag, found.kind, found.count) + value
        head = struct.pack(order + ("Q" if self._big else "H"), len(fields))
        place, length = self._append(head + entries + bytes(room))
        end = self._target.tell()
        self._target.seek(self._link)
        self._target.write(struct.pack(order + ("Q" if self._big else "I"), self._place(place)))
        self._target.seek(end)
        self._link = place + length - room

    def _place(self, place: int) -> int:
        if not self._big and place >= 2**32:
            raise CannotClean("too large: a tiff of over 4 GiB")
        return place
