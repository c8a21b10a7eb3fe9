"""BPG pictures: size, colours and the coded picture.

Invariants: the coded picture comes out bit for bit; EXIF, ICC profiles, XMP, thumbnails and unknown extensions are left out, but for how an
animation plays.

Source: BPG Specification version 0.9.5, Fabrice Bellard.
"""

from __future__ import annotations

from functools import partial
from typing import BinaryIO, Final

from privet.metadata import sevens
from privet.metadata.byte_ranges import copy
from privet.metadata.job import MIB, CannotClean, Job
from privet.metadata.window import size_of

MAGIC: Final = b"BPG\xfb"
_HAS_EXTENSIONS, _ALPHA, _ANIMATION = 0x08, 0x04, 0x01
_NAMES: Final = {1: "exif", 2: "icc", 3: "xmp", 4: "thumbnail"}
_PLAYS: Final = 5
_MAX_BYTES: Final = 64 * MIB
_number: Final = partial(sevens.number_at, most_bytes=5, where="the header")


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture.

    Raises:
        CannotClean: no BPG, damaged, or cut off.

    """
    size = size_of(source)
    head = source.read(64)
    if len(head) < 10 or head[:4] != MAGIC:
        raise CannotClean("not a bpg picture")
    at = 6
    for _ in ("width", "height"):
        _, at = _number(head, at)
    sizes = head[6:at]
    length, at = _number(head, at)
    extensions = 0
    if head[5] & _HAS_EXTENSIONS:
        extensions, at = _number(head, at)
    if extensions > _MAX_BYTES or at + extensions > size:
        raise CannotClean("truncated: the extensions")
    source.seek(at)
    kept = _extensions(source.read(extensions), job)
    begin = at + extensions
    # The length of an animation, and of a picture that goes on to the end, is nought.
    end = begin + length if length else size
    if end > size or begin == end:
        raise CannotClean("truncated: the picture ends early")
    if end < size:
        job.dropped("trailing bytes")
    flags = head[5] & ~_HAS_EXTENSIONS | (_HAS_EXTENSIONS if kept else 0)
    target.write(
        head[:5]
        + bytes((flags,))
        + sizes
        + sevens.written(length)
        + (sevens.written(len(kept)) + kept if kept else b"")
    )
    copy(source, target, begin, end - begin)


def _extensions(raw: bytes, job: Job) -> bytes:
    kept = b""
    at = 0
    while at < len(raw):
        kind, start = _number(raw, at)
        size, start = _number(raw, start)
        if start + size > len(raw):
            raise CannotClean("damaged: an extension")
        if kind == _PLAYS:
            kept += raw[at : start + size]
        else:
            job.dropped(_NAMES.get(kind, "extension"))
        at = start + size
    return kept
