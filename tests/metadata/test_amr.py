"""Speech in AMR frames: frames stay, what stands behind them goes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import WORD, cleaned, refused

from privet.metadata.amr import clean

NARROW = b"#!AMR\n" + b"\x3c" + bytes(31) + b"\x7c" + b"\x04" + bytes(12)
WIDE = b"#!AMR-WB\n" + b"\x44" + bytes(60) + b"\x7c"


@pytest.mark.parametrize("raw", [NARROW, WIDE])
def test_frames_stay_and_trailing_bytes_go(raw: bytes) -> None:
    assert cleaned(clean, raw) == raw
    assert cleaned(clean, raw + b"\xff" + WORD.encode()) == raw


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(NARROW[:-1], "truncated"), (b"#!AMR\n", "no frames"), (b"#!AMR\n\xff", "no frames"), (b"RIFF" * 9, "not an amr")],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, NARROW)
