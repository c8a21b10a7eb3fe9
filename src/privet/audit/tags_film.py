"""Tags of film that is no MP4: Matroska, Windows Media, Flash, RealMedia, MPEG streams.

Invariant: pictures and sound are skipped, not read, but for MPEG streams, of which the beginning is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from privet.audit.chunks import size_of
from privet.audit.tag import Tag

_HEAD: Final = 1 << 24
_ENTERED: Final = frozenset(
    (0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0x1254C367, 0x7373, 0x67C8, 0x1043A770, 0x45B9, 0xB6, 0x80)
)
"""Segment, information, tracks, track, tags, tag, simple tag, chapters, edition, chapter, display."""
_TITLE, _DATE, _TAG_NAME, _TRACK_NAME, _CHAPTER, _ATTACHMENTS = 0x7BA9, 0x4461, 0x45A3, 0x536E, 0x85, 0x1941A469
_PATHS: Final = frozenset((0x7384, 0x3C83AB, 0x3E83BB))
_PROGRAMS: Final = frozenset((0x4D80, 0x5741))
_TECHNICAL: Final = re.compile(
    rb"(?i)ENCODER|ENCODER_SETTINGS|DURATION|BPS|NUMBER_OF_\w+|_STATISTICS_\w+|(?:MAJOR|COMPATIBLE)_BRANDS?|MINOR_VERSION|HANDLER_NAME|VENDOR_ID"
)


def matroska(stream: BinaryIO) -> Iterator[Tag]:
    """Yield titles, tags, names of tracks and chapters, attachments; elements are told by their numbers, wherever they stand."""
    end = size_of(stream)
    place = 0
    while place < end:
        stream.seek(place)
        head = stream.read(12)
        number, at = _coded(head, 0, keep=True)
        size, width = _coded(head, at, keep=False)
        if not number or not width:
            return
        start = place + at + width
        is_open = size == (1 << 7 * width) - 1
        if number in _ENTERED or is_open:
            place = start
            continue
        stream.seek(start)
        yield from _element(number, stream, min(size, end - start))
        place = start + size


def _element(number: int, stream: BinaryIO, size: int) -> Iterator[Tag]:
    if number == _TITLE and size:
        yield Tag("metadata-matroska-title", text=_text(stream, size))
    elif number in _PATHS:
        yield Tag("metadata-matroska-path")
    elif number in _PROGRAMS and _text(stream, size).strip("\0 "):
        yield Tag("metadata-encoder", personal=False)
    elif number == _DATE:
        yield Tag("metadata-matroska-date", personal=False)
    elif number == _TAG_NAME:
        known = bool(_TECHNICAL.fullmatch(stream.read(min(size, 256)).strip(b"\0")))
        yield Tag("metadata-encoder" if known else "metadata-matroska-tag", personal=not known)
    elif number in (_TRACK_NAME, _CHAPTER) and size:
        yield Tag("metadata-matroska-name", personal=False, text=_text(stream, size))
    elif number == _ATTACHMENTS and size:
        yield Tag("metadata-matroska-attachment")


def _text(stream: BinaryIO, size: int) -> str:
    return stream.read(min(size, 4096)).decode("utf-8", "replace")


def _coded(raw: bytes, place: int, *, keep: bool) -> tuple[int, int]:
    """Return a number of EBML (RFC 8794) and how long it is, or zeros."""
    if place >= len(raw) or not raw[place]:
        return 0, 0
    width = 9 - raw[place].bit_length()
    value = int.from_bytes(raw[place : place + width], "big")
    return value if keep else value & (1 << 7 * width) - 1, width


def _guid(text: str) -> bytes:
    first, second, third, rest = text.split("-", 3)
    parts = (bytes.fromhex(part)[::-1] for part in (first, second, third))
    return b"".join(parts) + bytes.fromhex(rest.replace("-", ""))


_ASF_EXTENSION: Final = _guid("5FBF03B5-A92E-11CF-8EE3-00C00C205365")
_ASF_DESCRIPTION: Final = _guid("75B22633-668E-11CF-A6D9-00AA0062CE6C")
_ASF_TAGS: Final = frozenset(
    map(
        _guid,
        (
            "D2D0A440-E307-11D2-97F0-00A0C95EA850",
            "C5F8CBEA-5BAF-4877-8467-AA8C44FA4CCA",
            "44231C94-9498-49D1-A141-1D134E457054",
        ),
    )
)
_ASF_OTHER: Final = {
    _guid("2211B3FA-BD23-11D2-B4B7-00A0C955FC6E"): "metadata-asf",
    _guid("2211B3FC-BD23-11D2-B4B7-00A0C955FC6E"): "metadata-asf",
    _guid("1EFB1A30-0B62-11D0-A39B-00A0C90348F6"): "metadata-asf",
    _guid("F487CD01-A951-11CF-8EE6-00C00C205365"): "metadata-asf",
}
_ASF_NAME: Final = re.compile(rb"(?:[ -~]\0){2,}")
_ASF_TECHNICAL: Final = re.compile(
    r"WMFSDK\w+|WM/(?:Encod\w+|WMADRC\w+|Tool\w+)|IsVBR|DeviceConformanceTemplate|(?:Peak|Average|ASFLeaky)\w*|\w*BucketPairs|AspectRatio[XY]"
    r"|Seekable|Stridable|(?:major|compatible)_brands?|minor_version|encoder"
)


def asf(stream: BinaryIO) -> Iterator[Tag]:
    """Yield descriptions and tags of the head; of names that programs write only a note."""
    raw = stream.read(_HEAD)
    yield from _asf(raw, 30, min(len(raw), int.from_bytes(raw[16:24], "little")))


def _asf(raw: bytes, place: int, end: int) -> Iterator[Tag]:
    while place + 24 <= end:
        kind, size = raw[place : place + 16], int.from_bytes(raw[place + 16 : place + 24], "little")
        body = raw[place + 24 : place + size]
        if kind == _ASF_EXTENSION:
            yield from _asf(raw, place + 46, place + size)
        elif kind == _ASF_DESCRIPTION and body[10:].strip(b"\0"):
            yield Tag("metadata-asf")
        elif kind in _ASF_TAGS:
            yield from _asf_tags(body)
        elif kind in _ASF_OTHER:
            yield Tag(_ASF_OTHER[kind])
        if size < 24:
            return
        place += size


def _asf_tags(body: bytes) -> Iterator[Tag]:
    """Tell by the first words whether there is anything but what programs write: names and values come in turn."""
    words = [match[0].decode("utf-16-le") for match in _ASF_NAME.finditer(body)]
    if words:
        known = all(_ASF_TECHNICAL.fullmatch(word) for word in words[::2])
        yield Tag("metadata-encoder" if known else "metadata-asf", personal=not known)


_FLV_TOOLS: Final = frozenset(
    b"encoder metadatacreator major_brand minor_version compatible_brands audiocodecid videocodecid".split()
)


def flash(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the texts of the script tags of a Flash film."""
    end = size_of(stream)
    place = 13
    while place + 11 <= end:
        stream.seek(place)
        head = stream.read(11)
        size = int.from_bytes(head[1:4], "big")
        if head[0] & 31 == 18:
            body = stream.read(min(size, _HEAD))
            if b"onXMPData" in body[:16]:
                yield Tag("metadata-xmp")
            # A key, the mark of a text, the length of the text.
            for match in re.finditer(rb"\0[\1-\x40]([A-Za-z_ -]{1,64})\x02(..)", body, re.DOTALL):
                known = match[1].lower() in _FLV_TOOLS
                if match[2] != b"\0\0":
                    yield Tag("metadata-encoder" if known else "metadata-flv", personal=not known)
        place += 15 + size


