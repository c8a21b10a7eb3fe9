"""Tags of sound: ID3, APE, Vorbis comments, RIFF INFO, chunks of AIFF, CAF, DSD, and annotations.

Invariant: sizes in a file are not believed beyond its end, and only heads are read.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, Final

from privet.audit.chunks import chunks, content, size_of
from privet.audit.tag import MAX_TEXT, Tag, words_in

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
            text = _id3_text(value) if name[:1] == b"T" and not known else ""
            yield Tag(
                "metadata-encoder" if known else "metadata-id3",
                not known,
                text,
                owner=bool(text) and name in _ID3_OWNERS,
            )
        place += head + size


_ID3_OWNERS: Final = frozenset((b"TPE1", b"TCOM", b"TOWN", b"TEXT", b"TP1", b"TCM", b"TXT"))


def _id3_text(value: bytes) -> str:
    wide = {1: "utf-16", 2: "utf-16-be"}.get(value[0])
    return value[1 : 1 + MAX_TEXT].decode(wide, "replace").strip("\0 ") if wide else words_in(value[1:])


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
    pages = list(_ogg_pages(stream))
    for first, second in itertools.pairwise(pages):
        if first.startswith(b"Speex   "):
            yield from _comments(second)
        elif first.startswith(b"\x7fFLAC") and second[:1] in b"\x04\x84":
            yield from _comments(second[4:])
    whole = b"".join(pages)
    for mark in (b"\x03vorbis", b"OpusTags", b"\x81theora", b"OVP80\2 "):
        place = whole.find(mark)
        if place >= 0:
            yield from _comments(whole[place + len(mark) :])


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
            text = "" if known or name.lower() == b"metadata_block_picture" else words_in(value)
            owner = name.lower() in _COMMENT_OWNERS
            yield Tag("metadata-encoder" if known else "metadata-vorbis-comment", not known, text, owner)
        if place >= len(block):
            return


_COMMENT_OWNERS: Final = frozenset((b"artist", b"author", b"composer", b"performer", b"contact"))
_RIFF: Final = frozenset((b"id3 ", b"ID3 ", b"bext", b"iXML", b"_PMX", b"cart", b"axml", b"aXML", b"DISP", b"IDIT"))
_RIFF_LISTS: Final = frozenset((b"hdrl", b"strl", b"odml", b"adtl", b"rec "))


def riff(stream: BinaryIO) -> Iterator[Tag]:
    """Yield INFO lists and other chunks with words of WAV, AVI and RIFF MIDI."""
    end = size_of(stream)
    stream.seek(12)
    yield from _riff(stream, end)


def _riff(stream: BinaryIO, end: int) -> Iterator[Tag]:
    for piece in chunks(stream, end, "little"):
        kind = content(stream, piece, 4)
        if piece.name in {b"LIST", b"RIFF"} and kind == b"INFO":
            for item in list(chunks(stream, piece.start + piece.size, "little")):
                if content(stream, item).strip(b"\0 "):
                    known = item.name == b"ISFT"
                    yield Tag("metadata-encoder" if known else "metadata-riff-info", personal=not known)
        elif piece.name == b"LIST" and kind in _RIFF_LISTS:
            yield from _riff(stream, piece.start + piece.size)
        elif piece.name == b"data" and kind == b"MThd":
            yield from midi(BytesIO(content(stream, piece)))
        elif piece.name in _RIFF and content(stream, piece).strip(b"\0 "):
            yield Tag("metadata-riff", personal=piece.name != b"IDIT")
        elif piece.name in _NAMES and (words := content(stream, piece)[_NAMES[piece.name] :].strip(b"\0")):
            yield Tag("metadata-riff-name", personal=False, text=words[:4096].decode("utf-8", "replace"))


_NAMES: Final = {b"strn": 0, b"labl": 4, b"note": 4}
"""Chunks that name a stream or a place in the sound, and where the name begins."""
_AIFF: Final = frozenset((b"NAME", b"AUTH", b"(c) ", b"ANNO", b"ID3 ", b"APPL", b"COMT", b"MIDI"))


def aiff(stream: BinaryIO) -> Iterator[Tag]:
    """Yield chunks with words of an AIFF file."""
    end = size_of(stream)
    stream.seek(12)
    for piece in chunks(stream, end, "big"):
        if piece.name in _AIFF and piece.size:
            yield Tag("metadata-aiff")


def au(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the annotation between the head and the samples."""
    start = int.from_bytes(stream.read(24)[4:8], "big")
    if words := stream.read(min(max(0, start - 24), _HEAD)).strip(b"\0 "):
        yield Tag("metadata-annotation", text=words[:4096].decode("utf-8", "replace"))


