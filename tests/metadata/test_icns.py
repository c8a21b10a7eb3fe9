"""Apple's icons: icons stay, names and lists go."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, check, cleaned, encode, picture, refusal, survives

from privet.metadata import icns


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + (8 + len(body)).to_bytes(4) + body


def file(*chunks: bytes) -> bytes:
    return b"icns" + (8 + sum(map(len, chunks))).to_bytes(4) + b"".join(chunks)


def png(size: int) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", WORD)
    return encode(picture("RGBA", (size, size)), "PNG", pnginfo=info)


def test_icons_of_a_real_writer_stay() -> None:
    raw = encode(picture("RGBA", (128, 128)), "ICNS")
    check(icns, raw + WORD.encode())


def test_icons_of_other_formats_lose_their_words() -> None:
    plain = encode(picture("RGBA", (32, 32)), "JPEG2000", comment=WORD)
    raw = file(
        chunk(b"TOC ", WORD.encode()),
        chunk(b"ic07", png(128)),
        chunk(b"ic11", plain),
        chunk(b"name", WORD.encode()),
        chunk(b"info", WORD.encode()),
    )
    out = check(icns, raw)
    assert Image.open(io.BytesIO(out)).info["sizes"]
    assert b"TOC " not in out


def test_packed_and_plain_colours_end_where_they_end() -> None:
    packed = bytes((0x82 + 123, 7)) * 6 + bytes((0x80 + 18 - 3, 9))
    word = WORD.encode()
    whole = file(chunk(b"is32", packed + word), chunk(b"s8mk", bytes(256) + word), chunk(b"ICN#", bytes(256)))
    assert word not in cleaned(icns, whole)[0]
    assert cleaned(icns, file(chunk(b"is32", bytes(768))))[0] == file(chunk(b"is32", bytes(768)))


@pytest.mark.parametrize(
    "raw",
    [
        b"icns\0\0\0\x08",
        file(chunk(b"name", b"x")),
        file(chunk(b"ic07", b"\x89PNG\r\n\x1a\nxx")),
        file(chunk(b"is32", b"\x85")),
    ],
)
def test_a_file_without_an_icon_is_refused(raw: bytes) -> None:
    assert "no picture" in refusal(icns, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(icns, file(chunk(b"ic07", png(64)), chunk(b"ICON", bytes(128))))
