"""Pictures, colour profiles and fonts inside a PDF, without what does not show: texts, tags, names, what follows their end.

Invariants: pixels keep their coded bytes; a file that is not what it is said to be is refused, or returned as it is where it holds no text.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from privet.metadata.pdf_streams import BadSamples

_BEFORE: Final = 1024
"""bytes that readers skip to find where a JPEG starts"""


def bare_jpeg(data: bytes) -> bytes:
    """Return a JPEG with nothing but what decodes its pixels: no APPn but Adobe's colour transform, no comments, no tail."""
    start = data.find(b"\xff\xd8", 0, _BEFORE)
    if start < 0:
        raise BadSamples("an embedded picture is not the JPEG it says it is")
    out = [b"\xff\xd8"]
    at = start + 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            at += 1
            continue
        marker = data[at + 1]
        if marker in {0xFF, 0x00} or 0xD0 <= marker <= 0xD8 or marker == 1:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9:
            break
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xEE and data[at + 4 : at + 9] == b"Adobe":
            out.append(b"\xff\xee\x00\x0e" + data[at + 4 : at + 16])
        elif not 0xE0 <= marker <= 0xEF and marker != 0xFE:
            out.append(data[at:end])
        at = end
        if marker == 0xDA:
            stop = _scan_end(data, at)
            out.append(data[at:stop])
            at = stop
    return b"".join((*out, b"\xff\xd9"))


_MARKER: Final = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")


def _scan_end(data: bytes, at: int) -> int:
    found = _MARKER.search(data, at)
    return found.start() if found else len(data)


def bare_jpx(data: bytes) -> bytes:
    """Return a JPEG 2000 file without its XML, UUID and unknown boxes."""
    if data[4:8] != b"jP  ":
        return data
    keep = {b"jP  ", b"ftyp", b"jp2h", b"jp2c", b"rreq"}
    out = []
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == 1 and at + 16 <= len(data):
            size = struct.unpack_from(">Q", data, at + 8)[0]
        size = size or len(data) - at
        if size < 8:
            break
        if kind in keep:
            out.append(data[at : at + size])
        at += size
    return b"".join(out)


def blank_profile(data: bytes) -> bytes:
    """Return an ICC profile with its texts, date, maker and model blanked, cut at the size it declares; nothing of what is none."""
    if len(data) < 132 or data[36:40] != b"acsp":
        return b""
    out = bytearray(data[: max(132, int.from_bytes(data[:4], "big"))])
    # Date, platform maker and model, creator and the identity (ICC.1:2022, section 7.2).
    out[24:36] = b"\x07\xd0\x00\x01\x00\x01" + bytes(6)
    for start, end in ((4, 8), (48, 56), (80, 100)):
        out[start:end] = bytes(end - start)
    for index in range(min(int.from_bytes(out[128:132], "big"), 200)):
        entry = out[132 + 12 * index : 144 + 12 * index]
        start, size = int.from_bytes(entry[4:8], "big"), int.from_bytes(entry[8:12], "big")
        end = min(start + size, len(out))
        if start < end:
            out[start:end] = _blank_tag(bytes(out[start:end]))
    return bytes(out)


def _blank_tag(tag: bytes) -> bytes:
    """Return a tag of a profile without its text; what stands for a well-known profile stays: viewers know it by that name."""
    kind = tag[:4]
    if kind == b"text":
        return tag[:8] + (b" " * max(0, len(tag) - 9) + b"\0")[: max(0, len(tag) - 8)]
    if kind == b"desc":
        size = int.from_bytes(tag[8:12], "big")
        known = tag[12 : 12 + size].rstrip(b"\0") in _WELL_KNOWN
        kept = tag[: 12 + size] if known else tag[:8] + b"\0\0\0\1"
        return kept[: len(tag)].ljust(len(tag), b"\0")
    if kind == b"mluc":
        texts = 16 + 12 * int.from_bytes(tag[8:12], "big")
        if tag[texts:].decode("utf-16-be", "replace").strip("\0").encode("ascii", "replace") in _WELL_KNOWN:
            return tag
        return tag[:texts] + (b"\0 " * len(tag))[: max(0, len(tag) - texts)]
    return tag


_WELL_KNOWN: Final = frozenset(
    {
        b"sRGB IEC61966-2.1", b"sRGB", b"sRGB built-in", b"sRGB2014", b"Adobe RGB (1998)", b"Display P3", b"Generic RGB Profile",
        b"Generic Gray Profile", b"Generic Gray Gamma 2.2 Profile", b"Generic CMYK Profile", b"U.S. Web Coated (SWOP) v2",
        b"Coated FOGRA39 (ISO 12647-2:2004)", b"Dot Gain 20%", b"Gray Gamma 2.2",
    }
)  # fmt: skip


def nameless_font(data: bytes) -> bytes:
    """Return a TrueType or OpenType font whose name table holds no names: it is not used to show text."""
    if data[:4] not in {b"\0\1\0\0", b"true", b"OTTO"}:
        return data
    out = bytearray(data)
    for index in range(min(int.from_bytes(data[4:6], "big"), 200)):
        tag, _sum, start, size = struct.unpack_from(">4sIII", data.ljust(28 + 16 * index, b"\0"), 12 + 16 * index)
        end = min(start + size, len(out))
        if tag == b"name" and 12 <= start < end:
            out[start:end] = (b"\0\0\0\0\0\6" + bytes(end - start))[: end - start]
    return bytes(out)
