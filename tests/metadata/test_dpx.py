"""DPX: pixels and their layout stay, every other field of the header goes."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import PICTURES, WORD, cleaned, decoded, film, refused

from privet.metadata.dpx import clean


def test_pixels_of_a_real_writer_stay() -> None:
    raw = film("dpx", *PICTURES, "-frames:v", "1", "-update", "1", tags=False)
    words = WORD.encode()
    named = (
        raw[:36]
        + words.ljust(100)
        + raw[136:160]
        + words.ljust(500, b"\0")
        + raw[660:1432]
        + words.ljust(100)
        + raw[1532:]
    )
    out = cleaned(clean, named)
    films.assert_clean(out)
    assert decoded(out, "dpx") == decoded(raw, "dpx")


def file(order: str = ">", start: int = 4096, key: bytes = b"\xff" * 4, place: int = 4096) -> bytes:
    head = bytearray(WORD.encode() * 200)[:4096].ljust(4096, b"x")
    head[:4] = b"SDPX" if order == ">" else b"XPDS"
    head[4:16] = struct.pack(order + "I", start) + b"V2.0\0\0\0\0"
    head[660:664] = key
    head[768:780] = struct.pack(order + "HHII", 0, 1, 4, 2)
    head[780:820] = struct.pack(order + "5I4B2H3I", 0, 0, 0, 255, 0, 6, 2, 1, 8, 0, 0, place, 0, 0)
    for at in (1408, 1628, 1724, 1932):
        head[at : at + 48] = bytes(48)
    return bytes(head[: max(start, 2048)]) + bytes(range(8))


@pytest.mark.parametrize("order", [">", "<"])
def test_pixels_move_to_the_end_of_a_plain_header(order: str) -> None:
    out = cleaned(clean, file(order))
    films.assert_clean(out)
    assert len(out) == 2048 + 8
    assert out[2048:] == bytes(range(8))
    assert struct.unpack_from(order + "I", out, 808) == (2048,)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file(key=b"\0\0\0\1"), "encrypted"),
        (file()[:100], "not a dpx"),
        (file().replace(b"SDPX\0\0\x10\0", b"SDPX\0\1\0\0"), "the header"),
        (file(place=9), "where the pixels"),
        (bytes(3000), "not a dpx"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, file())
