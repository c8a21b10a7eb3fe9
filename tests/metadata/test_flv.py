"""Flash video: sound and pictures stay, script data goes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import PICTURES, SOUND, WORD, cleaned, film, packets, refused

from privet.metadata.flv import clean
from privet.metadata.job import Job


def tag(kind: int, body: bytes, stream: bytes = bytes(3)) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3) + bytes(4) + stream + body + (len(body) + 11).to_bytes(4)


HEAD = b"FLV\1\5\0\0\0\x09" + bytes(4)


def test_packets_of_a_real_writer_stay() -> None:
    raw = film("flv", *PICTURES, *SOUND, "-ar", "44100")
    out = cleaned(clean, raw)
    films.assert_clean(out)
    assert packets(out, "flv") == packets(raw, "flv")


def test_scripts_and_trailing_bytes_go() -> None:
    job = Job()
    raw = (
        HEAD
        + tag(18, WORD.encode())
        + tag(9, b"picture", b"jan")
        + tag(18, WORD.encode())
        + tag(8, b"sound")
        + WORD.encode()
    )
    assert cleaned(clean, raw, job) == HEAD + tag(9, b"picture") + tag(8, b"sound")
    assert job.removed == {"script data": 2, "trailing bytes": 1}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (HEAD + tag(9, b"picture")[:-6], "truncated"),
        (HEAD + tag(41, b"x"), "encrypted"),
        (HEAD, "no sound"),
        (bytes(99), "not a flash"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, HEAD + tag(18, WORD.encode()) + tag(9, b"picture") * 5)
