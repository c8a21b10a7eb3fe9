"""Tags of pictures that are a head and pixels: what their heads have room for beside numbers.

Invariant: only heads and tails are read; fields that are blank, zeros or ones say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, Final

from privet.audit.chunks import Piece, chunks, content, size_of
from privet.audit.tag import Tag
from privet.audit.tags_boxes import jpeg2000
from privet.audit.tags_image import image

_BLANK: Final = b"\0 \xff\t\r\n"
_MOST: Final = 1 << 26
_MAX_ICONS: Final = 256


def _said(rule: str, field: bytes, *, personal: bool = True) -> Iterator[Tag]:
    """Yield a tag where a field of a fixed size holds something."""
    if words := field.strip(_BLANK).decode("latin-1"):
        yield Tag(rule, personal, words)


def bmp(stream: BinaryIO) -> Iterator[Tag]:
    """Yield a colour profile that is the path of a file, and bytes behind the end."""
    size = size_of(stream)
    head = stream.read(138)
    end = int.from_bytes(head[2:6], "little")
    if int.from_bytes(head[14:18], "little") >= 124 and head[70:74] == b"KNIL":
        yield Tag("metadata-image-path")
    if 54 <= end < size:
        stream.seek(end)
        if stream.read(_MOST).strip(b"\0"):
            yield Tag("metadata-behind-the-end")


def icons(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the tags of the pictures in an icon or a cursor."""
    head = stream.read(6)
    for at in range(min(int.from_bytes(head[4:6], "little"), _MAX_ICONS)):
        stream.seek(6 + 16 * at)
        entry = stream.read(16)
        stream.seek(int.from_bytes(entry[12:16], "little"))
        part = stream.read(min(int.from_bytes(entry[8:12], "little"), _MOST))
        if part.startswith(b"\x89PNG"):
            yield from image(BytesIO(part))


