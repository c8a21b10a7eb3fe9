"""Netpbm's pictures: pixels stay, comments go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, check, cleaned, encode, frames, picture, refusal, survives

from privet.metadata import netpbm

COMMENT = f"# {WORD}\n".encode()


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "I;16", "F"])
def test_pixels_stay_and_comments_go(mode: str) -> None:
    raw = encode(picture(mode), "PPM")
    first, rest = raw.split(b"\n", 1)
    out = check(netpbm, first + b"\n" + COMMENT + rest + WORD.encode())
    assert frames(out) == frames(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"P1\n3 2 " + COMMENT + b"101\n0 1#x\n0", b"P1\n3 2\n1 0 1 0 1 0\n"),
        (b"P2 2 2 255\n1 2" + COMMENT + b" 003\n4 99", b"P2\n2 2\n255\n1 2 3 4\n"),
        (b"P3" + COMMENT + b"1 1\n7\n1\t2\r\n7", b"P3\n1 1\n7\n1 2 7\n"),
    ],
)
def test_plain_numbers_stay(raw: bytes, expected: bytes) -> None:
    assert cleaned(netpbm, raw)[0] == expected
    assert cleaned(netpbm, expected)[0] == expected


def test_a_long_picture_of_plain_numbers_is_read_in_pieces() -> None:
    numbers = [str(at % 256) for at in range(400_000)]
    raw = b"P2\n1000 400\n255\n" + (" ".join(numbers) + f" # {WORD}").encode()
    out, _ = cleaned(netpbm, raw.replace(b" 77 ", b" 77 # a comment\n", 1))
    assert out.split()[4:] == " ".join(numbers).encode().split()


def test_a_header_with_names_keeps_only_what_is_known() -> None:
    raw = (
        b"P7\n"
        + COMMENT
        + b"WIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\n"
        + COMMENT
        + b"ENDHDR\n12345678"
    )
    expected = b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n12345678"
    assert cleaned(netpbm, raw)[0] == expected
    assert WORD.encode() not in cleaned(netpbm, raw.replace(b"RGB_ALPHA", WORD.encode()))[0]


def test_pictures_that_follow_one_another_stay() -> None:
    one = encode(picture(), "PPM")
    assert cleaned(netpbm, one + one)[0] == one + one


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"P6\n9 9\n255\n123", "truncated"),
        (b"P2\n2 2\n255\n1 2 3", "truncated"),
        (b"P2\n1 1\n255\n256", "a pixel"),
        (b"P2\n1 1\n255\nx", "a pixel"),
        (b"P5\n0 1\n255\n", "the header"),
        (b"P5\n99999 99999\n255\n", "more pixels"),
        (b"P7\nWIDTH 2\nENDHDR\n", "the header"),
        (b"GIF89a", "not a netpbm"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refusal(netpbm, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(netpbm, encode(picture(), "PPM"))
    survives(netpbm, b"P3\n4 4\n255\n" + b"12 " * 48)
