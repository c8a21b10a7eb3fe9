"""Radiance: pixels and exposure stay, everything else in the header goes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, cleaned, refusal, survives

from privet.metadata import radiance


def file(rows: bytes, width: int, height: int, *lines: str) -> bytes:
    head = ["#?RADIANCE", *lines, "FORMAT=32-bit_rle_rgbe", "", f"-Y {height} +X {width}", ""]
    return "\n".join(head).encode() + rows


def run_row(width: int) -> bytes:
    channel = bytes((128 + 6, 40)) + bytes((width - 6,)) + bytes(range(width - 6))
    return b"\2\2" + width.to_bytes(2) + channel * 4


LINES = (f"SOFTWARE={WORD}", f"# {WORD}", f"VIEW= -vtv {WORD}", f"pinterp {WORD}")


@pytest.mark.parametrize(
    ("rows", "width"),
    [
        (run_row(20) * 3, 20),
        (bytes(range(12)) * 3, 3),
        (b"\x09\x09\x09\x09\1\1\1\4" * 3, 5),
        (b"\7\7\7\7\1\1\1\2\1\1\1\1" * 3, 259),
    ],
)
def test_rows_stay_and_words_go(rows: bytes, width: int) -> None:
    raw = file(
        rows, width, 3, *LINES, "EXPOSURE=2.5", "PRIMARIES=0.64 0.33 0.3 0.6 0.15 0.06 0.3127 0.329", f"GAMMA={WORD}"
    )
    out, removed = cleaned(radiance, raw + WORD.encode())
    assert out == file(rows, width, 3, "EXPOSURE=2.5", "PRIMARIES=0.64 0.33 0.3 0.6 0.15 0.06 0.3127 0.329")
    assert removed == {"comment": 5, "trailing bytes": 1}
    assert cleaned(radiance, out)[0] == out


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file(run_row(20), 20, 2), "truncated"),
        (file(b"\2\2\0\x14\x00", 20, 1), "a row"),
        (file(b"\7\7\7\7\1\1\1\\9", 5, 1), "a row"),
        (file(b"", 99999, 99999), "more pixels"),
        (b"#?RADIANCE\n\nsize\n", "the header"),
        (b"#?RADIANCE\n" + b"x" * 70000, "the header"),
        (b"RADIANCE\n", "not a radiance"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refusal(radiance, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(radiance, file(run_row(40) * 9, 40, 9, *LINES))