def apple_icons(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the tags of the pictures in an icns file, and its names."""
    end = size_of(stream)
    place = 8
    while place + 8 <= end:
        stream.seek(place)
        name, size = stream.read(4), int.from_bytes(stream.read(4), "big")
        part = content(stream, Piece(name, place + 8, max(0, size - 8)), _MOST)
        if part.startswith(b"\x89PNG"):
            yield from image(BytesIO(part))
        elif part.startswith((b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")):
            yield from jpeg2000(BytesIO(part))
        elif name in {b"info", b"name"}:
            yield from _said("metadata-image-text", part)
        place += max(8, size)


def targa(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the text behind the head, and the fields of the second version's extension (Truevision TGA 2.0)."""
    size = size_of(stream)
    head = stream.read(18)
    yield from _said("metadata-image-text", stream.read(head[0]))
    stream.seek(max(0, size - 26))
    foot = stream.read(26)
    if not foot.endswith(b"TRUEVISION-XFILE.\0"):
        return
    if int.from_bytes(foot[4:8], "little"):
        yield Tag("metadata-image-segment")
    if place := int.from_bytes(foot[:4], "little"):
        stream.seek(place)
        more = stream.read(495)
        yield from _said("metadata-image-author", more[2:43])
        yield from _said("metadata-image-text", more[43:367])
        yield from _said("metadata-image-text", more[379:420])
        yield from _said("metadata-software", more[426:467], personal=False)


def pcx(stream: BinaryIO) -> Iterator[Tag]:
    """Yield words in the unused part of the head."""
    yield from _words("metadata-image-text", stream.read(128)[74:])


def dcx(stream: BinaryIO) -> Iterator[Tag]:
    """Yield what stands in the heads of a fax's pages."""
    places = stream.read(4 + 4096)[4:]
    for at in range(0, len(places), 4):
        place = int.from_bytes(places[at : at + 4], "little")
        if not place:
            return
        stream.seek(place)
        yield from pcx(stream)


def sgi(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the name of a picture, which mostly is that of the file it was."""
    head = stream.read(512)
    yield from _said("metadata-image-name", head[24:104].split(b"\0")[0])
    yield from _words("metadata-image-text", head[108:])


def dds(stream: BinaryIO) -> Iterator[Tag]:
    """Yield words in the unused part of the head: programs sign there."""
    yield from _words("metadata-software", stream.read(128)[32:76], personal=False)


def _words(rule: str, field: bytes, *, personal: bool = True) -> Iterator[Tag]:
    """Yield a tag where a part without a use holds letters in a row."""
    if found := re.search(rb"[ -~]{4,}", field):
        yield Tag(rule, personal, found[0].decode("ascii"))


def qoi(stream: BinaryIO) -> Iterator[Tag]:
    """Yield bytes behind the end."""
    stream.seek(max(0, size_of(stream) - 8))
    if stream.read() != b"\0\0\0\0\0\0\0\1":
        yield Tag("metadata-behind-the-end")


_TOOL: Final = re.compile(rb"(?i)\W*(?:created|made|written|generated|converted) (?:by|with)|\W*creator:")


def netpbm(stream: BinaryIO) -> Iterator[Tag]:
    """Yield remarks of the head; those that only name a program as a note."""
    head = stream.read(1 << 16)
    for match in re.finditer(rb"#([^\n]*)\n", head[: _head_of_netpbm(head)]):
        personal = not _TOOL.match(match[1])
        yield from _said("metadata-image-text" if personal else "metadata-software", match[1], personal=personal)


def _head_of_netpbm(head: bytes) -> int:
    if head.startswith(b"P7"):
        return head.find(b"ENDHDR") + 1
    numbers = 2 if head[1:2] in b"14" else 3
    token = rb"(?:\s|#[^\n]*\n)+[-\d.]+"
    found = re.match(rb"P\w" + token * numbers + rb"(?:[ \t]*#[^\n]*\n)?", head)
    return found.end() if found else 0


_HDR: Final = (b"FORMAT=", b"EXPOSURE=", b"GAMMA=", b"PRIMARIES=", b"PIXASPECT=", b"COLORCORR=", b"VIEW=")


def radiance(stream: BinaryIO) -> Iterator[Tag]:
    """Yield remarks, commands and other variables of the head."""
    for line in stream.read(1 << 16).split(b"\n\n", 1)[0].split(b"\n")[1:]:
        if line.startswith(b"SOFTWARE=") or _TOOL.match(line):
            yield Tag("metadata-software", personal=False)
        elif not line.lstrip().startswith(_HDR):
            yield from _said("metadata-image-text", line.lstrip(b"#"))


_DPX: Final = (
    (36, 136, "metadata-image-name"), (160, 260, "metadata-image-author"), (260, 460, "metadata-image-text"),
    (460, 660, "metadata-image-copyright"), (792, 892, "metadata-image-name"), (916, 948, "metadata-image-device"),
    (948, 980, "metadata-image-serial"),
)  # fmt: skip


def dpx(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the texts of the heads (SMPTE 268M), and the part for the maker's own use."""
    head = stream.read(2048)
    for start, end, rule in _DPX:
        yield from _said(rule, head[start:end].split(b"\0")[0])
    yield from _words("metadata-image-text", head[1664:1920], personal=False)
    order = "big" if head[:4] == b"SDPX" else "little"
    pixels = int.from_bytes(head[4:8], order)  # type: ignore[arg-type]
    if 2048 < pixels < 1 << 24 and stream.read(pixels - 2048).strip(_BLANK):
        yield Tag("metadata-image-segment")


_FITS: Final = re.compile(
    rb"SIMPLE|BITPIX|NAXIS\d*|EXTEND|XTENSION|[PG]COUNT|GROUPS|BSCALE|BZERO|BLANK|BUNIT|DATAM(?:IN|AX)|TFIELDS|T(?:TYPE|FORM|UNIT|DIM|NULL)\d+|THEAP"
    rb"|EXTNAME|CHECKSUM|DATASUM|P(?:TYPE|SCAL|ZERO)\d+|Z\w+|WCSAXES\w?|C(?:TYPE|UNIT|RVAL|DELT|RPIX|ROTA)\d+\w?|(?:PC|CD|PV)\d+_\d+\w?"
    rb"|L(?:ON|AT)POLE\w?|RADESYS\w?|EQUINOX\w?|INHERIT|END|"
)
_FITS_BOILERPLATE: Final = (b"  FITS (Flexible Image Transport System)", b"  and Astrophysics', volume 376")


def fits(stream: BinaryIO) -> Iterator[Tag]:
    """Yield keywords of every head that do not say how a picture is stored or where on the sky it is."""
    end = size_of(stream)
    place = 0
    while place < end:
        stream.seek(place)
        size: dict[bytes, int] = {}
        while block := stream.read(2880):
            place += 2880
            cards = [block[at : at + 80] for at in range(0, len(block), 80)]
            for card in cards:
                yield from _card(card, size)
            if any(card[:8] == b"END     " for card in cards):
                break
        axes = [size.get(b"NAXIS%d" % at, 0) for at in range(1, min(size.get(b"NAXIS", 0), 999) + 1)]
        bits = abs(size.get(b"BITPIX", 0)) * bool(axes)
        for length in axes:
            bits *= max(0, length)
        place += -(-(bits // 8 + max(0, size.get(b"PCOUNT", 0))) // 2880) * 2880


def _card(card: bytes, size: dict[bytes, int]) -> Iterator[Tag]:
    name, value = card[:8].rstrip(), card[10:].split(b"/", 1)[0].strip()
    if value.lstrip(b"-").isdigit():
        size.setdefault(name, int(value))
    if _FITS.fullmatch(name) or card[8:].startswith(_FITS_BOILERPLATE):
        return
    is_text = value.startswith(b"'") and value.strip(b"' ") != b"" and not name.startswith(b"DATE")
    personal = is_text or (name in {b"COMMENT", b"HISTORY"} and bool(card[8:].strip()))
    yield Tag("metadata-fits", personal, card[8:].decode("latin-1"))


def animated(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the texts of an animated cursor, and the tags of its pictures."""
    end = size_of(stream)
    stream.seek(12)
    for piece in list(chunks(stream, end, "little")):
        body = content(stream, piece)
        if piece.name == b"LIST" and body[:4] == b"INFO" and body[4:].strip(b"\0"):
            yield Tag("metadata-riff-info")
        elif piece.name == b"LIST" and body[:4] == b"fram":
            frames = BytesIO(body)
            frames.seek(4)
            for frame in list(chunks(frames, len(body), "little")):
                yield from icons(BytesIO(content(frames, frame)))
