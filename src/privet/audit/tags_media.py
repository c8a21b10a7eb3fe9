"""Tags of sound and film: ID3, Vorbis comments, RIFF INFO, MP4 boxes.

Invariant: sizes in a file are not believed beyond its end, and only heads are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from privet.audit.tag import Tag

_HEAD: Final = 1 << 24
_TOOLS: Final = frozenset((b"TSSE", b"TENC", b"TLEN", b"TFLT", b"TBPM", b"TSS", b"TLE"))
_TOOL_FIELDS: Final = frozenset(
    (b"encoder", b"encoding", b"vendor", b"replaygain_track_gain", b"replaygain_track_peak", b"replaygain_album_gain",
     b"replaygain_album_peak", b"waveformatextensible_channel_mask")
)  # fmt: skip


def mp3(stream: BinaryIO) -> Iterator[Tag]:
    """Yield ID3v2 frames, ID3v1 and APE tags."""
    head = stream.read(10)
    if head[:3] == b"ID3":
        body = stream.read(min(_HEAD, _synchsafe(head[6:10])))
        yield from _id3_frames(body, head[3])
    stream.seek(0, 2)
    size = stream.tell()
    stream.seek(max(0, size - 4096))
    tail = stream.read()
    if tail[-128:-125] == b"TAG" and tail[-125:].strip(b"\x00 \xff"):
        yield Tag("metadata-id3v1")
    if b"APETAGEX" in tail:
        yield Tag("metadata-ape")


def _synchsafe(raw: bytes) -> int:
    return sum((byte & 0x7F) << 7 * at for at, byte in enumerate(reversed(raw)))


def _id3_frames(body: bytes, version: int) -> Iterator[Tag]:
    """ID3v2.2, 2.3 and 2.4: frames of an id, a size and a value."""
    width, head = (3, 6) if version == 2 else (4, 10)
    place = 0
    while place + head <= len(body) and body[place : place + 1].isalnum():
        name = body[place : place + width]
        raw = body[place + width : place + 2 * width]
        size = _synchsafe(raw) if version == 4 else int.from_bytes(raw, "big")
        value = body[place + head : place + head + size]
        if value.strip(b"\x00\x01\x03 "):
            known = name in _TOOLS
            yield Tag("metadata-encoder" if known else "metadata-id3", personal=not known)
        place += head + size


def flac(stream: BinaryIO) -> Iterator[Tag]:
    """Yield Vorbis comments, pictures and application blocks of a FLAC file."""
    stream.read(4)
    last = False
    while not last and len(head := stream.read(4)) == 4:
        last, kind = bool(head[0] & 0x80), head[0] & 0x7F
        size = int.from_bytes(head[1:], "big")
        if kind == 4:
            yield from _comments(stream.read(size))
        else:
            stream.seek(size, 1)
            if kind in (2, 6):
                yield Tag("metadata-picture" if kind == 6 else "metadata-application")


def ogg(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the comments of an Ogg file; they stand in its second packet."""
    content = b"".join(_ogg_pages(stream))
    for mark in (b"\x03vorbis", b"OpusTags", b"\x81theora"):
        place = content.find(mark)
        if place >= 0:
            yield from _comments(content[place + len(mark) :])


def _ogg_pages(stream: BinaryIO) -> Iterator[bytes]:
    read = 0
    while read < _HEAD and len(head := stream.read(27)) == 27 and head[:4] == b"OggS":
        body = stream.read(sum(stream.read(head[26])))
        read += len(body)
        yield body
        if read > 1 << 18 and b"vorbis" not in body:
            return


def _comments(block: bytes) -> Iterator[Tag]:
    """Vorbis comments: a vendor, then fields of `name=value`, all with their sizes in front."""
    size = int.from_bytes(block[:4], "little")
    place = 4 + size
    count = int.from_bytes(block[place : place + 4], "little")
    place += 4
    for _ in range(min(count, 10_000)):
        size = int.from_bytes(block[place : place + 4], "little")
        name, _, value = block[place + 4 : place + 4 + size].partition(b"=")
        place += 4 + size
        if value:
            known = name.lower() in _TOOL_FIELDS
            yield Tag("metadata-encoder" if known else "metadata-vorbis-comment", personal=not known)
        if place >= len(block):
            return


