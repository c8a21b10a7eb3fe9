"""Monkey's Audio: frames stay, tags and the header of the wav go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import WORD, cleaned, refused

from privet.metadata.ape import clean
from privet.metadata.job import Job

FRAMES = bytes(range(200))
CODING = struct.pack("<HHIIIHHI", 2000, 0, 73728, 100, 2, 16, 2, 44100)
APE = b"APETAGEX" + struct.pack("<IIII8x", 2000, 32 + len(WORD), 1, 0) + b""


def file(wav: bytes = b"", tail: bytes = b"", *, version: int = 3990, own: int = 52, flags: int = 0) -> bytes:
    begin = own + 24 + 8 + len(wav)
    seek = struct.pack("<II", begin, begin + 100)
    head = (
        b"MAC "
        + struct.pack("<HH", version, 0)
        + struct.pack("<7I", own, 24, len(seek), len(wav), len(FRAMES), 0, len(tail))
    )
    coding = CODING[:2] + struct.pack("<H", flags) + CODING[4:]
    return head + bytes(range(16)) + bytes(own - 52) + coding + seek + wav + FRAMES + tail


def test_frames_stay_and_the_wav_goes() -> None:
    job = Job()
    raw = (
        b"ID3\4\0\0\0\0\0"
        + bytes((len(WORD),))
        + WORD.encode()
        + file(WORD.encode(), WORD.encode())
        + b"TAG"
        + WORD.encode().ljust(125)
    )
    out = cleaned(clean, raw, job)
    # The check sum of all of it is gone, the places of frames are moved.
    expected = file(flags=32)
    assert out == expected[:36] + bytes(16) + expected[52:]
    assert job.removed == {"id3": 2, "header of the wav": 1}
    assert cleaned(clean, out) == out


def test_a_longer_header_is_cut() -> None:
    assert cleaned(clean, file(own=60)) == cleaned(clean, file())


def old(wav: bytes = b"", tail: bytes = b"", *, flags: int = 16, version: int = 3950) -> bytes:
    own = 32 + (4 if flags & 4 else 0) + (4 if flags & 16 else 0)
    bits = b"\1\2" if version < 3810 else b""
    begin = own + len(wav) + 8 + len(bits)
    head = b"MAC " + struct.pack("<HHHHIIIII", version, 2000, flags, 2, 44100, len(wav), len(tail), 2, 100)
    more = (b"peak" if flags & 4 else b"") + (struct.pack("<I", 2) if flags & 16 else b"")
    return head + more + wav + struct.pack("<II", begin, begin + 100) + bits + FRAMES + tail


@pytest.mark.parametrize("flags", [0, 4, 16, 20])
@pytest.mark.parametrize("version", [3800, 3950])
def test_frames_of_older_versions_stay_and_the_wav_goes(flags: int, version: int) -> None:
    raw = old(WORD.encode(), WORD.encode(), flags=flags, version=version)
    expected = old(flags=flags, version=version)
    assert cleaned(clean, raw) == expected[:8] + struct.pack("<H", flags | 32) + expected[10:]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file()[:-9], "truncated"),
        (file()[:40], "truncated"),
        (old()[:60], "truncated"),
        (old()[:30], "truncated"),
        (file(own=40 + 12).replace(struct.pack("<I", 52), struct.pack("<I", 40), 1), "damaged"),
        (b"RIFF" * 20, "not a monkey"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, file(WORD.encode()))
