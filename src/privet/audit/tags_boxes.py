"""Tags of what is made of boxes: MP4 and QuickTime, HEIC and AVIF, JPEG 2000, JPEG XL.

Invariant: of JPEG 2000 and JPEG XL every box is told but those that the picture is made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from privet.audit.chunks import boxes, content, size_of
from privet.audit.tag import Tag
from privet.audit.tags_exif import exif_block, xmp

_CONTAINERS: Final = frozenset((b"moov", b"trak", b"mdia", b"udta", b"meta", b"ilst", b"minf", b"moof", b"traf"))
_TOOL_BOXES: Final = frozenset(
    (b"\xa9too", b"hdlr", b"meta", b"\xa9enc", b"\xa9swr", b"mean", b"name", b"data", b"free", b"ilst", b"keys")
)
_MAX_DEPTH: Final = 8


def mp4(stream: BinaryIO) -> Iterator[Tag]:
    """Yield what stands in `udta`, `ilst` and XMP boxes, and tracks of metadata."""
    yield from _film(stream, size_of(stream), b"", 0)


def _film(stream: BinaryIO, end: int, parent: bytes, depth: int) -> Iterator[Tag]:
    for piece in boxes(stream, end):
        name = piece.name
        if name in {b"uuid", b"XMP_"}:
            yield Tag("metadata-xmp")
        elif parent in {b"udta", b"ilst"} and name not in _TOOL_BOXES:
            yield Tag("metadata-mp4-gps" if name in {b"\xa9xyz", b"loci"} else "metadata-mp4")
        elif name == b"keys" and parent == b"meta":
            yield from _keys(content(stream, piece))
        elif name == b"ID32":
            yield Tag("metadata-id3")
        elif name == b"hdlr" and parent == b"mdia" and content(stream, piece, 12)[8:12] == b"meta":
            yield Tag("metadata-mp4-track")
        elif name == b"mvhd" and content(stream, piece, 12)[4:8].strip(b"\0"):
            yield Tag("metadata-mp4-date", personal=False)
        elif name in _CONTAINERS and depth < _MAX_DEPTH:
            # `meta` is a full box in ISO files, a plain one in QuickTime's.
            is_full = name == b"meta" and content(stream, piece, 8)[4:8] != b"hdlr"
            stream.seek(piece.start + (4 if is_full else 0))
            yield from _film(stream, piece.start + piece.size, name, depth + 1)


_KEYS: Final = (
    b"location", b"author", b"artist", b"make", b"model", b"comment", b"title", b"creationdate", b"displayname", b"copyright",
    b"description", b"keywords", b"director", b"producer", b"performer", b"information",
)  # fmt: skip


def _keys(body: bytes) -> Iterator[Tag]:
    for mark in _KEYS:
        if mark in body:
            yield Tag("metadata-mp4-gps" if mark == b"location" else "metadata-mp4")


_ITEMS: Final = {b"Exif": "metadata-exif", b"mime": "metadata-xmp", b"uri ": "metadata-image-item"}


def heif(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the items of HEIC and AVIF files that are no pictures, names and descriptions, and the tags of sequences."""
    end = size_of(stream)
    for piece in boxes(stream, end):
        if piece.name == b"meta":
            stream.seek(piece.start + 4)
            yield from _items(stream, piece.start + piece.size)
        elif piece.name == b"uuid":
            yield Tag("metadata-xmp")
    stream.seek(0)
    yield from (tag for tag in _film(stream, end, b"", 0) if tag.rule != "metadata-xmp")


def _items(stream: BinaryIO, end: int) -> Iterator[Tag]:
    for piece in boxes(stream, end):
        body = content(stream, piece)
        if piece.name == b"iinf":
            stream.seek(piece.start + (6 if body[:1] == b"\0" else 8))
            for entry in boxes(stream, piece.start + piece.size):
                yield from _item(content(stream, entry))
        elif piece.name == b"uuid":
            yield Tag("metadata-xmp")
        elif piece.name == b"iprp" and b"udes" in body:
            yield Tag("metadata-image-text")


