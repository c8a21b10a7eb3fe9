"""Marks by which forms of files are known: what stands at which place.

Invariant: of two marks that a file has, the earlier one in the table counts.
"""

from __future__ import annotations

from typing import Final

PACKED: Final = frozenset(("gzip", "zstd", "bzip2", "xz", "tar"))
SEEKING: Final = frozenset(("tar", "parquet", "arrow", "orc", "sqlite", "pdf", "numpy", "onnx"))
"""Forms that cannot be read as they stream."""
UNREADABLE: Final = frozenset(("ole", "dicom", "program", "unknown"))
"""Forms whose content has no reader here."""

_AT_START: Final[dict[str, tuple[bytes, ...]]] = {
    "gzip": (b"\x1f\x8b",),
    "zstd": (b"\x28\xb5\x2f\xfd",),
    "bzip2": (b"BZh",),
    "xz": (b"\xfd7zXZ\0",),
    "parquet": (b"PAR1",),
    "arrow": (b"ARROW1", b"\xff\xff\xff\xff"),
    "orc": (b"ORC",),
    "sqlite": (b"SQLite format 3\0",),
    "pdf": (b"%PDF-",),
    "ole": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",),
    "program": (b"\x7fELF",),
    "image": (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"II*\0", b"MM\0*"),
    "bmp": (b"BM",),
    "psd": (b"8BPS",),
    "apple-icons": (b"icns",),
    "jpeg2000": (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"),
    "jpeg-xl": (b"\0\0\0\x0cJXL ", b"\xff\n"),
    "dds": (b"DDS ",),
    "openexr": (b"v/1\x01",),
    "sgi": (b"\x01\xda",),
    "radiance": (b"#?RADIANCE", b"#?RGBE"),
    "qoi": (b"qoif",),
    "dcx": (b"\xb1\x68\xde\x3a",),
    "dpx": (b"SDPX", b"XPDS"),
    "fits": (b"SIMPLE  =",),
    "bpg": (b"BPG\xfb",),
    "flif": (b"FLIF",),
    "xcf": (b"gimp xcf ",),
    "djvu": (b"AT&TFORM",),
    "wmf": (b"\xd7\xcd\xc6\x9a", b"\1\0\x09\0", b"\2\0\x09\0"),
    "mp3": (b"ID3",),
    "flac": (b"fLaC",),
    "ogg": (b"OggS",),
    "au": (b".snd",),
    "caf": (b"caff",),
    "midi": (b"MThd",),
    "tagged": (b"MAC ", b"MACF", b"wvpk", b"MPCK", b"MP+", b"TTA1", b"#!AMR", b"\x0bw"),
    "dsf": (b"DSD ",),
    "dff": (b"FRM8",),
    "asf": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",),
    "matroska": (b"\x1a\x45\xdf\xa3",),
    "flash": (b"FLV\1",),
    "real-media": (b".RMF",),
    "program-stream": (b"\0\0\1\xba", b"\0\0\1\xb3"),
    "font": (b"\0\1\0\0\0", b"OTTO\0", b"ttcf\0", b"true\0"),
    "gguf": (b"GGUF",),
    "numpy": (b"\x93NUMPY",),
}
_HEIF: Final = b"heic heix heim heis hevc hevx mif1 mif2 msf1 miaf avif avis avci avcs".split()
_ELSEWHERE: Final[tuple[tuple[int, bytes, str], ...]] = (
    (257, b"ustar", "tar"),
    (128, b"DICM", "dicom"),
    (8, b"WEBP", "image"),
    (8, b"ACON", "animated"),
    (40, b" EMF", "emf"),
    *((4, b"ftyp" + brand, "heif") for brand in _HEIF),
    (4, b"ftypcrx ", "unknown"),
    (4, b"ftyp", "mp4"),
    (4, b"moov", "mp4"),
    (4, b"mdat", "mp4"),
    (4, b"wide", "mp4"),
    (8, b"WAVE", "riff"),
    (8, b"AVI ", "riff"),
    (8, b"RMID", "riff"),
    (8, b"AIFF", "aiff"),
    (8, b"AIFC", "aiff"),
    # The first event of a log: a length, its check, a time, the version.
    (21, b"\x1a\rbrain.Event:", "tfevents"),
)
MARKS: Final = (*((0, mark, form) for form, marks in _AT_START.items() for mark in marks), *_ELSEWHERE)
"""Where, what, and of which form."""
SOUND: Final = frozenset((b"\xfb", b"\xfa", b"\xf3", b"\xf2", b"\xf1", b"\xf9", b"\xe2", b"\xe3"))
"""The second byte of a frame of MPEG audio or AAC."""
