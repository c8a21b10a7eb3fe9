"""Pictures, fonts, sound and film whose first bytes are too short a proof: the checks behind them.

Each function takes (head, tail, name, size), as `sniff.recognise` does, and returns the format or an empty text.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Final

_HEIF_BRANDS: Final = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf avif avis avci avcs jpeg".split()
)
_TYPE1: Final = re.compile(rb"%!(?:PS-AdobeFont|FontType1)-1|\x80\x01.{4}%!(?:PS-AdobeFont|FontType1)-1", re.DOTALL)
_QUICKTIME: Final = frozenset(b"moov mdat free skip wide pnot".split())


def riff(head: bytes, _tail: bytes, _name: str, _size: int) -> str:
    """WAV, AVI, WebP, animated cursors, MIDI."""
    kinds = {b"WAVE": "wav", b"AVI ": "avi", b"WEBP": "webp", b"ACON": "ani", b"RMID": "midi"}
    return kinds.get(head[8:12], "")


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
    for mark, form in _TAGGED:
        if behind.startswith(mark):
            return form
    if head[start:] and is_adts(head[start:], tail, name, size):
        return "adts"
    if not behind:
        # The tag is longer than what is seen.
        return _BY_ENDING.get(name.lower().rpartition(".")[2], "mp3")
    return "mp3"


_TAGGED: Final = (
    (b"fLaC", "flac"), (b"MAC ", "ape"), (b"MACF", "ape"), (b"MPCK", "musepack"), (b"MP+", "musepack"), (b"TTA1", "tta"),
    (b"wvpk", "wavpack"), (b"\x0bw", "ac3"),
)  # fmt: skip
_BY_ENDING: Final = {
    "flac": "flac",
    "aac": "adts",
    "ape": "ape",
    "mpc": "musepack",
    "tta": "tta",
    "wv": "wavpack",
    "ac3": "ac3",
}


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
        if head[8:12] == b"crx ":
            return "camera_raw"
        return "" if head[8:12] in {b"jp2 ", b"jxl ", b"jpx "} else "mp4"
    return "mp4" if kind in _QUICKTIME and (8 <= length <= size or length in {0, 1}) else ""


_KNOWN_VIDEO: Final = frozenset(
    (b"isom", b"mp41", b"mp42", b"qt  ", b"M4A ", b"M4V ", b"iso2", b"avc1", b"3gp4", b"3gp5")
)


def netpbm(head: bytes, _tail: bytes, _name: str, _size: int) -> str:
    """Netpbm's pictures and PFM: numbers follow the mark."""
    return "netpbm" if _NETPBM.match(head[:65536]) else ""


# Source: netpbm's pnm(5) and pam(5).
_GAP: Final = rb"(?:[ \t\r\n]|#[^\n]*\n)+"
_NETPBM: Final = re.compile(
    rb"P[14]" + 2 * (_GAP + rb"\d+") + rb"|P[2356]" + 3 * (_GAP + rb"\d+") + rb"(?:\s|#)|P7\n(?:#[^\n]*\n)*[WHDMT]"
    rb"|P[Ff]" + 2 * (_GAP + rb"\d+") + _GAP + rb"-?\d"
)


