"""Sample descriptions of MP4 and QuickTime: how to decode a track, without the name of who encoded it.

Invariants:

- Of a description only the fields and boxes a decoder needs are kept; vendor, compressor and font names are blank.
- Encrypted tracks are refused.
- What a decoder is told about pixels and samples is kept bit for bit.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from privet.metadata import icc
from privet.metadata.isobmff import Box, box, boxes
from privet.metadata.job import CannotClean, Job

_ENCRYPTED: Final = frozenset(b"encv enca enct encs drmi drms drmt p608".split())
_VIDEO_BYTES: Final = 78
_MAX_NESTING: Final = 4
# Boxes of numbers that say how to decode or show; none has room for text.
_PLAIN: Final = frozenset(
    b"avcC svcC mvcC lhvC vvcC evcC av1C vpcC dvcC dvvC dvwC pasp clap btrt fiel gama mdcv clli SmDm CoLL cclv amve st3d jpgC"
    b" d263 damr alac dac3 dec3 dac4 dOps dmlp ddts pcmC SA3D enda frma chnl dmix wfex avdp damd dvc1 srat QDCA QDCP"
    b" auxi alve ccst vexu hfov prji eyes".split()
)


def entries(body: memoryview, handler: bytes, job: Job) -> bytes:
    """Return a cleaned `stsd` box, or nothing where a track of this kind is not kept."""
    clean = _VIDEO_OR_SOUND.get(handler)
    found = list(boxes(body[8:]))
    if clean is None or not found:
        return b""
    if any(entry.kind in _ENCRYPTED for entry in found):
        raise CannotClean("encrypted")
    cleaned = [clean(entry, job) for entry in found]
    return box(b"stsd", bytes(4), struct.pack(">I", len(cleaned)), *cleaned)


def _video(entry: Box, job: Job) -> bytes:
    body = entry.body
    if len(body) < _VIDEO_BYTES:
        raise CannotClean("damaged: a sample description is cut short")
    if any(body[42:74]):
        job.dropped("encoder name")
    # 6 reserved, data reference, version, revision; vendor; qualities, size, resolution, frame count; name; depth, colour table.
    fixed = b"".join((bytes(6), body[6:8], body[8:12], bytes(4), body[16:42], bytes(32), body[74:78]))
    rest = body[_VIDEO_BYTES:]
    if _has_colour_table(body):
        # Colours of its own follow: seed, flags, last index, then eight bytes a colour.
        size = 8 + 8 * (int.from_bytes(rest[6:8]) + 1)
        fixed, rest = fixed + bytes(rest[:size]), rest[size:]
    return box(entry.kind, fixed, _children(rest, job))


def _has_colour_table(body: memoryview) -> bool:
    depth, colours = struct.unpack_from(">Hh", body, 74)
    return colours == 0 and depth & 31 in {1, 2, 4, 8} and len(body) >= _VIDEO_BYTES + 8


def sound_bytes(body: memoryview) -> int:
    """Return how long the fixed part of a sound description is."""
    # ISO's version 1 is not QuickTime's: boxes follow at once, and a box's name stands where a small number would.
    if bytes(body[32:36]).isalpha():
        return 28
    return 28 + {1: 16, 2: 36}.get(int.from_bytes(body[8:10]), 0)


def _sound(entry: Box, job: Job) -> bytes:
    body = entry.body
    size = sound_bytes(body)
    if len(body) < size:
        raise CannotClean("damaged: a sample description is cut short")
    if any(body[12:16]):
        job.dropped("encoder name")
    fixed = b"".join((bytes(6), body[6:8], body[8:12], bytes(4), body[16:size]))
    return box(entry.kind, fixed, _children(body[size:], job))


def _children(body: memoryview, job: Job, depth: int = 0) -> bytes:
    if depth > _MAX_NESTING:
        raise CannotClean("damaged: boxes too deep")
    out: list[bytes] = []
    for child in boxes(body):
        if child.kind in _PLAIN:
            out.append(box(child.kind, child.body))
        elif child.kind[:3] == b"ms\0":
            # A sound description of Windows inside QuickTime's.
            out.append(box(child.kind, child.body))
        elif child.kind in _REBUILT:
            out.append(_REBUILT[child.kind](child.body, job))
        elif child.kind in {b"wave", b"sv3d", b"proj"}:
            end = box(b"\0\0\0\0") if child.kind == b"wave" else b""
            full = 4 if child.kind == b"proj" and not _is_box(child.body) else 0
            out.append(box(child.kind, child.body[:full], _children(child.body[full:], job, depth + 1), end))
        elif child.kind == b"sinf":
            raise CannotClean("encrypted")
        elif child.kind != b"\0\0\0\0":
            job.dropped("sample description box")
    return b"".join(out)


def _is_box(body: memoryview) -> bool:
    return len(body) >= 8 and 8 <= int.from_bytes(body[:4]) <= len(body)


def _colour(body: memoryview, job: Job) -> bytes:
    kind = bytes(body[:4])
    if kind in {b"nclx", b"nclc"}:
        return box(b"colr", body[: 11 if kind == b"nclx" else 10])
    if kind in {b"prof", b"rICC"}:
        profile = colour_profile(body)
        if profile is None:
            job.dropped("colour profile")
            return b""
        return box(b"colr", kind, profile)
    return b""


def colour_profile(colr: memoryview) -> bytes | None:
    """Return the profile in a `colr` box without a word in it, or None where the colours mean the same without it."""
    space = bytes(colr[20:24])
    if space == b"RGB ":
        return icc.neutral(bytes(colr[4:]), "RGB ")
    return icc.neutral(bytes(colr[4:]), "GRAY") if space == b"GRAY" else None


def _codec_descriptors(body: memoryview, _job: Job) -> bytes:
    """Return an `esds` box with the decoder's set-up and nothing else: no address, no language, no names."""
    outer = _descriptor(body[4:], 3)
    if outer is None or len(outer) < 3:
        raise CannotClean("damaged: a decoder description is none")
    flags = outer[2]
    at = 3 + (2 if flags & 0x80 else 0)
    if flags & 0x40:
        at += 1 + (outer[at] if at < len(outer) else 0)
    at += 2 if flags & 0x20 else 0
    config = _descriptor(outer[at:], 4)
    if config is None or len(config) < 13:
        raise CannotClean("damaged: a decoder description is none")
    setup = _descriptor(config[13:], 5)
    inner = bytes(config[:13]) + (_described(5, bytes(setup)) if setup is not None else b"")
    content = bytes(outer[:2]) + b"\0" + _described(4, inner) + _described(6, b"\2")
    return box(b"esds", bytes(4), _described(3, content))


