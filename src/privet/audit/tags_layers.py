"""Tags of pictures with layers and records: PSD, XCF, OpenEXR, FLIF, BPG, DjVu, Windows metafiles.

Invariant: names of layers and texts of drawings are looked at by the detector; blocks of metadata are told as such.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from struct import unpack_from
from typing import BinaryIO, Final

from privet.audit.chunks import chunks, content, size_of
from privet.audit.tag import Tag
from privet.audit.tags_exif import exif_block, xmp

_MOST: Final = 256 * 1024 * 1024


def _long(raw: bytes, place: int) -> int:
    return int.from_bytes(raw[place : place + 4], "big")


_PSD: Final = {
    1008: "metadata-image-text", 1028: "metadata-iptc", 1033: "metadata-exif-thumbnail", 1036: "metadata-exif-thumbnail",
    1035: "metadata-image-text", 1054: "metadata-image-text", 1050: "metadata-image-text", 1065: "metadata-image-text",
    1080: "metadata-image-text", 1082: "metadata-image-text",
}  # fmt: skip
_PSD_PLAIN: Final = frozenset((1005, 1039, 1046, 1047, 1037, 1049, 1044, 1064, 1010, 1062, 1011, 1026, 1032, 10000))


def psd(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the resources of a PSD or PSB that are metadata, and names and texts of layers."""
    raw = stream.read(_MOST)
    place = 30 + _long(raw, 26)
    end = place + 4 + _long(raw, place)
    place += 4
    while place + 12 <= end and raw[place : place + 4] in {b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR"}:
        number = int.from_bytes(raw[place + 4 : place + 6], "big")
        place += 6 + ((raw[place + 6] + 2) & ~1)
        size = _long(raw, place)
        yield from _resource(number, raw[place + 4 : place + 4 + size])
        place += 4 + ((size + 1) & ~1)
    for match in re.finditer(rb"8BIMluni.{4}(?=(.{4}))", raw[end:], re.DOTALL):
        start = end + match.end() + 4
        name = raw[start : start + 2 * _long(match[1], 0)]
        yield Tag("metadata-layer-name", personal=False, text=name[:2048].decode("utf-16-be", "replace"))
    for match in re.finditer(rb"/Text \(\xfe\xff(.{0,65536}?)(?<!\\)\)", raw[end:], re.DOTALL):
        yield Tag("metadata-layer-text", personal=False, text=match[1].decode("utf-16-be", "replace"))


def _resource(number: int, body: bytes) -> Iterator[Tag]:
    if number in {1058, 1059}:
        yield from exif_block(body)
    elif number == 1060:
        yield from xmp(body)
    elif number in _PSD and body.strip(b"\0"):
        yield Tag(_PSD[number])
    elif number not in _PSD_PLAIN:
        yield Tag("metadata-psd-resource", personal=False)


_PARASITES: Final = 21


def xcf(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the parasites of a GIMP picture and of its layers and channels, and their names."""
    raw = stream.read(_MOST)
    version = int(raw[10:13]) if raw[10:13].isdigit() else 0
    wide = 8 if version >= 11 else 4
    place, tags = _properties(raw, 30 if version >= 4 else 26)
    yield from tags
    for _ in range(2):
        while pointer := int.from_bytes(raw[place : place + wide], "big"):
            place += wide
            size = _long(raw, pointer + 12)
            name = raw[pointer + 16 : pointer + 16 + size]
            # A channel has no kind in front of its name.
            if not 0 < size < 4096 or name[-1:] != b"\0":
                size = _long(raw, pointer + 8)
                name, pointer = raw[pointer + 12 : pointer + 12 + size], pointer - 4
            yield Tag("metadata-layer-name", personal=False, text=name[:2048].decode("utf-8", "replace"))
            yield from _properties(raw, pointer + 16 + size)[1]
        place += wide


def _properties(raw: bytes, place: int) -> tuple[int, list[Tag]]:
    tags: list[Tag] = []
    while place + 8 <= len(raw) and (kind := _long(raw, place)):
        size = _long(raw, place + 4)
        if kind == _PARASITES:
            tags += _parasites(raw[place + 8 : place + 8 + size])
        place += 8 + size
    return place + 8, tags


def _parasites(block: bytes) -> Iterator[Tag]:
    place = 0
    while place + 4 < len(block):
        length = _long(block, place)
        name = block[place + 4 : place + 3 + length]
        place += 8 + length
        size = _long(block, place)
        body = block[place + 4 : place + 4 + size]
        place += 4 + size
        if name == b"exif-data":
            yield from exif_block(body)
        elif name == b"gimp-text-layer":
            yield Tag("metadata-layer-text", personal=False, text=body[:65536].decode("utf-8", "replace"))
        elif name != b"icc-profile":
            yield Tag("metadata-image-parasite", personal=not name.startswith(b"gimp-image-grid"))


_EXR: Final = frozenset(
    b"channels compression dataWindow displayWindow lineOrder pixelAspectRatio screenWindowCenter screenWindowWidth tiles type version"
    b" chunkCount chromaticities whiteLuminance adoptedNeutral envmap wrapmodes view multiView maxSamplesPerPixel dwaCompressionLevel"
    b" deepImageState".split()
)
_EXR_PERSONAL: Final = frozenset(b"owner comments longitude latitude altitude preview xmp".split())


def openexr(stream: BinaryIO) -> Iterator[Tag]:
    """Yield attributes that samples do not need: of texts all, of numbers those that say where."""
    raw = stream.read(1 << 22)
    place = 8
    is_multipart = bool(raw[5] & 0x10)
    while raw[place : place + 1] not in {b"", b"\0"}:
        while raw[place : place + 1] not in {b"", b"\0"}:
            name, kind, rest = raw[place : place + 600].split(b"\0", 2)
            place += len(name) + len(kind) + 2
            size = int.from_bytes(rest[:4], "little")
            value = raw[place + 4 : place + 4 + size]
            place += 4 + size
            if name == b"name":
                yield Tag("metadata-layer-name", personal=False, text=value.decode("utf-8", "replace"))
            elif name not in _EXR:
                personal = name in _EXR_PERSONAL or (kind in {b"string", b"stringvector"} and bool(value.strip(b"\0 ")))
                yield Tag("metadata-exr", personal and name != b"capDate")
        if not is_multipart:
            return
        place += 1


def _flif_number(raw: bytes, place: int) -> tuple[int, int]:
    value = 0
    while place < len(raw):
        value = value << 7 | raw[place] & 127
        place += 1
        if raw[place - 1] < 128:
            break
    return value, place


def flif(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the metadata chunks in front of a FLIF's pixels."""
    raw = stream.read(1 << 24)
    place = 6
    for _ in range(3 if raw[4] >> 4 > 4 else 2):
        _, place = _flif_number(raw, place)
    while raw[place : place + 1].isalpha():
        name = raw[place : place + 4]
        size, place = _flif_number(raw, place + 4)
        body = raw[place : place + size]
        place += size
        if name == b"eXif":
            try:
                yield from exif_block(zlib.decompress(body, -15))
            except zlib.error:
                yield Tag("metadata-exif")
        elif name != b"iCCP":
            yield Tag("metadata-xmp" if name == b"eXmp" else "metadata-image-segment")


_BPG: Final = {1: "metadata-exif", 3: "metadata-xmp", 4: "metadata-exif-thumbnail"}


def bpg(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the extensions of a BPG that are metadata."""
    raw = stream.read(1 << 24)
    place = 6
    for _ in range(3):
        _, place = _flif_number(raw, place)
    if not raw[5] & 8:
        return
    size, place = _flif_number(raw, place)
    end = place + size
    while place < min(end, len(raw)):
        kind, place = _flif_number(raw, place)
        size, place = _flif_number(raw, place)
        place += size
        if kind not in {2, 5}:
            yield Tag(_BPG.get(kind, "metadata-image-segment"))


_DJVU: Final = frozenset(
    (
        b"INFO",
        b"Sjbz",
        b"Smmr",
        b"Djbz",
        b"BG44",
        b"FG44",
        b"FGbz",
        b"BGjp",
        b"FGjp",
        b"PM44",
        b"BM44",
        b"INCL",
        b"DIRM",
    )
)
DJVU_TEXTS: Final = frozenset((b"TXTa", b"TXTz"))


def djvu(stream: BinaryIO) -> Iterator[Tag]:
    """Yield annotations, outlines, thumbnails and whatever else a page does not need."""
    end = size_of(stream)
    stream.seek(4)
    yield from _djvu(stream, end)


def _djvu(stream: BinaryIO, end: int) -> Iterator[Tag]:
    for piece in chunks(stream, end, "big"):
        if piece.name == b"FORM":
            kind = content(stream, piece, 4)
            if kind == b"THUM":
                yield Tag("metadata-exif-thumbnail")
            yield from _djvu(stream, piece.start + piece.size)
        elif piece.name not in _DJVU | DJVU_TEXTS and piece.size:
            yield Tag("metadata-djvu")


def emf(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the program and the title in the head, and comments that draw nothing."""
    end = size_of(stream)
    head = stream.read(88)
    length, start = unpack_from("<II", head, 60)
    stream.seek(start)
    program, _, title = stream.read(min(2 * length, 4096)).decode("utf-16-le", "replace").partition("\0")
    if title.strip("\0"):
        yield Tag("metadata-image-title", text=title.strip("\0"))
    if program.strip():
        yield Tag("metadata-software", personal=False)
    place = 0
    while place + 8 <= end:
        stream.seek(place)
        kind, size = unpack_from("<II", stream.read(8))
        if kind == 70 and stream.read(8)[4:] not in {b"EMF+", b"EMFS", b"GDIC"}:
            yield Tag("metadata-image-comment")
        if size < 8:
            return
        place += size


def wmf(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the comments of a metafile of 16 bits."""
    end = size_of(stream)
    place = 40 if stream.read(4) == b"\xd7\xcd\xc6\x9a" else 18
    while place + 6 <= end:
        stream.seek(place)
        size, function = unpack_from("<IH", stream.read(6))
        if function == 0x0626 and stream.read(2) == b"\x0f\0":
            yield Tag("metadata-image-comment")
        if size < 3:
            return
        place += 2 * size


def flat(stream: BinaryIO) -> Iterator[Tag]:
    """Yield metadata in drawings (SVG) and in office documents of one XML file."""
    raw = stream.read(_MOST)
    if not _ROOTS.search(raw[:65536]):
        return
    if _FLAT.search(raw):
        yield Tag("metadata-xml")


_ROOTS: Final = re.compile(rb"<(?:\w+:)?svg[\s>]|<office:document[\s-]|<w:wordDocument|<pkg:package|<Workbook\b")
_FLAT: Final = re.compile(
    rb"<(?:dc:(?:creator|title|description|rights|subject|publisher|contributor)|meta:initial-creator|meta:printed-by|meta:keyword"
    rb"|o:(?:Author|LastAuthor|Company|Manager|Title|Subject|Description|Keywords)|cp:lastModifiedBy|cc:Agent|x:xmpmeta)\b[^>]{0,512}>\s{0,512}[^<\s]"
    rb"""|(?:sodipodi:docname|inkscape:export-filename|sodipodi:absref)="[^"]"""
)