_RIFF: Final = frozenset((b"LIST", b"id3 ", b"ID3 ", b"bext", b"iXML", b"_PMX", b"cart", b"axml"))


def wav(stream: BinaryIO) -> Iterator[Tag]:
    """Yield INFO lists and other chunks with words of a RIFF file."""
    stream.read(12)
    while len(head := stream.read(8)) == 8:
        name, size = head[:4], int.from_bytes(head[4:], "little")
        if name == b"LIST":
            body = stream.read(min(size, _HEAD))
            if body[:4] == b"INFO" and body[4:].strip(b"\x00"):
                only = body[4:8] == b"ISFT" and len(body) < 80
                yield Tag("metadata-encoder" if only else "metadata-riff-info", personal=not only)
        else:
            if name in _RIFF:
                yield Tag("metadata-riff")
            stream.seek(size, 1)
        stream.seek(size & 1, 1)


_AIFF: Final = frozenset((b"NAME", b"AUTH", b"(c) ", b"ANNO", b"ID3 ", b"APPL", b"COMT", b"MIDI"))


def aiff(stream: BinaryIO) -> Iterator[Tag]:
    """Yield chunks with words of an AIFF file."""
    stream.read(12)
    while len(head := stream.read(8)) == 8:
        size = int.from_bytes(head[4:], "big")
        if head[:4] in _AIFF and size:
            yield Tag("metadata-aiff")
        stream.seek(size + (size & 1), 1)


_CONTAINERS: Final = frozenset((b"moov", b"trak", b"mdia", b"udta", b"meta", b"ilst", b"minf"))
_TOOL_BOXES: Final = frozenset(
    (b"\xa9too", b"hdlr", b"meta", b"\xa9enc", b"\xa9swr", b"mean", b"name", b"data", b"free", b"ilst", b"keys")
)


def mp4(stream: BinaryIO) -> Iterator[Tag]:
    """Yield what stands in `udta`, `ilst` and XMP boxes of an MP4 file."""
    stream.seek(0, 2)
    end = stream.tell()
    stream.seek(0)
    yield from _boxes(stream, end, b"", 0)


def _boxes(stream: BinaryIO, end: int, parent: bytes, depth: int) -> Iterator[Tag]:
    while stream.tell() + 8 <= end:
        start = stream.tell()
        head = stream.read(8)
        size, name = int.from_bytes(head[:4], "big"), head[4:]
        if size == 1:
            size = int.from_bytes(stream.read(8), "big")
        size = end - start if size == 0 else size
        if size < 8:
            return
        last = min(end, start + size)
        if name in {b"uuid", b"XMP_"}:
            yield Tag("metadata-xmp")
        elif parent in {b"udta", b"ilst"} and name not in _TOOL_BOXES:
            yield Tag("metadata-mp4-gps" if name in {b"\xa9xyz", b"loci"} else "metadata-mp4")
        elif name == b"keys" and parent == b"meta":
            yield from _keys(stream.read(min(last - stream.tell(), _HEAD)))
        elif name in _CONTAINERS and depth < 8:
            if name == b"meta":
                # A full box in ISO files, a plain one in QuickTime's.
                peek = stream.read(8)
                stream.seek(-8 if peek[4:8] == b"hdlr" else -4, 1)
            yield from _boxes(stream, last, name, depth + 1)
        stream.seek(last)


def _keys(body: bytes) -> Iterator[Tag]:
    for mark in (
        b"location",
        b"author",
        b"artist",
        b"make",
        b"model",
        b"comment",
        b"title",
        b"creationdate",
        b"displayname",
    ):
        if mark in body:
            yield Tag("metadata-mp4-gps" if mark == b"location" else "metadata-mp4")