def _descriptor(data: memoryview, wanted: int) -> memoryview | None:
    """Return what is in the first MPEG-4 descriptor of a kind."""
    at = 0
    while at + 2 <= len(data):
        tag, size, at = data[at], 0, at + 1
        for _ in range(4):
            if at >= len(data):
                return None
            byte, at = data[at], at + 1
            size = size << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        if tag == wanted:
            return data[at : at + size]
        at += size
    return None


def _described(tag: int, content: bytes) -> bytes:
    size = len(content)
    return (
        bytes((tag, size >> 21 & 0x7F | 0x80, size >> 14 & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size & 0x7F)) + content
    )


def _flac_setup(body: memoryview, _job: Job) -> bytes:
    """Return a `dfLa` box with the stream's numbers only."""
    if len(body) < 42 or body[4] & 0x7F:
        raise CannotClean("damaged: a FLAC track without its numbers")
    return box(b"dfLa", bytes(4), b"\x80\0\0\x22", body[8:42])


_PARAMETER_SETS: Final = frozenset((32, 33, 34))


def hevc_setup(body: memoryview) -> bytes:
    """Return what is in an `hvcC` box without messages: x265 writes its version and all its settings there."""
    arrays, at = [], 23
    for _ in range(body[22] if len(body) > 22 else 0):
        start = at
        count = int.from_bytes(body[at + 1 : at + 3])
        at += 3
        for _ in range(count):
            at += 2 + int.from_bytes(body[at : at + 2])
            if at > len(body):
                break
        if at > len(body):
            raise CannotClean("damaged: the set-up of a decoder is cut short")
        if body[start] & 0x3F in _PARAMETER_SETS:
            arrays.append(bytes(body[start:at]))
    return bytes(body[:22]) + bytes((len(arrays),)) + b"".join(arrays)


def _channels(body: memoryview, _job: Job) -> bytes:
    """Return a `chan` box: layout, bit map and twenty bytes for each described channel."""
    count = int.from_bytes(body[12:16])
    return box(b"chan", body[: 16 + 20 * min(count, 64)])


def _sphere_header(_body: memoryview, _job: Job) -> bytes:
    return box(b"svhd", bytes(5))


_REBUILT: Final[dict[bytes, Callable[[memoryview, Job], bytes]]] = {
    b"colr": _colour,
    b"esds": _codec_descriptors,
    b"dfLa": _flac_setup,
    b"hvcC": lambda body, _job: box(b"hvcC", hevc_setup(body)),
    b"chan": _channels,
    b"svhd": _sphere_header,
    b"prhd": lambda body, _job: box(b"prhd", body[:16]),
    b"equi": lambda body, _job: box(b"equi", body[:20]),
    b"cbmp": lambda body, _job: box(b"cbmp", body[:12]),
    # The set-up of older decoders.
    b"glbl": lambda body, _job: box(b"glbl", body),
    b"mp4a": lambda body, _job: box(b"mp4a", body[:4]),
    b"SMI ": lambda body, _job: box(b"SMI ", body),
}
_VIDEO_OR_SOUND: Final[dict[bytes, Callable[[Box, Job], bytes]]] = {
    b"vide": _video,
    b"auxv": _video,
    b"pict": _video,
    b"soun": _sound,
}
