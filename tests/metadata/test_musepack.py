"""Musepack: frames stay, the encoder's name, chapters and tags go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import WORD, cleaned, refused

from privet.metadata.job import Job
from privet.metadata.musepack import clean

TAG = b"TAG" + WORD.encode().ljust(125)


def packet(kind: bytes, body: bytes) -> bytes:
    size = len(body) + 3
    return kind + (bytes((size,)) if size < 128 else bytes((0x80 | size + 1 >> 7, size + 1 & 127))) + body


def file(*packets: bytes) -> bytes:
    return b"MPCK" + b"".join(packets)


SOUND = (packet(b"SH", b"1234567"), packet(b"RG", bytes(9)), packet(b"AP", bytes(range(200))), packet(b"SE", b""))


def test_packets_of_sound_stay_and_others_go() -> None:
    words = WORD.encode()
    job = Job()
    raw = file(
        SOUND[0], packet(b"EI", words), packet(b"CT", words), packet(b"SO", b"12"), packet(b"ZZ", words), *SOUND[1:]
    )
    assert cleaned(clean, raw + TAG, job) == file(*SOUND)
    assert job.removed == {"id3": 1, "encoder name": 1, "chapters": 1, "packet": 1}


def test_the_older_version_keeps_its_frames() -> None:
    head = b"MP+\7" + bytes(range(1, 9)) + b"gaingain" + bytes(range(9, 16))
    raw = head + b"\x77" + bytes(range(250))
    out = cleaned(clean, raw + TAG)
    assert out == head[:12] + bytes(8) + head[20:] + b"\0" + bytes(range(250))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file(*SOUND)[:100], "truncated"),
        (file(SOUND[0]), "no sound"),
        (file(b"AP\0"), "damaged"),
        (b"MP+\4" + bytes(99), "this version"),
        (bytes(99), "this version"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, file(packet(b"EI", WORD.encode()), *SOUND))
