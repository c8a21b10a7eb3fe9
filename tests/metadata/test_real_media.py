"""RealMedia: packets stay at their places, words become nothing."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import SOUND, WORD, cleaned, decoded, film, refused

from privet.metadata.job import Job
from privet.metadata.real_media import clean


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + (10 + len(body)).to_bytes(4) + b"\0\0" + body


def stream(name: bytes, mime: bytes, own: bytes) -> bytes:
    numbers = bytes(30)
    return chunk(
        b"MDPR", numbers + bytes((len(name),)) + name + bytes((len(mime),)) + mime + len(own).to_bytes(4) + own
    )


HEAD = chunk(b".RMF", struct.pack(">II", 0, 5)) + chunk(b"PROP", bytes(40))
DATA = chunk(b"DATA", struct.pack(">II", 1, 0) + b"packets") + chunk(b"INDX", bytes(10))


def test_sound_of_a_real_writer_stays() -> None:
    raw = film("rm", *SOUND, "-c:a", "ac3")
    out = cleaned(clean, raw)
    films.assert_clean(out)
    assert decoded(out, "rm") == decoded(raw, "rm")


def test_packets_stay_at_their_places_and_words_go() -> None:
    words = WORD.encode()
    texts = b"".join(len(words).to_bytes(2) + words for _ in range(4))
    raw = (
        HEAD
        + chunk(b"CONT", texts)
        + stream(words, b"audio/x", b"coding")
        + stream(words, b"logical-fileinfo", words)
        + DATA
    )
    job = Job()
    gone = bytes(len(words))
    expected = (
        HEAD
        + chunk(b"CONT", (len(texts) - 8).to_bytes(2) + bytes(len(texts) - 2))
        + stream(gone, b"audio/x", b"coding")
        + stream(gone, b"logical-fileinfo", gone)
        + DATA
    )
    assert cleaned(clean, raw + b"TAG" + words, job) == expected
    assert job.removed == {"title": 1, "encoder name": 1, "trailing bytes": 1}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (HEAD, "without packets"),
        (HEAD + chunk(b"DATA", bytes(60))[:30], "truncated"),
        (HEAD + chunk(b"MDPR", bytes(9)) + DATA, "damaged"),
        (HEAD + stream(b"a", b"b", b"")[:-5][:4] + (47).to_bytes(4) + stream(b"a", b"b", b"")[8:47] + DATA, "damaged"),
        (bytes(99), "not a realmedia"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, HEAD + stream(WORD.encode(), b"audio/x", b"") + DATA)
