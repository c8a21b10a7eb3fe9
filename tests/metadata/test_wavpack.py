"""WavPack: coded samples stay, headers of other formats and tags go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import SOUND, WORD, cleaned, decoded, film, refused

from privet.metadata.job import Job
from privet.metadata.wavpack import clean


def part(kind: int, body: bytes) -> bytes:
    body = body.ljust(len(body) + len(body) % 2, b"\0")
    words = len(body) // 2
    return bytes((kind, words)) + body if words < 256 else bytes((kind | 0x80,)) + words.to_bytes(3, "little") + body


def block(*parts: bytes) -> bytes:
    body = b"".join(parts)
    return b"wvpk" + struct.pack("<IHBBIIIII", 24 + len(body), 0x410, 0, 0, 100, 0, 100, 0, 0) + body


CODED = part(2, b"ab") + part(10, bytes(range(250)) * 4)
CHECK = part(0x2F, b"1234")


def test_coded_samples_stay_and_words_go() -> None:
    words = WORD.encode()
    raw = block(part(0x21, b"RIFF" + words), CODED, part(0, words), part(0x22, words), CHECK) + block(CODED, CHECK)
    job = Job()
    # The check sum of a block that changed goes, too.
    assert cleaned(clean, raw + b"TAG" + words.ljust(125), job) == block(CODED) + block(CODED, CHECK)
    assert job.removed == {"id3": 1, "header of the wav": 2}


def test_sound_of_a_real_writer_stays() -> None:
    raw = film("wv", *SOUND)
    out = cleaned(clean, raw)
    films.assert_clean(out)
    assert decoded(out, "wv") == decoded(raw, "wv")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (block(CODED)[:-1], "truncated"),
        (b"wvpk" + bytes(40), "damaged"),
        (block(b"\x02\xff"), "damaged"),
        (bytes(99), "no block"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, block(part(0x21, WORD.encode()), CODED) * 3)
