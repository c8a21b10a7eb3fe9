"""FLIF: the coded picture stays, chunks in front of it go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import WORD, cleaned, refused

from privet.metadata.flif import clean
from privet.metadata.job import Job

PICTURE = b"\0" + bytes(at * 73 % 255 + 1 for at in range(300))


def file(*chunks: tuple[bytes, bytes], kind: int = 3) -> bytes:
    sizes = b"\x81\x10\x3f" + (b"\2" if kind > 4 else b"")
    within = b"".join(name + b"\x80" + bytes((len(body),)) + body for name, body in chunks)
    return b"FLIF" + bytes((kind << 4 | 3,)) + b"1" + sizes + within + PICTURE


@pytest.mark.parametrize("kind", [3, 4, 5, 6])
def test_the_picture_stays_and_chunks_go(kind: int) -> None:
    words = WORD.encode()
    job = Job()
    assert cleaned(clean, file((b"eXif", words), (b"eXmp", words), (b"abcd", words), kind=kind), job) == file(kind=kind)
    assert job.removed == {"exif": 1, "xmp": 1, "chunk": 1}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file()[:9], "no picture"),
        (file((b"eXif", b"abc"))[:18], "no picture"),
        (b"FLIF31\xff\xff\xff\xff\xff\xff", "a number"),
        (file() + WORD.encode(), "text behind"),
        (bytes(99), "not a flif"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, file((b"eXif", WORD.encode())))
