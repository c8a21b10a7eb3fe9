"""MP4, QuickTime, M4A, M4V and 3GP files: sound, pictures and subtitles, and nothing of who made them, when, where and with what.

Invariants:

- Samples of sound and pictures come out bit for bit; only bytes that a kept track points at are in the output.
- Tables come first, so that a file plays while it loads; bulk is copied a piece at a time.
- Known limit: what an encoder wrote inside the samples (x264 says its version and settings in the first) is content and stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO, Final

from privet.metadata import mp4_fragments, mp4_movie
from privet.metadata.byte_ranges import ByteRanges, stores_of
from privet.metadata.isobmff import Part, file_type, loaded, long_header, parts
from privet.metadata.job import CannotClean, Job

_REACH: Final = 2**32 - 2**24
_NAMES: Final = {
    b"free": "padding",
    b"skip": "padding",
    b"meta": "tags",
    b"uuid": "private box",
    b"udta": "user data",
    b"pnot": "preview",
    b"PICT": "preview",
    b"emsg": "event message",
    b"prft": "wall clock",
}
STORES: Final = frozenset((b"mdat", b"imda"))


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a movie with its content alone.

    Raises:
        CannotClean: encrypted, truncated, damaged, or without a track of sound or pictures.

    """
    found = parts(source, job)
    moov = only(found, b"moov")
    if moov is None:
        raise CannotClean("truncated: no movie box")
    kind = only(found, b"ftyp")
    brands = loaded(source, kind) if kind is not None else memoryview(b"")
    if bytes(brands[:4]) == b"crx ":
        raise CannotClean("a camera's raw file, which its tags are part of")
    tell(found, job)
    movie = mp4_movie.read(loaded(source, moov), job)
    if not movie.tracks:
        raise CannotClean("no track of sound, pictures or subtitles")
    fragments = [part for part in found if part.kind == b"moof"]
    ranges = stores(found)
    mp4_movie.choose(movie, ranges, source, job)
    head = file_type(brands, also=[b"iso5"] if fragments else []) if kind is not None else b""
    write(source, target, movie, ranges, head)
    for part in fragments:
        mp4_fragments.copy(source, target, part, movie, ByteRanges(ranges.stores), job)


def only(found: Iterable[Part], kind: bytes) -> Part | None:
    """Return the one box of a kind; a second one is refused, as readers differ on which counts."""
    some = [part for part in found if part.kind == kind]
    if len(some) > 1 and kind != b"ftyp":
        raise CannotClean("damaged: a box that must be alone is there twice")
    return some[0] if some else None


def tell(found: Iterable[Part], job: Job) -> None:
    """Note which outermost boxes are left out."""
    for part in found:
        if part.kind in _NAMES and part.end > part.body:
            job.dropped(_NAMES[part.kind])


def stores(found: Iterable[Part]) -> ByteRanges:
    """Return ranges over the places where a file keeps its bulk."""
    return ByteRanges(stores_of((part.body, part.end) for part in found if part.kind in STORES))


def write(source: BinaryIO, target: BinaryIO, movie: mp4_movie.Movie, ranges: ByteRanges, head: bytes) -> None:
    """Write the head, the movie box, and the samples it points at."""
    wide = ranges.size > _REACH
    store = long_header(b"mdat", ranges.size) if ranges.size else b""
    size = len(mp4_movie.written(movie, ranges, 0, wide=wide))
    target.write(head)
    target.write(mp4_movie.written(movie, ranges, len(head) + size + len(store), wide=wide))
    target.write(store)
    ranges.write(source, target)