_CAF: Final = frozenset((b"desc", b"data", b"pakt", b"kuki", b"chan", b"free"))
_CAF_PERSONAL: Final = frozenset((b"strg", b"uuid", b"user", b"umid", b"edct", b"midi"))
_CAF_TOOLS: Final = frozenset((b"encoding application", b"encoder", b"channel layout", b"nominal bit rate"))


def caf(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the information of a Core Audio file, and chunks that playing does not take."""
    end = size_of(stream)
    stream.seek(8)
    for piece in chunks(stream, end, "big", width=8, pad=False):
        if piece.name == b"info":
            words = content(stream, piece)[4:].split(b"\0")
            for name, value in zip(words[::2], words[1::2], strict=False):
                known = name.lower() in _CAF_TOOLS
                if value:
                    yield Tag("metadata-encoder" if known else "metadata-caf", personal=not known)
        elif piece.name not in _CAF:
            yield Tag("metadata-caf", personal=piece.name in _CAF_PERSONAL)


def tagged(stream: BinaryIO) -> Iterator[Tag]:
    """Yield ID3 and APE tags around coded sound, and the INFO list of a WAV that it was made of and can be made into again."""
    yield from mp3(stream)
    stream.seek(0)
    head = stream.read(1 << 16)
    if re.search(rb"LIST.{4}INFO", head, re.DOTALL):
        yield Tag("metadata-riff-info")


def dsf(stream: BinaryIO) -> Iterator[Tag]:
    """Yield the ID3 tag to which the head of a DSF file points."""
    if int.from_bytes(stream.read(28)[20:28], "little"):
        yield Tag("metadata-id3")


def dff(stream: BinaryIO) -> Iterator[Tag]:
    """Yield chunks with words of a DSDIFF file."""
    end = size_of(stream)
    stream.seek(16)
    for piece in chunks(stream, end, "big", width=8):
        if piece.name in {b"DIIN", b"COMT", b"ID3 ", b"MANF"} and piece.size:
            yield Tag("metadata-dff")


_MIDI_PERSONAL: Final = frozenset((1, 2))
_MIDI_TEXTS: Final = frozenset((3, 4, 6, 7, 8, 9))
LYRICS: Final = 5


def midi(stream: BinaryIO) -> Iterator[Tag]:
    """Yield comments and copyright of a MIDI file as personal, other texts to be looked at; lyrics are records."""
    for kind, body in midi_texts(stream):
        if not body.strip(b"\0 "):
            continue
        if kind in _MIDI_PERSONAL:
            yield Tag("metadata-midi", text=body[:4096].decode("utf-8", "replace"))
        elif kind in _MIDI_TEXTS:
            yield Tag("metadata-midi-name", personal=False, text=body[:4096].decode("utf-8", "replace"))
        elif kind == 0x7F:
            yield Tag("metadata-midi-maker", personal=False)


def midi_texts(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and the content of each event that is no music."""
    raw = stream.read(_HEAD)
    end = 14
    while raw[end : end + 4] == b"MTrk":
        place, end = end + 8, end + 8 + int.from_bytes(raw[end + 4 : end + 8], "big")
        status = 0
        while place < min(end, len(raw)):
            _, place = _number(raw, place)
            if raw[place : place + 1] >= b"\x80":
                status = raw[place]
                place += 1
            if status == 0xFF:
                kind = raw[place] if place < len(raw) else 0
                size, place = _number(raw, place + 1)
                yield kind, raw[place : place + size]
                place += size
            elif status in (0xF0, 0xF7):
                size, place = _number(raw, place)
                place += size
            else:
                place += 1 if status >> 4 in (0xC, 0xD) else 2


def _number(raw: bytes, place: int) -> tuple[int, int]:
    value = 0
    for byte in raw[place : place + 4]:
        place += 1
        value = value << 7 | byte & 127
        if byte < 128:
            break
    return value, place
