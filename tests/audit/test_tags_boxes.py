"""Boxes: MP4, HEIC, JPEG 2000, JPEG XL."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parent))

from audit_files import box, stands, tags

EXIF = Image.Exif()
EXIF[0x013B] = "Jane Example"
BRANDS = box(b"ftyp", b"isom\0\0\2\0")


def heif(kind: bytes, name: bytes = b"", *more: bytes) -> bytes:
    item = box(b"infe", b"\2\0\0\0" + struct.pack(">HH", 1, 0) + kind + name + b"\0")
    listed = box(b"iinf", bytes(4) + struct.pack(">H", 1) + item)
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(b"meta", bytes(4) + listed + b"".join(more)) + box(b"mdat", b"x")


def jp2(*more: bytes, comment: bytes = b"") -> bytes:
    said = b"\xff\x64" + struct.pack(">HH", 4 + len(comment), 1) + comment if comment else b""
    code = b"\xff\x4f\xff\x51" + struct.pack(">H", 41) + bytes(39) + said + b"\xff\x90" + bytes(10)
    return b"\0\0\0\x0cjP  \r\n\x87\n" + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + b"".join(more) + box(b"jp2c", code)


def jxl(*more: bytes) -> bytes:
    return (
        b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ") + b"".join(more) + box(b"jxlc", b"\xff\ncode")
    )


def mp4(*more: bytes) -> bytes:
    return BRANDS + box(b"moov", box(b"mvhd", bytes(100)) + b"".join(more))


CASES: dict[str, tuple[bytes, bytes, str]] = {
    "heic": (heif(b"hvc1"), heif(b"Exif"), "metadata-exif"),
    "heic xmp": (heif(b"hvc1"), heif(b"mime"), "metadata-xmp"),
    "heic text": (heif(b"hvc1"), heif(b"hvc1", b"", box(b"iprp", box(b"ipco", box(b"udes", b"Jane")))), "metadata-image-text"),
    "jp2": (jp2(comment=b"Created by OpenJPEG version 2"), jp2(comment=b"Jane Example"), "metadata-image-text"),
    "jp2 exif": (jp2(), jp2(box(b"uuid", b"JpgTiffExif->JP2" + EXIF.tobytes()[6:])), "metadata-exif-artist"),
    "jp2 xml": (jp2(), jp2(box(b"xml ", b"<a>Jane</a>")), "metadata-image-box"),
    "jxl": (jxl(), jxl(box(b"Exif", bytes(4) + EXIF.tobytes()[6:])), "metadata-exif-artist"),
    "jxl packed": (jxl(), jxl(box(b"brob", b"xml packed")), "metadata-xmp"),
    "mp4 id3": (mp4(), mp4(box(b"udta", box(b"meta", bytes(4) + box(b"hdlr", bytes(24)) + box(b"ID32", b"x")))), "metadata-id3"),
    "mp4 track": (mp4(), mp4(box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + b"meta" + bytes(13))))), "metadata-mp4-track"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_pictures_pass_and_boxes_beside_them_are_told(case: str) -> None:
    clean, tagged, rule = CASES[case]
    assert not any(tags(clean).values())
    assert tags(tagged)[rule]


def test_how_to_make_the_old_jpeg_again_is_a_note() -> None:
    assert tags(jxl(box(b"jbrd", b"x"))) == {"metadata-jxl-jpeg": False}


def test_a_date_is_a_note() -> None:
    raw = BRANDS + box(b"moov", box(b"mvhd", bytes(4) + b"\1\2\3\4" + bytes(92)))
    assert tags(raw) == {"metadata-mp4-date": False}


@pytest.mark.parametrize("case", CASES)
def test_damage_is_read_or_told(case: str) -> None:
    stands(CASES[case][1])
