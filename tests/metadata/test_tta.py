"""True Audio: frames stay, tags go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import SOUND, WORD, cleaned, decoded, film, refused

from privet.metadata.tta import clean


def file(sizes: list[int], kind: int = 1, samples: int = 1000) -> bytes:
    head = b"TTA1" + struct.pack("<HHHIII", kind, 1, 16, 1000, samples, 0)
    return head + struct.pack(f"<{len(sizes)}I4x", *sizes) + bytes(range(200))[: sum(sizes)]


def test_sound_of_a_real_writer_stays() -> None:
    raw = film("tta", *SOUND)
    out = cleaned(clean, raw)
    films.assert_clean(out)
    assert decoded(out, "tta") == decoded(raw, "tta")


def test_what_stands_around_goes() -> None:
    raw = b"ID3\4\0\0\0\0\0\4jane" + file([50]) + WORD.encode()
    assert cleaned(clean, raw) == file([50])


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file([50])[:-1], "truncated"),
        (file([50])[:24], "truncated"),
        (file([50], 2), "encrypted"),
        (file([50], samples=0), "damaged"),
        (bytes(99), "not a true audio"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, file([50]) + WORD.encode())
