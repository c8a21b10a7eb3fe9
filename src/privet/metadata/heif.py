"""HEIC, HEIF and AVIF images: coded pictures and what is needed to show them, and nothing else.

Invariants:

- The bytes of coded pictures come out bit for bit; turning, cropping, tiling, colour and transparency are kept.
- Exif, XMP, other metadata items, previews, depth maps, names, times, descriptions and comments are not written, and neither are
  the bytes that held them.
- A property this cleaner does not know, but which must be understood to show a picture, means that picture is dropped, and the whole
  file refused if it is the main one.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from privet.metadata import heif_items, mp4, mp4_movie
from privet.metadata.byte_ranges import ByteRanges
from privet.metadata.heif_items import Item, Items
from privet.metadata.isobmff import file_type, loaded, long_header, parts
from privet.metadata.job import CannotClean, Job

# How a picture is coded, or made of others.
_PICTURES: Final = frozenset(b"hvc1 av01 avc1 vvc1 evc1 jpeg j2k1 unci lhv1 grid iden iovl tmap".split())
_SHOWN_AUXILIARIES: Final = (
    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
    b"urn:mpeg:hevc:2015:auxid:1",
    b"urn:mpeg:avc:2015:auxid:1",
    b"urn:com:apple:photo:2020:aux:hdrgainmap",
)
_TOLD: Final = {b"Exif": "exif", b"mime": "xmp", b"uri ": "private item", b"infe": "item"}
_MAX_NESTING: Final = 64
_DERIVED: Final = (b"grid", b"iovl", b"iden", b"tmap")


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write an image, or a sequence of them, with its pixels alone.

    Raises:
        CannotClean: encrypted, truncated, damaged, or shown by means this cleaner does not know.

    """
    found = parts(source, job)
    kind, meta, moov = (mp4.only(found, name) for name in (b"ftyp", b"meta", b"moov"))
    if kind is None or meta is None:
        raise CannotClean("truncated: no list of pictures")
    mp4.tell([part for part in found if part.kind != b"meta"], job)
    items = heif_items.read(loaded(source, meta), job)
    kept = _kept(items, job)
    movie = mp4_movie.read(loaded(source, moov), job) if moov is not None else None
    ranges = mp4.stores(found)
    if movie is not None:
        mp4_movie.choose(movie, ranges, source, job)
    _choose(items, kept, ranges, source, job)
    _write(source, target, file_type(loaded(source, kind)), _Parts(items, kept, movie, ranges))


def _kept(items: Items, job: Job) -> list[Item]:
    """Return the items that are pictures to look at, or parts of them."""
    kept = {number for number, item in items.by_number.items() if item.kind in _PICTURES}
    for number in items.by_number.keys() - kept:
        job.dropped(_TOLD.get(items.by_number[number].kind, "item"))
    if items.primary not in kept:
        raise CannotClean("damaged: the main picture is none")
    for reference in items.references:
        if reference.kind == b"thmb":
            _drop(kept, items, reference.start, "thumbnail", job)
        elif reference.kind == b"auxl" and not _is_shown(items, reference.start):
            _drop(kept, items, reference.start, "depth map", job)
    for number in sorted(kept):
        if items.by_number[number].unknown:
            _drop(kept, items, number, "picture of an unknown kind", job)
    return [items.by_number[number] for number in sorted(_reachable(kept, items, job))]


def _drop(kept: set[int], items: Items, number: int, what: str, job: Job) -> None:
    if number == items.primary:
        raise CannotClean("the main picture is shown by means that are not known")
    if number in kept:
        kept.discard(number)
        job.dropped(what)


def _is_shown(items: Items, number: int) -> bool:
    item = items.by_number.get(number)
    kinds = [
        bytes(items.properties[index].body[4:260])
        for index, _ in (item.properties if item else ())
        if items.is_auxiliary(index)
    ]
    return any(kind.split(b"\0")[0] in _SHOWN_AUXILIARIES for kind in kinds)


