"""Dolby Digital: frames stay, tags go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import SOUND, WORD, cleaned, film, packets, refused

from privet.metadata.ac3 import clean


@pytest.mark.parametrize(
    ("suffix", "options"), [("ac3", ()), ("ac3", ("-ar", "44100")), ("ac3", ("-ar", "32000")), ("eac3", ())]
)
def test_frames_stay_and_tags_go(suffix: str, options: tuple[str, ...]) -> None:
    raw = film(suffix, *SOUND, *options)
    out = cleaned(
        clean, b"ID3\4\0\0\0\0\0" + bytes((len(WORD),)) + WORD.encode() + raw + b"TAG" + WORD.encode().ljust(125)
    )
    assert out == raw
    assert packets(out, suffix) == packets(raw, suffix)


@pytest.mark.parametrize("raw", [b"", bytes(99), b"\x0bw\0\0\xff\x40" * 9, b"\x0bw" * 50])
def test_a_file_without_frames_is_refused(raw: bytes) -> None:
    assert "no frames" in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, film("ac3", *SOUND)[:5000], 60)