def pcx(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    """PCX, by what its header may say."""
    is_known = (
        len(head) >= 128
        and size > 128
        and head[1] in {0, 2, 3, 4, 5}
        and head[2] <= 1
        and head[3] in {1, 2, 4, 8}
        and 1 <= head[65] <= 4
    )
    return "pcx" if is_known else ""


def sgi(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    """Silicon Graphics pictures."""
    return "sgi" if size > 512 and head[2] <= 1 and head[3] in {1, 2} and head[4] == 0 and 1 <= head[5] <= 3 else ""


def targa(head: bytes, tail: bytes, name: str, size: int) -> str:
    """Targa has no mark: the second version ends with one, the first is told by its name."""
    is_named = name.lower().endswith((".tga", ".targa", ".vda", ".icb", ".vst"))
    is_marked = tail.endswith(b"TRUEVISION-XFILE.\0")
    return (
        "tga"
        if (is_named or is_marked) and size > 18 and len(head) > 18 and head[1] <= 1 and head[2] & ~8 in {1, 2, 3}
        else ""
    )


def transport(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    """Transport streams: the mark stands at the start of every packet."""
    for step, before in ((188, 0), (192, 4), (204, 0)):
        marks = head[before::step][:8]
        if len(marks) >= min(8, size // step) >= 2 and set(marks) == {0x47}:
            return "mpeg_ts"
    return ""


def emf(head: bytes, _tail: bytes, _name: str, _size: int) -> str:
    """Enhanced metafiles: the mark stands behind the sizes."""
    return "emf" if head[40:44] == b" EMF" else ""


def wmf(head: bytes, _tail: bytes, name: str, size: int) -> str:
    """Windows metafiles without the header that most have."""
    is_known = (
        size > 24 and head[1:4] == b"\0\x09\0" and head[4:6] in {b"\0\1", b"\0\3"} and name.lower().endswith(".wmf")
    )
    return "wmf" if is_known else ""


def torrent(head: bytes, _tail: bytes, name: str, _size: int) -> str:
    """Torrents: a dictionary whose first key is short."""
    is_known = re.match(rb"d\d{1,2}:[a-z]", head) and (b"4:infod" in head or name.lower().endswith(".torrent"))
    return "torrent" if is_known else ""


def type1(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    """Type 1 fonts in pieces, and their measures for Windows, which begin with the size of the file."""
    is_measures = (
        head[:2] == b"\0\1" and len(head) > 117 and int.from_bytes(head[2:6], "little") == size and not head[67] & 0x7E
    )
    return "type1" if is_measures or _TYPE1.match(head) else ""


def colour_profile(head: bytes, _tail: bytes, _name: str, size: int) -> str:
    """Colour profiles begin with the size of the file; their mark stands further back (ICC.1:2022, 7.2)."""
    return "colour_profile" if head[36:40] == b"acsp" and int.from_bytes(head[:4]) <= size else ""


def flif(head: bytes, _tail: bytes, _name: str, _size: int) -> str:
    """FLIF, by its kinds of pictures and bytes a channel."""
    return "flif" if len(head) > 8 and 3 <= head[4] >> 4 <= 6 and head[5:6] in {b"0", b"1", b"2"} else ""


# Marks that a text may begin with, and what stands behind them in no text.
_WORDS: Final = tuple(
    (re.compile(pattern, re.DOTALL), form)
    for pattern, form in (
        (rb"MAC[ F].[\x0b-\x10].{0,10}\0", "ape"), (rb"TTA1[\1-\3]\0", "tta"), (rb"DSD \x1c\0", "dsd"), (rb"FRM8.{8}DSD ", "dsd"),
        (rb"qoif.{8}[\3\4][\0\1]", "qoi"), (rb"wvpk.{3}[\0-\3]", "wavpack"), (rb"MPCK[A-Z]{2}[\x05-\xff]", "musepack"),
        (rb"MP\+.{4}\0", "musepack"), (rb"IIR[OS]\x08\0|MMOR\0\0|IIU\0|FOVb.{1,3}\0", "camera_raw"), (rb"icns[\0-\3]", "icns"),
        (rb"\x0bw.{3}[\0-\x87].*\x0bw", "ac3"), (rb"SDPX[\0-\3]|XPDS.{3}[\0-\3]", "dpx"), (rb"\.RMF\0\0", "real_media"),
        (rb"#!AMR(?:-WB)?\n", "amr"),
    )
)  # fmt: skip


def worded(head: bytes, _tail: bytes, _name: str, _size: int) -> str:
    """Files whose mark could be the first word of a text."""
    return next((form for pattern, form in _WORDS if pattern.match(head)), "")


Look = Callable[[bytes, bytes, str, int], str]
MARKS: Final[tuple[tuple[bytes, str | Look], ...]] = (
    (b"P", netpbm), (b"\0\0\0\x0cjP  \r\n\x87\n", "jpeg2000"), (b"\xff\x4f\xff\x51", "jpeg2000"), (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    (b"\xff\n", "jxl"), (b"\n", pcx), (b"#?RADIANCE", "radiance"), (b"#?RGBE", "radiance"), (b"qoif", worded), (b"\x01\xda", sgi),
    (b"DDS |\0\0\0", "dds"), (b"icns", worded), (b"v/1\x01", "openexr"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c", "asf"), (b"FLV\1", "flv"), (b"MAC ", worded), (b"MACF", worded),
    (b"wvpk", worded), (b"MPCK", worded), (b"MP+", worded), (b"TTA1", worded), (b"DSD ", worded), (b"FRM8", worded),
    (b"caff\0\1", "caf"), (b".snd\0\0", "au"), (b"#!AMR", worded), (b"\x0bw", worded), (b"MThd\0\0\0", "midi"),
    (b"II\x1a\0\0\0HEAPCCDR", "camera_raw"), (b"FUJIFILMCCD-RAW", "camera_raw"), (b"IIU\0", worded),
    (b"IIRO", worded), (b"IIRS", worded), (b"MMOR", worded), (b"\0MRM", "camera_raw"), (b"FOVb", worded),
    (b"\1\0\0\0", emf), (b"\xd7\xcd\xc6\x9a", "wmf"), (b"\1\0\x09\0", wmf), (b"\2\0\x09\0", wmf),
    (b"\0\0\1\xba", "mpeg_ps"), (b"\0\0\1\xb3", "mpeg_ps"), (b"\0\0\1\xbb", "mpeg_ps"), (b"SIMPLE  =", "fits"),
    (b"\xb1\x68\xde\x3a", "dcx"), (b"AT&TFORM", "djvu"), (b"BPG\xfb", "bpg"), (b"SDPX", worded), (b"XPDS", worded),
    (b".RMF", worded), (b"gimp xcf ", "xcf"), (b"FLIF", flif), (b"d", torrent),
)  # fmt: skip
"""What other files of pictures, sound and film begin with."""
