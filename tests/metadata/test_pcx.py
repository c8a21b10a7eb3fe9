"""PCX: pixels and colours stay, spare bytes and what stands between go."""

from __future__ import annotations

import random
import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, check, cleaned, encode, frames, picture, refusal, survives

from privet.metadata import pcx


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_pixels_stay_and_words_go(mode: str) -> None:
    raw = encode(picture(mode), "PCX")
    tail = raw[-769:] if mode in ("L", "P") else b""
    body = raw[128 : -769 if tail else None]
    words = WORD.encode()
    out = check(pcx, raw[:74] + (words * 3)[:54] + body + words + tail + (b"" if tail else words))
    assert frames(out) == frames(raw)


def unpacked(raw: bytes, size: int) -> int:
    """Return how many packed bytes `size` bytes take, one by one."""
    at = 0
    while size > 0:
        size -= raw[at] & 63 if raw[at] >= 0xC0 else 1
        at += 2 if raw[at] >= 0xC0 else 1
    return at


@pytest.mark.parametrize("seed", range(9))
def test_rows_of_high_bytes_end_where_a_reader_ends(seed: int) -> None:
    chance = random.Random(seed)
    packed = bytes(chance.choices((0xC1, 0xC2, 0xC3, 0xC0, 7), k=600_000)) + bytes(99)
    size = (400, 4000, 400_000)[seed % 3]
    raw = header(right=size // 400 - 1, bottom=399, row=size // 400, version=3) + packed
    out = cleaned(pcx, raw)[0]
    assert out[128:] == packed[: unpacked(packed, size)]


def header(**given: int) -> bytes:
    at = {"version": 5, "packed": 1, "bits": 8, "right": 9, "bottom": 9, "planes": 1, "row": 10} | given
    return struct.pack(
        "<4B6H48xBBHH58x",
        10,
        at["version"],
        at["packed"],
        at["bits"],
        0,
        0,
        at["right"],
        at["bottom"],
        72,
        72,
        0,
        at["planes"],
        at["row"],
        1,
    )[:128].ljust(128, b"\0")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (header() + bytes(50), "truncated"),
        (header(bits=3), "the header"),
        (header(row=2), "the size"),
        (header(right=65535, bottom=65535, row=65535), "more pixels"),
        (b"\x0a" + bytes(200), "the header"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refusal(pcx, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(pcx, encode(picture("P"), "PCX"))
