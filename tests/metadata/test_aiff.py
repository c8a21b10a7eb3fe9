"""AIFF and AIFC: sound stays bit for bit, names, authors, comments and tags go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import SOUND, WORD, assert_clean, cleaned, film, packets, refused, run

from privet.metadata.aiff import clean
from privet.metadata.job import Job

SAMPLES = bytes(8) + bytes(range(101))
COMMON = struct.pack(">hIh", 1, 101, 8) + bytes.fromhex("400bfa00000000000000")
NAMES = (b"NAME", b"AUTH", b"(c) ", b"ANNO", b"COMT", b"ID3 ", b"APPL", b"MARK", b"INST", b"zzzz")


def chunk(name: bytes, content: bytes = WORD.encode()) -> bytes:
    return name + struct.pack(">I", len(content)) + content + bytes(len(content) % 2)


def sound_file(*chunks: bytes, kind: bytes = b"AIFF") -> bytes:
    body = kind + b"".join(chunks)
    return b"FORM" + struct.pack(">I", len(body)) + body


BARE = sound_file(chunk(b"COMM", COMMON), chunk(b"SSND", SAMPLES))


def test_only_coding_and_sound_stay() -> None:
    others = [chunk(name) for name in NAMES]
    raw = sound_file(*others, chunk(b"COMM", COMMON + WORD.encode()), chunk(b"SSND", SAMPLES), *others) + WORD.encode()
    job = Job()
    assert cleaned(clean, raw, job) == BARE
    assert {name: job.removed[name] for name in ("author", "title", "id3", "trailing bytes")} == {
        "author": 2,
        "title": 2,
        "id3": 2,
        "trailing bytes": 1,
    }


def test_the_name_of_a_coding_is_empty() -> None:
    named = COMMON + b"sowt" + bytes((len(WORD),)) + WORD.encode()
    raw = sound_file(chunk(b"FVER", b"\xa2\x80\x51\x40"), chunk(b"COMM", named), chunk(b"SSND", SAMPLES), kind=b"AIFC")
    parts = (chunk(b"FVER", b"\xa2\x80\x51\x40"), chunk(b"COMM", COMMON + b"sowt\0\0"), chunk(b"SSND", SAMPLES))
    assert cleaned(clean, raw) == sound_file(*parts, kind=b"AIFC")


@pytest.mark.parametrize("options", [(), ("-c:a", "pcm_f32be"), ("-c:a", "pcm_s24be", "-ac", "2")])
def test_packets_stay_and_words_go(options: tuple[str, ...]) -> None:
    raw = film("aiff", *SOUND, *options, "-write_id3v2", "1")
    assert WORD.encode() in raw
    out = cleaned(clean, raw)
    assert_clean(out)
    assert packets(out, "aiff") == packets(raw, "aiff")
    assert run(clean, out, Job()) == out


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "no AIFF"),
        (BARE[:-3], "truncated"),
        (BARE[:30], "truncated"),
        (sound_file(chunk(b"COMM", COMMON)), "no sound"),
        (sound_file(chunk(b"COMM", b"x"), chunk(b"SSND", SAMPLES)), "coding"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(
        clean, sound_file(chunk(b"NAME"), chunk(b"COMM", COMMON), chunk(b"SSND", SAMPLES), chunk(b"ID3 ")), 400
    )
