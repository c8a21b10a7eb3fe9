"""Tracks of Matroska: what a decoder needs of each, without names, and which are kept.

Invariants:

- Sound, pictures and text are kept; buttons, control, time codes, picture subtitles and unknown kinds are not.
- Set-ups of decoders that hold comments (Vorbis, Theora, FLAC) are written without them; others are kept bit for bit.
- Encrypted tracks are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from privet.metadata import matroska_text
from privet.metadata.ebml import Keep, any_bytes, element, in_memory, kept, master, number, numbers
from privet.metadata.job import CannotClean, Job
from privet.metadata.mp4_entries import hevc_setup

_ENTRY, _NUMBER, _UID, _TYPE, _CODEC, _SETUP, _ENCODINGS = 0xAE, 0xD7, 0x73C5, 0x83, 0x86, 0x63A2, 0x6D80
_LANGUAGE, _LANGUAGE_TAG = 0x22B59C, 0x22B59D
_VIDEO, _SOUND, _TEXT = 1, 2, 17
_MAX_TRACKS: Final = 1000
_CODEC_NAME: Final = re.compile(rb"[A-Z0-9_/.&+-]{1,40}")
_LANGUAGE_NAME: Final = re.compile(rb"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")


def _matching(pattern: re.Pattern[bytes]) -> Keep:
    return lambda content: content if pattern.fullmatch(content.rstrip(b"\0")) else None


_LIGHT: Final = numbers(*range(0x55D1, 0x55DB))
_COLOUR: Final = numbers(*range(0x55B1, 0x55BE)) | {0x55D0: master(_LIGHT)}
_PROJECTION: Final = numbers(0x7671, 0x7673, 0x7674, 0x7675) | {0x7672: any_bytes}
_PICTURE: Final = (
    numbers(0x9A, 0x9D, 0x53B8, 0x53C0, 0xB0, 0xBA, 0x54AA, 0x54BB, 0x54CC, 0x54DD, 0x54B0, 0x54BA, 0x54B2, 0x54B3)
    | numbers(0x2EB524, 0x2FB523, 0x2383E3)
    | {0x55B0: master(_COLOUR), 0x7670: master(_PROJECTION)}
)
_HEARD: Final = numbers(0xB5, 0x78B5, 0x9F, 0x6264, 0x52F1)
_TABLE: Final = (
    numbers(_NUMBER, _TYPE, 0xB9, 0x88, 0x55AA, 0x55AB, 0x55AC, 0x55AD, 0x55AE, 0x55AF, 0x9C, 0x6DE7, 0x6DF8)
    | numbers(0x23E383, 0x234E7A, 0x23314F, 0x55EE, 0x56AA, 0x56BB)
    | {
        _LANGUAGE: _matching(_LANGUAGE_NAME),
        _LANGUAGE_TAG: _matching(_LANGUAGE_NAME),
        _CODEC: _matching(_CODEC_NAME),
        0xE0: master(_PICTURE),
        0xE1: master(_HEARD),
        0x41E4: master(numbers(0x41F0, 0x41E7) | {0x41ED: any_bytes}),
    }
)
_NAMES: Final = {0x536E: "track name", 0x258688: "codec name", 0x7446: "attachment link"}


class Packing(NamedTuple):
    """How the content of a track is packed: bytes that were taken off every frame's start, or zlib."""

    is_zlib: bool
    taken_off: bytes


class Tracks(NamedTuple):
    """The element with the kept tracks, their numbers, and how the text ones among them are to be read."""

    written: bytes
    numbers: frozenset[int]
    texts: dict[int, tuple[bytes, Packing]]


