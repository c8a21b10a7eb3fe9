"""Heads of simple pictures: what says something in them is told, and blank ones pass."""

from __future__ import annotations

import struct
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parent))

from audit_files import chunk, stands, tags

NAME = b"Jane Example"
PICTURE = Image.new("RGB", (16, 16), "teal")


def drawn(form: str, **more: object) -> bytes:
    out = BytesIO()
    PICTURE.save(out, form, **more)
    return out.getvalue()


def placed(raw: bytes, place: int, words: bytes) -> bytes:
    return raw[:place] + words + raw[place + len(words) :]


def targa(words: bytes = b"", author: bytes = b"", program: bytes = b"") -> bytes:
    head = bytes((len(words), 0, 2)) + bytes(9) + b"\1\0\1\0\x18\0" + words + bytes(3)
    more = b"\xef\1" + author.ljust(41, b"\0") + bytes(383) + program.ljust(41, b"\0") + bytes(28)
    return head + more + struct.pack("<II", len(head), 0) + b"TRUEVISION-XFILE.\0"


def fits(*cards: bytes) -> bytes:
    first = (b"SIMPLE  =                    T", b"BITPIX  =                    8", b"NAXIS   =                    0")
    return b"".join(card.ljust(80) for card in (*first, *cards, b"END")).ljust(2880)


def radiance(line: bytes) -> bytes:
    return b"#?RADIANCE\n" + line + b"FORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\1\2\3\4"


def icon(png: bytes) -> bytes:
    return b"\0\0\1\0\1\0" + bytes((16, 16, 0, 0, 1, 0, 32, 0)) + struct.pack("<II", len(png), 22) + png


def apple(kind: bytes, body: bytes) -> bytes:
    part = kind + struct.pack(">I", 8 + len(body)) + body
    return b"icns" + struct.pack(">I", 8 + len(part)) + part


def animated(*parts: bytes) -> bytes:
    body = b"ACON" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


QOI = b"qoif" + struct.pack(">II", 1, 1) + b"\3\0\xfe\1\2\3" + bytes(7) + b"\1"
DPX = b"SDPX" + struct.pack(">I", 2048) + b"V1.0" + bytes(4) + bytes(2032)
SIGNED = BytesIO()
PICTURE.save(SIGNED, "PNG", exif=bytes(Image.Exif()))
EXIF = Image.Exif()
EXIF[0x013B] = "Jane Example"

CASES: dict[str, tuple[str, bytes, bytes, str]] = {
    "bmp": ("a.bmp", drawn("BMP"), drawn("BMP") + NAME, "metadata-behind-the-end"),
    "targa": ("a.tga", targa(), targa(NAME), "metadata-image-text"),
    "targa author": ("a.tga", targa(program=b"A program"), targa(author=NAME), "metadata-image-author"),
    "pcx": ("a.pcx", drawn("PCX"), placed(drawn("PCX"), 80, NAME), "metadata-image-text"),
    "sgi": ("a.sgi", placed(drawn("SGI"), 24, bytes(80)), placed(drawn("SGI"), 24, NAME), "metadata-image-name"),
    "qoi": ("a.qoi", QOI, QOI + NAME, "metadata-behind-the-end"),
    "netpbm": ("a.ppm", b"P6\n# Created by GIMP\n1 1\n255\n\1\2\3", b"P6\n# Jane's\n1 1\n255\n\1\2\3", "metadata-image-text"),
    "radiance": ("a.hdr", radiance(b"EXPOSURE=1\n"), radiance(b"# Jane Example\n"), "metadata-image-text"),
    "dpx": ("a.dpx", DPX, placed(DPX, 460, NAME), "metadata-image-copyright"),
    "dpx serial": ("a.dpx", DPX, placed(DPX, 948, b"SN-1234"), "metadata-image-serial"),
    "fits": ("a.fits", fits(), fits(b"OBSERVER= 'Jane Example'"), "metadata-fits"),
    "icon": ("a.ico", icon(drawn("PNG")), icon(drawn("PNG", exif=EXIF)), "metadata-exif-artist"),
    "apple icon": ("a.icns", apple(b"ic04", drawn("PNG")), apple(b"ic04", drawn("PNG", exif=EXIF)), "metadata-exif-artist"),
    "cursor": (
        "a.ani",
        animated(chunk(b"anih", bytes(36))),
        animated(chunk(b"LIST", b"INFO" + chunk(b"IART", NAME))),
        "metadata-riff-info",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_blank_head_passes_and_words_are_told(case: str) -> None:
    name, clean, tagged, rule = CASES[case]
    assert not any(tags(clean, name).values())
    assert tags(tagged, name)[rule]


def test_programs_that_sign_are_notes() -> None:
    raw = placed(drawn("DDS"), 32, b"GIMP-DDS")
    assert tags(raw) == {"metadata-software": False}
    assert tags(drawn("DDS")) == {}


def test_pages_of_a_fax() -> None:
    page = placed(drawn("PCX"), 80, NAME)
    head = b"\xb1\x68\xde\x3a" + struct.pack("<II", 4100, 0)
    assert tags(head.ljust(4100, b"\0") + page) == {"metadata-image-text": True}


@pytest.mark.parametrize("case", CASES)
def test_damage_is_read_or_told(case: str) -> None:
    stands(CASES[case][2], CASES[case][0])
