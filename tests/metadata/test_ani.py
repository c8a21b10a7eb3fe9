"""Animated cursors: cursors stay, names go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, cleaned, encode, picture, refusal, survives

from privet.metadata import ani
from privet.metadata.riff import written

CURSOR = b"\0\0\2\0" + encode(picture("RGBA", (32, 32)), "ICO", sizes=[(32, 32)])[4:]
HEAD = struct.pack("<9I", 36, 2, 2, 0, 0, 0, 0, 6, 1)


def file(*chunks: bytes) -> bytes:
    body = b"ACON" + b"".join(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


FRAMES = written(b"LIST", b"fram" + 2 * written(b"icon", CURSOR, "little"), "little")
INFO = written(b"LIST", b"INFO" + written(b"IART", WORD.encode(), "little"), "little")


def test_cursors_and_their_times_stay_and_names_go() -> None:
    rates = written(b"rate", struct.pack("<2I", 5, 6), "little")
    raw = file(
        INFO, written(b"anih", HEAD + WORD.encode(), "little"), rates, written(b"abcd", WORD.encode(), "little"), FRAMES
    )
    out, removed = cleaned(ani, raw + WORD.encode())
    assert WORD.encode() not in out
    assert rates in out
    assert out.count(b"icon") == 2
    assert removed["tags"] == 1
    assert cleaned(ani, out)[0] == out


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file(FRAMES), "no cursor"),
        (file(written(b"anih", HEAD[:32] + bytes(4), "little"), FRAMES), "no cursor"),
        (file(written(b"anih", HEAD, "little"), FRAMES)[:-9], ""),
        (b"RIFF\0\0\0\0WAVE", "not an animated"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert refusal(ani, raw)
    assert reason in refusal(ani, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(ani, file(written(b"anih", HEAD, "little"), FRAMES))