def read(content: bytes, job: Job) -> Tracks:
    """Read the list of tracks."""
    out: list[bytes] = []
    found: set[int] = set()
    texts: dict[int, tuple[bytes, Packing]] = {}
    entries = [body for name, body in in_memory(content) if name == _ENTRY]
    if len(entries) > _MAX_TRACKS:
        raise CannotClean("damaged: more than a thousand tracks")
    for body in entries:
        parts = dict(in_memory(body))
        track, kind, codec = (parts.get(part, b"") for part in (_NUMBER, _TYPE, _CODEC))
        at, role, coding = int.from_bytes(track), int.from_bytes(kind), codec.rstrip(b"\0")
        if at in found:
            raise CannotClean("damaged: two tracks of one number")
        packing = _packing(parts.get(_ENCODINGS, b""))
        if role == _TEXT and coding in matroska_text.KINDS and packing is not None:
            texts[at] = (coding, packing)
            setup, packed = matroska_text.KINDS[coding].setup, b""
        elif role in {_VIDEO, _SOUND}:
            setup, packed = _setup(coding, parts.get(_SETUP, b"")), parts.get(_ENCODINGS, b"")
        else:
            job.dropped("subtitle track" if role == _TEXT or coding[:2] == b"S_" else "track")
            continue
        found.add(at)
        entry = kept(body, _TABLE, lambda left: _tell(left, job)) + number(_UID, at)
        entry += element(_SETUP, setup) if setup else b""
        out.append(element(_ENTRY, entry, element(_ENCODINGS, _clean_packing(packed)) if packed else b""))
    if not out:
        raise CannotClean("no track of sound, pictures or subtitles")
    return Tracks(element(0x1654AE6B, *out), frozenset(found), texts)


def _tell(name: int, job: Job) -> None:
    if name not in {_UID, _SETUP, _ENCODINGS}:
        job.dropped(_NAMES.get(name, "track field"))


def _packing(encodings: bytes) -> Packing | None:
    """Return how a track is packed, or None where this cleaner cannot unpack it.

    Raises:
        CannotClean: it is encrypted.

    """
    is_zlib, taken_off, count = False, b"", 0
    for _, encoding in in_memory(encodings):
        parts = dict(in_memory(encoding))
        if int.from_bytes(parts.get(0x5033, b"")) or 0x5035 in parts:
            raise CannotClean("encrypted")
        if 0x5034 in parts:
            count += 1
            settings = dict(in_memory(parts[0x5034]))
            way = int.from_bytes(settings.get(0x4254, b""))
            is_zlib, taken_off = way == 0, settings.get(0x4255, b"") if way == 3 else b""
            if way not in {0, 3} or count > 1:
                return None
    return Packing(is_zlib, taken_off)


_PACKED: Final = {
    0x6240: master(numbers(0x5031, 0x5032, 0x5033) | {0x5034: master(numbers(0x4254) | {0x4255: any_bytes})})
}


def _clean_packing(encodings: bytes) -> bytes:
    return kept(encodings, _PACKED)


def _setup(coding: bytes, setup: bytes) -> bytes:
    rule = _SETUPS.get(coding)
    return rule(setup) if rule is not None and setup else setup


def _laced(setup: bytes) -> list[bytes]:
    """Return the packets of a set-up in Xiph's form: how many but one, lengths of all but the last, packets."""
    count, at = (setup[0] + 1 if setup else 0), 1
    sizes: list[int] = []
    for _ in range(count - 1):
        size = 0
        while True:
            if at >= len(setup):
                raise CannotClean("damaged: the set-up of a decoder is cut short")
            size, at = size + setup[at], at + 1
            if setup[at - 1] < 255:
                break
        sizes.append(size)
    packets = []
    for size in (*sizes, len(setup) - at - sum(sizes)):
        packets.append(setup[at : at + size])
        at += size
    return packets


def _lace(packets: Sequence[bytes]) -> bytes:
    sizes = b"".join(b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)) for packet in packets[:-1])
    return bytes((len(packets) - 1,)) + sizes + b"".join(packets)


def _three(comment: bytes) -> Callable[[bytes], bytes]:
    """Return the rule for three packets of which the second is a comment."""

    def rule(setup: bytes) -> bytes:
        packets = _laced(setup)
        if len(packets) != 3 or packets[1][:7] != comment[:7]:
            raise CannotClean("damaged: the set-up of a decoder is not what it should be")
        return _lace([packets[0], comment, packets[2]])

    return rule


def _flac(setup: bytes) -> bytes:
    if len(setup) < 42 or setup[:4] != b"fLaC" or setup[4] & 0x7F:
        raise CannotClean("damaged: the set-up of a decoder is not what it should be")
    return b"fLaC\x80\0\0\x22" + setup[8:42]


_SETUPS: Final[dict[bytes, Callable[[bytes], bytes]]] = {
    b"A_VORBIS": _three(b"\x03vorbis" + bytes(8) + b"\x01"),
    b"V_THEORA": _three(b"\x81theora" + bytes(8)),
    b"A_FLAC": _flac,
    b"V_MPEGH/ISO/HEVC": lambda setup: hevc_setup(memoryview(setup)),
}
