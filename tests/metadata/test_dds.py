"""DirectDraw surfaces: pixels stay, spare fields and trailing bytes go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, check, cleaned, encode, frames, picture, refusal, survives

from privet.metadata import dds


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        ("RGB", None),
        ("RGBA", None),
        ("L", None),
        ("LA", None),
        ("RGBA", "DXT1"),
        ("RGBA", "DXT3"),
        ("RGBA", "DXT5"),
        ("L", "BC2"),
        ("RGB", "BC5"),
    ],
)
def test_pixels_stay_and_words_go(mode: str, form: str | None) -> None:
    size = (96, 64)
    try:
        raw = encode(picture(mode, size), "DDS", **({"pixel_format": form} if form else {}))
    except OSError:
        pytest.skip("not written by this Pillow")
    words = WORD.encode()[:44].ljust(44)
    out = check(dds, raw[:32] + words + raw[76:] + WORD.encode())
    assert frames(out) == frames(raw)


def surface(
    pixels: int,
    *,
    width: int = 8,
    height: int = 8,
    levels: int = 1,
    bits: int = 8,
    form: bytes = bytes(4),
    faces: int = 0,
    flags: int = 0,
) -> bytes:
    kind = 4 if form.strip(b"\0") else flags or 0x20000
    head = struct.pack(
        "<4s7I44x2I4s5I5I",
        b"DDS ",
        124,
        0x1007,
        height,
        width,
        0,
        0,
        levels,
        32,
        kind,
        form,
        bits,
        0,
        0,
        0,
        0,
        0x1000,
        faces,
        0,
        0,
        0,
    )
    return head + bytes(pixels)


@pytest.mark.parametrize(
    "raw",
    [
        surface(64 + 16 + 4 + 1, levels=4),
        surface(32, form=b"DXT1"),
        surface(6 * 64, faces=0xFE00),
        surface(1024 + 64, flags=0x20),
        surface(20 + 64, form=b"DX10")[:128] + struct.pack("<5I", 98, 3, 0, 1, 1) + bytes(64),
        surface(20 + 256, form=b"DX10")[:128] + struct.pack("<5I", 28, 3, 0, 1, 1) + bytes(256),
    ],
)
def test_all_sizes_faces_and_layers_stay(raw: bytes) -> None:
    assert cleaned(dds, raw + WORD.encode())[0] == raw
    assert refusal(dds, raw[:-1]) == "truncated: the pixels end early"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (surface(64, form=b"ABCD"), "this kind of pixels"),
        (surface(64, width=2**20, height=2**20), "more pixels"),
        (surface(0, form=b"DX10"), "truncated"),
        (b"DDS " + bytes(200), "the header"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refusal(dds, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(dds, surface(64 + 16, levels=2), 200)