def real_media(stream: BinaryIO) -> Iterator[Tag]:
    """Yield title, author, copyright and comment of a RealMedia file, and the sections of tags."""
    end = size_of(stream)
    place = 0
    while place + 8 <= end:
        stream.seek(place)
        name, size = stream.read(4), int.from_bytes(stream.read(4), "big")
        if name == b"CONT":
            texts = stream.read(min(max(0, size - 8), 1 << 18))[2:]
            # Title, author, copyright and comment, each behind its length.
            while texts:
                length = int.from_bytes(texts[:2], "big")
                if texts[2 : 2 + length].strip(b"\0 "):
                    yield Tag("metadata-real-media")
                texts = texts[2 + length :]
        elif name in {b"RJMD", b"RMMD"}:
            yield Tag("metadata-real-media")
        if size < 8:
            return
        place += size


_SERVICE, _GUIDE, _CLOCK = 0x11, 0x12, 0x14
_NOBODY: Final = (b"FFmpeg", b"Service01", b"Service02", b"Libav", b"")


def transport(stream: BinaryIO) -> Iterator[Tag]:
    """Yield names of channels, guides and clocks of a transport stream, and what cameras write between the pictures."""
    raw = stream.read(4 * _HEAD)
    step, first = next(
        ((step, first) for step, first in ((188, 0), (192, 4), (204, 0)) if raw[first::step][:8].strip(b"G") == b""),
        (188, 0),
    )
    seen: set[int] = set()
    for place in range(first, len(raw) - 187, step):
        pid = int.from_bytes(raw[place + 1 : place + 3], "big") & 0x1FFF
        if pid in {_SERVICE, _GUIDE, _CLOCK} and pid not in seen:
            seen.add(pid)
            yield from _table(pid, raw[place + 4 : place + 188])
    yield from program(stream, raw)


def _table(pid: int, packet: bytes) -> Iterator[Tag]:
    if pid == _CLOCK:
        yield Tag("metadata-stream-date", personal=False)
    elif pid == _GUIDE:
        yield Tag("metadata-stream-guide", personal=False)
    else:
        # A descriptor of a service: its mark and length, the kind of service, a provider and a name with their lengths.
        for match in re.finditer(rb"\x48.[\1-\x20](?=(.))", packet, re.DOTALL):
            provider = packet[match.end() + 1 : match.end() + 1 + match[1][0]]
            rest = packet[match.end() + 1 + len(provider) :]
            name = rest[1 : 1 + rest[0]] if rest else b""
            if provider not in _NOBODY or name not in _NOBODY:
                yield Tag("metadata-stream-service")
            return


def program(stream: BinaryIO, raw: bytes = b"") -> Iterator[Tag]:
    """Yield what cameras write between the pictures (date, place, device), and ID3 in the stream."""
    raw = raw or stream.read(4 * _HEAD)
    if b"MDPM" in raw:
        yield Tag("metadata-stream-camera")
    if re.search(rb"ID3[\3\4]\0[\0\x80\x40]", raw):
        yield Tag("metadata-id3")