def _item(entry: bytes) -> Iterator[Tag]:
    """ISO 14496-12, 8.11.6: version, id (of two or four bytes), protection, kind, name."""
    if entry[:1] not in (b"\2", b"\3"):
        return
    kind = 8 if entry[:1] == b"\2" else 10
    if rule := _ITEMS.get(entry[kind : kind + 4]):
        yield Tag(rule)
    name = entry[kind + 4 :].split(b"\0")[0].decode("utf-8", "replace")
    if name and not rule:
        yield Tag("metadata-image-item-name", personal=False, text=name)


_JPEG2000: Final = frozenset(
    (b"jP  ", b"ftyp", b"jp2h", b"jp2c", b"rreq", b"ihdr", b"bpcc", b"colr", b"pclr", b"cmap", b"cdef", b"res ", b"jpch", b"jplh", b"cgrp",
     b"opct", b"creg", b"copt", b"inst", b"comp", b"ftbl", b"flst", b"dtbl", b"cref", b"free")
)  # fmt: skip
_UUIDS: Final = {
    b"JpgTiffExif->JP2": "metadata-exif",
    bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): "metadata-xmp",
    bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"): "metadata-iptc",
    bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03"): "metadata-exif-gps",
}


def jpeg2000(stream: BinaryIO) -> Iterator[Tag]:
    """Yield every box that the picture is not made of, and the comments of its code."""
    end = size_of(stream)
    if stream.read(2) == b"\xff\x4f":
        yield from _code(stream)
        return
    stream.seek(0)
    for piece in boxes(stream, end):
        if piece.name == b"uuid":
            kind = content(stream, piece, 16)
            if kind == b"JpgTiffExif->JP2":
                yield from exif_block(content(stream, piece)[16:])
            else:
                yield Tag(_UUIDS.get(kind, "metadata-image-box"))
        elif piece.name == b"xml ":
            yield from (
                xmp(content(stream, piece)) if b"<rdf:RDF" in content(stream, piece) else (Tag("metadata-image-box"),)
            )
        elif piece.name == b"jp2c" and content(stream, piece, 2) == b"\xff\x4f":
            yield from _code(stream)
        elif piece.name not in _JPEG2000:
            yield Tag("metadata-image-box")


_TOOL_COMMENTS: Final = (b"Created by OpenJPEG", b"Kakadu-", b"Kdu-Layer-Info", b"JasPer", b"Creator: ", b"LEAD")


def _code(stream: BinaryIO) -> Iterator[Tag]:
    """ISO 15444-1, annex A: segments of the main header, up to the first tile."""
    while (head := stream.read(4))[:1] == b"\xff" and len(head) == 4 and head[1] != 0x90:
        body = stream.read(max(0, int.from_bytes(head[2:], "big") - 2))
        if head[1] == 0x64 and body[2:].strip(b"\0 "):
            is_tool = body[2:].startswith(_TOOL_COMMENTS)
            yield Tag("metadata-software" if is_tool else "metadata-image-text", personal=not is_tool)


_JXL: Final = frozenset((b"JXL ", b"ftyp", b"jxlc", b"jxlp", b"jxll", b"jxli", b"free", b"hrgm"))
_JXL_RULES: Final = {b"xml ": "metadata-xmp", b"jumb": "metadata-image-box"}


def jpeg_xl(stream: BinaryIO) -> Iterator[Tag]:
    """Yield every box that the picture is not made of; what is packed in one (`brob`) is told by the name that it has inside."""
    end = size_of(stream)
    if stream.read(2) == b"\xff\n":
        return
    stream.seek(0)
    for piece in boxes(stream, end):
        name = content(stream, piece, 4) if piece.name == b"brob" else piece.name
        if piece.name == b"Exif":
            yield from exif_block(content(stream, piece)[4:])
        elif name == b"jbrd":
            # How to make the old JPEG again: segments that were in it may be here.
            yield Tag("metadata-jxl-jpeg", personal=False)
        elif name not in _JXL:
            yield Tag({b"Exif": "metadata-exif", **_JXL_RULES}.get(name, "metadata-image-box"))
