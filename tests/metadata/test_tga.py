"""Targa: pixels and their colours stay, words in front and behind go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, check, cleaned, encode, frames, picture, refusal, survives

from privet.metadata import tga


def extended(raw: bytes, alpha: int = 3) -> bytes:
    """Return a picture with an extension area full of words, and a developer area."""
    plain = raw[: -26 if raw.endswith(b"TRUEVISION-XFILE.\0") else None]
    words = WORD.encode().ljust(41, b"\0")
    area = struct.pack("<H", 495) + (words * 20)[:492] + bytes((alpha,))
    return (
        plain + WORD.encode() + area + struct.pack("<II", len(plain) + len(WORD), len(plain)) + b"TRUEVISION-XFILE.\0"
    )


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "LA"])
@pytest.mark.parametrize("packed", [True, False])
def test_pixels_stay_and_words_go(mode: str, packed: bool) -> None:
    raw = encode(picture(mode), "TGA", rle=packed, id_section=WORD.encode())
    assert frames(check(tga, extended(raw))) == frames(raw)


def test_what_the_fourth_channel_means_stays() -> None:
    raw = extended(encode(picture("RGBA"), "TGA"), alpha=0)
    out = check(tga, raw)
    assert frames(out)[0][2][3::4] == b"\xff" * (97 * 61)
    assert cleaned(tga, extended(encode(picture("RGBA"), "TGA")))[0][-27] == 3


def test_colours_that_no_pixel_can_have_go() -> None:
    raw = encode(picture("RGB"), "TGA")
    with_map = (
        raw[:1] + b"\1" + raw[2:3] + struct.pack("<HHB", 0, 10, 24) + raw[8:18] + (WORD.encode() * 2)[:30] + raw[18:]
    )
    assert cleaned(tga, with_map)[0] == cleaned(tga, raw)[0]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (encode(picture(), "TGA")[:500], "truncated"),
        (bytes(18) + b"x", "the header"),
        (struct.pack("<3B2HB4H2B", 0, 0, 2, 0, 0, 0, 0, 0, 60000, 60000, 24, 0) + b"x", "more pixels"),
        (struct.pack("<3B2HB4H2B", 0, 0, 10, 0, 0, 0, 0, 0, 2, 2, 8, 0) + b"\x88\1", "more pixels"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refusal(tga, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(tga, extended(encode(picture("P"), "TGA", rle=True, id_section=WORD.encode())))
