"""ICO and CUR: every icon comes out cleaned as the picture that it is."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from privet.metadata import ico
from privet.metadata.job import CannotClean

sys.path.append(str(Path(__file__).parent))

from pictures import CANARY, WORD, check, cleaned, encode, leaks, picture, survives

SIZES = [(16, 16), (32, 32), (48, 48)]


@pytest.mark.parametrize("form", ["png", "bmp"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_what_pillow_writes(mode: str, form: str) -> None:
    raw = encode(picture(mode, (64, 64)), "ICO", bitmap_format=form, sizes=SIZES)
    clean = check(ico, raw + WORD.encode())
    assert struct.unpack("<H", clean[4:6]) == (3,)


def test_pictures_inside_are_cleaned_and_gaps_closed() -> None:
    raw = encode(picture("RGBA", (64, 64)), "ICO", sizes=SIZES)
    end = 6 + 16 * 3
    entries = b"".join(
        raw[at : at + 12] + struct.pack("<I", int.from_bytes(raw[at + 12 : at + 16], "little") + len(WORD))
        for at in range(6, end, 16)
    )
    spoiled = raw[:6] + entries + WORD.encode() + raw[end:]
    assert check(ico, spoiled) == cleaned(ico, raw)[0]


def test_an_icon_that_is_damaged_is_left_out() -> None:
    raw = encode(picture("RGBA", (64, 64)), "ICO", sizes=SIZES)
    broken = raw[:22] + raw[22:34] + b"\xff\xff\xff\x7f" + raw[38:]
    clean, removed = cleaned(ico, broken)
    assert struct.unpack("<H", clean[4:6]) == (2,)
    assert removed["damaged icon"] == 1
    assert leaks.find([CANARY], {"clean": clean}) == []


@pytest.mark.parametrize(("raw", "reason"), [(b"\0\0\3\0\1\0", "not an icon"), (b"\0\0\1\0\1\0", "no picture")])
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        cleaned(ico, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(ico, encode(picture("RGBA", (32, 32)), "ICO", bitmap_format="bmp", sizes=[(32, 32)]))
