"""QOI: pixels stay, what stands behind them goes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, check, cleaned, encode, picture, refusal, survives

from privet.metadata import qoi


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_pixels_stay_and_trailing_bytes_go(mode: str) -> None:
    raw = encode(picture(mode), "QOI")
    assert check(qoi, raw + WORD.encode()) == raw


def test_large_pictures_are_read_in_pieces() -> None:
    raw = encode(picture(size=(900, 700)), "QOI")
    assert cleaned(qoi, raw)[0] == raw


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (encode(picture(), "QOI")[:300], "truncated"),
        (encode(picture(), "QOI")[:-1] + b"x", "the end"),
        (b"qoif" + bytes(10), "the header"),
        (b"qoif\0\0\0\1\0\0\0\1\3\0\xfd" + bytes(7) + b"\1", "more pixels"),
        (b"qoif\0\xff\xff\xff\0\xff\xff\xff\3\0", "more pixels"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refusal(qoi, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(qoi, encode(picture(), "QOI"))
