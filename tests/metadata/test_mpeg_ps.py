"""Program streams and bare video: coded packets stay, notes, padding and private data go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import PICTURES, SOUND, WORD, cleaned, decoded, film, packets, refused

from privet.metadata.job import Job
from privet.metadata.mpeg_ps import clean

RATE = ("-r", "25")
PACK = b"\0\0\1\xba\x44\0\4\0\4\1\0\0\3\xf8"
SYSTEM = b"\0\0\1\xbb\0\4abcd"


def packet(code: int, body: bytes) -> bytes:
    if code in (0xBE, 0xBF):
        return b"\0\0\1" + bytes((code,)) + len(body).to_bytes(2) + body
    return b"\0\0\1" + bytes((code,)) + (len(body) + 3).to_bytes(2) + b"\x80\0\0" + body


@pytest.mark.parametrize("suffix", ["mpg", "vob"])
def test_packets_of_a_real_writer_stay(suffix: str) -> None:
    raw = film(suffix, *PICTURES, *SOUND, *RATE)
    out = cleaned(clean, raw)
    films.assert_clean(out)
    assert packets(out, suffix) == packets(raw, suffix)


def test_notes_are_zeros_also_over_packets_and_private_data_goes() -> None:
    words = WORD.encode()
    before, after = b"\0\0\1\xb3abcd", b"\0\0\1\0xyz"
    raw = PACK + SYSTEM + packet(0xE0, before + b"\0\0\1\xb2" + words) + packet(0xBE, words) + packet(0xBF, words)
    raw += (
        packet(0xE0, words + after + b"\0\0")
        + packet(0xE0, b"\1\xb2" + words + after)
        + packet(0xC0, b"sound")
        + b"\0\0\1\xb9"
    )
    job = Job()
    out = cleaned(clean, raw + words, job)
    gone = bytes(len(words))
    expected = PACK + SYSTEM + packet(0xE0, before + b"\0\0\1\xb2" + gone) + packet(0xE0, gone + after + b"\0\0")
    assert out == expected + packet(0xE0, b"\1\xb2" + gone + after) + packet(0xC0, b"sound") + b"\0\0\1\xb9"
    assert job.removed == {"user data": 2, "padding": 1, "private data": 1, "trailing bytes": 1}
    assert cleaned(clean, out) == out


def test_bare_video_stays_and_notes_go() -> None:
    raw = film("m2v", *PICTURES, *RATE)
    at = raw.index(b"\0\0\1\xb8")
    noted = raw[:at] + b"\0\0\1\xb2" + WORD.encode() + raw[at:]
    out = cleaned(clean, noted)
    films.assert_clean(out)
    assert decoded(out, "m2v") == decoded(raw, "m2v")
    assert cleaned(clean, raw) == raw


def test_a_last_packet_that_is_cut_short_stays_as_far_as_it_goes() -> None:
    raw = PACK + packet(0xE0, b"\0\0\1\xb3abcd") * 2
    assert cleaned(clean, raw[:-3]) == raw[:-3]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (PACK + packet(0xBE, b"abc"), "no sound"),
        (PACK + packet(0xE0, b"abc").replace(b"\x80", b"\xb0"), "encrypted"),
        (bytes(99), "not an mpeg"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, PACK + packet(0xE0, b"\0\0\1\xb3abcd") * 5 + packet(0xBE, WORD.encode()))
