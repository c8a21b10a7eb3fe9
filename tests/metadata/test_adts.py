"""AAC in ADTS: frames stay bit for bit, tags around them go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import SOUND, WORD, cleaned, film, packets, refused

from privet.metadata.adts import clean
from privet.metadata.job import Job


def frames(count: int, size: int = 100) -> bytes:
    head = bytes((0xFF, 0xF1, 0x4C, 0x80 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC))
    return b"".join(head + bytes((at,)) * (size - 7) for at in range(count))


ID3 = b"ID3\4\0\0\0\0\0" + bytes((len(WORD),)) + WORD.encode()


@pytest.mark.parametrize("before", [b"", ID3, ID3 + ID3])
@pytest.mark.parametrize("after", [b"", b"TAG" + WORD.encode().ljust(125), WORD.encode()])
def test_tags_go_and_frames_stay(before: bytes, after: bytes) -> None:
    assert cleaned(clean, before + frames(9) + after) == frames(9)


def test_tags_between_frames_go() -> None:
    job = Job()
    assert cleaned(clean, frames(4) + ID3 + frames(5), job) == frames(4) + frames(5)
    assert job.removed["bytes between frames"] == 1


def test_packets_stay() -> None:
    raw = film("aac", *SOUND, "-c:a", "aac")
    out = cleaned(clean, raw)
    assert packets(out, "aac") == packets(raw, "aac")


@pytest.mark.parametrize("raw", [b"", bytes(999), b"\xff" * 999, ID3, b"ADIF" + WORD.encode()])
def test_a_file_without_frames_is_refused(raw: bytes) -> None:
    assert "no frames" in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, ID3 + frames(9) + ID3 + frames(9), 400)
