"""JPEG 2000 (JP2, JPX, JPH and bare codestreams): what the samples mean, and the codestream.

Invariants:

- coded samples come out bit for bit; of a codestream's headers only the segments that decoding takes are kept, so no comment
- of a file's boxes only those that say what the samples mean come out, built anew: size, depth, colours, palette, channels; XML, UUIDs
  (EXIF, XMP, IPTC, place on earth), rights, links, labels and resolutions of a capture are left out
- what stands behind the end of the codestream is left out

Source: ISO/IEC 15444-1 annexes A and I, 15444-2 annex M.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from privet.metadata import icc, jpeg2000_stream
from privet.metadata.isobmff import box
from privet.metadata.job import CannotClean, Job
from privet.metadata.jpeg2000_boxes import Box, boxes
from privet.metadata.window import size_of

SIGNATURE: Final = b"\0\0\0\x0cjP  \r\n\x87\n"
BARE: Final = b"\xff\x4f\xff\x51"
_BRANDS: Final = (b"jp2 ", b"jpx ", b"jph ", b"J2P0", b"J2P1")
_NAMES: Final = {
    b"xml ": "xml", b"uuid": "private box", b"uinf": "links", b"jp2i": "rights", b"asoc": "labels", b"lbl ": "labels",
    b"jumb": "private box", b"res ": "resolution",
}  # fmt: skip
_PLAIN: Final = (b"ihdr", b"bpcc", b"pclr", b"cmap", b"cdef")
_HEADERS: Final = {b"jp2h": _PLAIN, b"jpch": _PLAIN, b"jplh": (b"cdef",), b"cgrp": ()}
_MAX_BOXES: Final = 10_000
_MAX_CHANNELS: Final = 32
_MAX_BYTES: Final = 16 * 1024 * 1024
_GREY, _SRGB = 17, 16


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the picture without metadata.

    Raises:
        CannotClean: no JPEG 2000, damaged, cut off, or of parts in other files.

    """
    size = size_of(source)
    head = source.read(12)
    if head.startswith(BARE):
        end = jpeg2000_stream.write(source, target, 0, size, job)
        if end < size:
            job.dropped("trailing bytes")
        return
    if head != SIGNATURE:
        raise CannotClean("not a jpeg 2000 picture")
    found = list(boxes(source, len(SIGNATURE), size, _MAX_BOXES))
    out = [part for each in found if (part := _part(source, each, job))]
    if {type(part) for part in out} != {Box, bytes}:
        raise CannotClean("truncated: no picture")
    if found[-1].end < size:
        job.dropped("trailing bytes")
    brand = next((_content(source, each)[:4] for each in found if each.kind == b"ftyp"), b"")
    brand = brand if brand in _BRANDS else b"jp2 "
    target.write(SIGNATURE + box(b"ftyp", brand, bytes(4), brand, *([b"jp2 "] if brand != b"jp2 " else [])))
    for part in out:
        if isinstance(part, bytes):
            target.write(part)
        else:
            _stream(source, target, part, job)


def _part(source: BinaryIO, each: Box, job: Job) -> Box | bytes:
    """Return an outermost box that stays: its place where it is a codestream, else its bytes; nothing for others."""
    if each.kind in _HEADERS:
        return _header(source, each, job)
    if each.kind == b"jp2c":
        return each
    if each.kind in (b"ftbl", b"dtbl"):
        raise CannotClean("jpeg 2000 in fragments is not supported")
    if each.kind not in (b"ftyp", b"rreq", b"free"):
        job.dropped(_NAMES.get(each.kind, "private box"))
    return b""


def _stream(source: BinaryIO, target: BinaryIO, part: Box, job: Job) -> None:
    """Write a codestream in a box, whose length is known once it is written."""
    start = target.tell()
    target.write((1).to_bytes(4) + b"jp2c" + bytes(8))
    end = jpeg2000_stream.write(source, target, part.start, part.end, job)
    if end < part.end:
        job.dropped("trailing bytes")
    size = target.tell() - start
    target.seek(start + 8)
    target.write(size.to_bytes(8))
    target.seek(start + size)


def _content(source: BinaryIO, each: Box) -> bytes:
    if each.end - each.start > _MAX_BYTES:
        raise CannotClean("damaged: a header longer than a header can be")
    source.seek(each.start)
    return source.read(each.end - each.start)


def _header(source: BinaryIO, outer: Box, job: Job) -> bytes:
    kept: list[bytes] = []
    space: icc.Space = "RGB "
    for each in boxes(source, outer.start, outer.end, _MAX_BOXES):
        if each.kind in _HEADERS and outer.kind == b"jplh":
            kept.append(_header(source, each, job))
        elif each.kind in _HEADERS[outer.kind]:
            content = _content(source, each)
            if each.kind == b"ihdr" and len(content) >= 14:
                # Whether there is a box of rights: there is none now.
                content = content[:13] + b"\0"
                space = "GRAY" if int.from_bytes(content[8:10]) < 3 else "RGB "
            kept.append(box(each.kind, _exact(each.kind, content)))
        elif each.kind == b"colr":
            kept.append(box(b"colr", _colour(_content(source, each), space, job)))
        else:
            job.dropped(_NAMES.get(each.kind, "private box"))
    return box(outer.kind, *kept)


def _exact(kind: bytes, content: bytes) -> bytes:
    """Return what is in a box, without what stands behind it."""
    if kind == b"pclr" and len(content) >= 3:
        count, columns = int.from_bytes(content[:2]), content[2]
        return content[: 3 + columns + count * sum(-(-((depth & 127) + 1) // 8) for depth in content[3 : 3 + columns])]
    if kind == b"cdef":
        return content[: 2 + 6 * int.from_bytes(content[:2])]
    return content[: 4 * _MAX_CHANNELS if kind == b"cmap" else _MAX_CHANNELS]


def _colour(content: bytes, space: icc.Space, job: Job) -> bytes:
    """Return the colours: a number for those that have one, else a profile without words."""
    if len(content) < 3:
        raise CannotClean("damaged: the colours")
    if content[0] == 1:
        # CIELab and its kin say more behind the number.
        number = int.from_bytes(content[3:7])
        return content[:2] + b"\0" + content[3:7] + (content[7:35] if number in (14, 19) else b"")
    job.dropped("icc")
    profile = content[3:]
    own = {b"GRAY": "GRAY", b"RGB ": "RGB "}.get(profile[16:20], space)
    kept = icc.neutral(profile, "GRAY" if own == "GRAY" else "RGB ") if content[0] in (2, 3) else None
    if kept is None:
        return b"\1\0\0" + (_GREY if own == "GRAY" else _SRGB).to_bytes(4)
    return content[:1] + b"\0\0" + kept
