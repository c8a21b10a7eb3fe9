"""Core Audio: the sound stays, tags go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import SOUND, WORD, cleaned, decoded, film, refused

from privet.metadata.caf import clean
from privet.metadata.job import Job


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return name + struct.pack(">q", len(body) if size is None else size) + body


DESCRIPTION = chunk(b"desc", struct.pack(">d4sIIIII", 8000, b"lpcm", 0, 2, 1, 1, 16))
DATA = chunk(b"data", bytes(4) + bytes(range(100)))


@pytest.mark.parametrize("codec", ["pcm_s16be", "alac", "pcm_mulaw"])
def test_sound_of_a_real_writer_stays(codec: str) -> None:
    raw = film("caf", *SOUND, "-c:a", codec)
    out = cleaned(clean, raw)
    films.assert_clean(out)
    assert decoded(out, "caf") == decoded(raw, "caf")


def test_unknown_chunks_and_open_ends_go() -> None:
    words = WORD.encode()
    job = Job()
    raw = b"caff\0\1\0\0" + DESCRIPTION + chunk(b"info", words) + chunk(b"uuid", words) + chunk(b"data", DATA[12:], -1)
    assert cleaned(clean, raw, job) == b"caff\0\1\0\0" + DESCRIPTION + DATA
    assert job.removed == {"tags": 1, "private chunk": 1}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"caff\0\1\0\0" + DESCRIPTION + DATA[:-1], "truncated"),
        (b"caff\0\1\0\0" + DESCRIPTION, "no sound"),
        (b"caff\0\1\0\0" + DATA, "no sound"),
        (bytes(99), "not a caf"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, b"caff\0\1\0\0" + DESCRIPTION + chunk(b"info", WORD.encode()) + DATA)