def _reachable(kept: set[int], items: Items, job: Job) -> set[int]:
    """Return the kept items without what belonged only to a dropped one, or lost a part of itself."""
    parts_of: dict[int, set[int]] = {}
    owners: dict[int, set[int]] = {}
    for reference in items.references:
        if reference.kind in {b"dimg", b"auxl", b"base"}:
            for end in reference.ends:
                part, owner = (end, reference.start) if reference.kind == b"dimg" else (reference.start, end)
                owners.setdefault(part, set()).add(owner)
                if reference.kind == b"dimg":
                    parts_of.setdefault(owner, set()).add(part)
    for _ in range(_MAX_NESTING):
        broken = {number for number in kept if not parts_of.get(number, set()) <= kept}
        orphans = {
            number for number in kept if number != items.primary and owners.get(number) and not owners[number] & kept
        }
        if not broken | orphans:
            return kept
        if items.primary in broken:
            raise CannotClean("damaged: the main picture lacks a part")
        job.dropped("part of a dropped picture", len(broken | orphans))
        kept -= broken | orphans
    raise CannotClean("damaged: pictures made of pictures, too deep")


def _choose(items: Items, kept: list[Item], ranges: ByteRanges, source: BinaryIO, job: Job) -> None:
    """Keep the bytes of the pictures; a JPEG among them is cleaned like a file of its own."""
    room = job.limits.max_record_bytes
    bulk: list[tuple[int, int]] = []
    for item in kept:
        if item.kind == b"jpeg" or item.kind in _DERIVED or item.method == 1:
            room -= sum(size for _, size in item.extents)
            if room < 0:
                raise CannotClean("too large: pictures inside of more than the limit")
        if item.kind == b"jpeg":
            member = job.nested("picture.jpg", _content(item, items, source))
            if member is None:
                raise CannotClean("a picture inside cannot be cleaned")
            item.piece, item.size = ranges.add(member.content), len(member.content)
        elif item.kind in _DERIVED or item.method == 1:
            content = _content(item, items, source)
            item.piece, item.size = ranges.add(content), len(content)
        elif item.method == 0:
            bulk += item.extents
        else:
            raise CannotClean("a picture is made of pieces of another")
    ranges.keep([start for start, _ in bulk], [size for _, size in bulk])


def _content(item: Item, items: Items, source: BinaryIO) -> bytes:
    pieces: list[bytes] = []
    for start, size in item.extents:
        if item.method == 1:
            pieces.append(bytes(items.data[start : start + size]))
        else:
            source.seek(start)
            pieces.append(source.read(size))
        if len(pieces[-1]) != size:
            raise CannotClean("truncated: a picture lies outside the file")
    return b"".join(pieces)


class _Parts:
    """What is written: the items, the sequence if there is one, and the bytes of both."""

    def __init__(self, items: Items, kept: list[Item], movie: mp4_movie.Movie | None, ranges: ByteRanges) -> None:
        self.items, self.kept, self.movie, self.ranges = items, kept, movie, ranges

        bulk = [start for item in kept if item.piece < 0 for start, _ in item.extents]
        self.places: list[int] = ranges.place(bulk).tolist()

    def meta(self, base: int) -> bytes:
        places: list[list[tuple[int, int]]] = []
        bulk = iter(self.places)
        for item in self.kept:
            if item.piece >= 0:
                places.append([(base + self.ranges.pieces_at + item.piece, item.size)])
            else:
                places.append([(base + next(bulk), size) for _, size in item.extents])
        return heif_items.written(self.items, self.kept, places)

    def moov(self, base: int) -> bytes:
        return mp4_movie.written(self.movie, self.ranges, base, wide=False) if self.movie and self.movie.tracks else b""


def _write(source: BinaryIO, target: BinaryIO, head: bytes, content: _Parts) -> None:
    store = long_header(b"mdat", content.ranges.size)
    base = len(head) + len(content.meta(0)) + len(content.moov(0)) + len(store)
    if base + content.ranges.size > 2**32 - 1:
        raise CannotClean("too large: an image over 4 GiB")
    target.writelines((head, content.meta(base), content.moov(base), store))
    content.ranges.write(source, target)
