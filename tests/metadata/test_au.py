"""Sun's sound files: the sound stays, the note goes."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import SOUND, WORD, cleaned, decoded, film, refused

from privet.metadata.au import clean
from privet.metadata.job import Job


def file(note: bytes = b"", size: int = 8, sound: bytes = b"abcdefgh") -> bytes:
    return b".snd" + struct.pack(">5I", 24 + len(note), size, 3, 8000, 1) + note + sound


def test_sound_of_a_real_writer_stays() -> None:
    raw = film("au", *SOUND)
    out = cleaned(clean, raw)
    films.assert_clean(out)
    assert decoded(out, "au") == decoded(raw, "au")


def test_words_around_the_sound_go() -> None:
    job = Job()
    assert cleaned(clean, file(WORD.encode(), sound=b"abcdefgh" + WORD.encode()), job) == file()
    assert job.removed == {"comment": 1, "trailing bytes": 1}
    assert cleaned(clean, file(size=2**32 - 1)) == file()


@pytest.mark.parametrize(
    ("raw", "reason"), [(file()[:-1], "truncated"), (b".snd" + bytes(30), "damaged"), (bytes(99), "not an au")]
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, file(WORD.encode()))
