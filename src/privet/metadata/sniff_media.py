"""Pictures, sound and film whose first bytes are too short a proof: the checks behind them.

Each function takes (head, tail, name, size), as `sniff.recognise` does, and returns the format or an empty text.
"""

from __future__ import annotations

import struct
from typing import Final

_HEIF_BRANDS: Final = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf avif avis avci avcs jpeg".split()
)
_QUICKTIME: Final = frozenset(b"moov mdat free skip wide pnot".split())


def riff(head: bytes, _tail: bytes, _name: str, _size: int) -> str:
    """WAV, AVI, WebP."""
    return {b"WAVE": "wav", b"AVI ": "avi", b"WEBP": "webp"}.get(head[8:12], "")


def iff(head: bytes, _tail: bytes, _name: str, _size: int) -> str:
    """AIFF."""
    return "aiff" if head[8:12] in {b"AIFF", b"AIFC"} else ""


def bmp(head: bytes, _tail: bytes, _name: str, _size: int) -> str:
    """BMP, by the length of its second header."""
    is_known = len(head) >= 26 and head[14] in {12, 16, 40, 52, 56, 64, 108, 124} and head[15:18] == b"\0\0\0"
    return "bmp" if is_known else ""


def ico(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    """Icons and cursors, by their first entry."""
    if len(head) < 22:
        return ""
    count, length, start = struct.unpack_from("<H8xII", head, 4)
    return "ico" if 0 < count <= 1024 and head[9] == 0 and start >= 22 and start + length <= size else ""


def tagged_audio(head: bytes, tail: bytes, name: str, size: int) -> str:
    """ID3 tags stand before MP3, but also before FLAC and ADTS."""
    start = 10 + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
    behind = head[start : start + 4]
    if behind == b"fLaC":
        return "flac"
    if head[start:] and is_adts(head[start:], tail, name, size):
        return "adts"
    if not behind and name.lower().endswith((".flac", ".aac")):
        # The tag is longer than what is seen.
        return {"flac": "flac", "aac": "adts"}[name[-4:].lower().lstrip(".")]
    return "mp3"


def is_adts(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    """Raw AAC: a frame behind the first frame."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return ""
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    after = head[length : length + 2]
    is_next = len(after) == 2 and after[0] == 0xFF and after[1] & 0xF6 == 0xF0
    return "adts" if length >= 7 and (is_next or length == size) else ""


_BITRATES: Final = {
    3: ((0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
        (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
        (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)),
    2: ((0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
        (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
        (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)),
}  # fmt: skip
_RATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _frame_length(head: bytes) -> int:
    """Return the length of an MPEG audio frame, or 0 where none starts here (ISO 11172-3, 2.4.1.3)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate, sampling, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or rate in {0, 15} or sampling == 3:
        return 0
    bits = _BITRATES[3 if version == 3 else 2][layer - 1][rate] * 1000
    hertz = _RATES[version][sampling]
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * bits // hertz + padding


def is_mpeg(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    """MP3 without a tag: a frame behind the first frame."""
    length = _frame_length(head)
    return "mp3" if length and (length == size or _frame_length(head[length : length + 4])) else ""


def isobmff(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    """HEIF and AVIF by their brands, else MP4 and its kin."""
    if len(head) < 8:
        return ""
    length, kind = struct.unpack_from(">I4s", head)
    if kind == b"ftyp" and 12 <= length <= size:
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(length, 256), 4))}
        if head[8:12] in _HEIF_BRANDS or (head[8:12] not in _KNOWN_VIDEO and brands & _HEIF_BRANDS):
            return "heif"
        return "" if head[8:12] in {b"crx ", b"jp2 ", b"jxl ", b"jpx "} else "mp4"
    return "mp4" if kind in _QUICKTIME and (8 <= length <= size or length in {0, 1}) else ""


_KNOWN_VIDEO: Final = frozenset(
    (b"isom", b"mp41", b"mp42", b"qt  ", b"M4A ", b"M4V ", b"iso2", b"avc1", b"3gp4", b"3gp5")
)
