"""FLAC: frames, numbers and seek table stay; comments, pictures, cue sheets, private blocks and all around the stream goes."""

from __future__ import annotations

import hashlib
import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import SOUND, WORD, assert_clean, cleaned, decoded, film, packets, refused, run

from privet.metadata import flac_frame
from privet.metadata.flac import clean
from privet.metadata.job import Job

BLOCK = 192


def crc8(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x07 if crc & 0x80 else 0)) & 0xFF
    return crc


def frame(number: int, samples: bytes) -> bytes:
    """Return a frame of 192 samples of eight bits, one channel, stored as they are."""
    head = b"\xff\xf8\x19\x02" + bytes((number,))
    head += bytes((crc8(head),))
    body = head + b"\x02" + samples
    return body + flac_frame._crc16(body).to_bytes(2)


def block(kind: int, content: bytes, *, last: bool = False) -> bytes:
    return bytes((kind | (0x80 if last else 0),)) + len(content).to_bytes(3) + content


SAMPLES = [bytes((at * number) % 256 for at in range(BLOCK)) for number in range(1, 5)]
FRAMES = b"".join(frame(number, samples) for number, samples in enumerate(SAMPLES))
NUMBERS = struct.pack(">HH", BLOCK, BLOCK) + bytes(6) + (8000 << 44 | 0 << 41 | 7 << 36 | 4 * BLOCK).to_bytes(8)
NUMBERS += hashlib.md5(b"".join(SAMPLES), usedforsecurity=False).digest()
SEEK = struct.pack(">QQH", 0, 0, BLOCK)
COMMENTS = struct.pack("<I", len(WORD)) + WORD.encode() + struct.pack("<II", 1, len(WORD)) + WORD.encode()
BLOCKS = b"".join((
    block(0, NUMBERS),
    block(4, COMMENTS),
    block(3, SEEK),
    block(6, WORD.encode()),
    block(2, b"abcd" + WORD.encode()),
    block(5, WORD.encode()),
    block(77, WORD.encode()),
    block(1, WORD.encode() * 9, last=True),
))  # fmt: skip
BARE = b"fLaC" + block(0, NUMBERS) + block(3, SEEK, last=True) + FRAMES
ID3 = b"ID3\4\0\0\0\0\0" + bytes((len(WORD),)) + WORD.encode()
OLD = b"TAG" + WORD.encode().ljust(125)


@pytest.mark.parametrize("before", [b"", ID3])
@pytest.mark.parametrize(
    "after", [b"", OLD, WORD.encode() * 40, b"\xff\xf8\x19\x02\x09" + WORD.encode(), b"PK\3\4" + bytes(300)]
)
def test_only_numbers_seek_table_and_frames_stay(before: bytes, after: bytes) -> None:
    job = Job()
    assert cleaned(clean, before + b"fLaC" + BLOCKS + FRAMES + after, job) == BARE
    for what in ("comments", "picture", "private block", "cue sheet", "padding", "block"):
        assert job.removed[what] == 1


def test_a_stream_of_unknown_length_is_kept_whole() -> None:
    numbers = NUMBERS[:13] + bytes((NUMBERS[13] & 0xF0, 0, 0, 0, 0)) + NUMBERS[18:]
    raw = b"fLaC" + block(0, numbers, last=True) + FRAMES
    assert cleaned(clean, raw) == raw
    assert cleaned(clean, raw + WORD.encode()) == raw


OPTIONS = {
    "one": (*SOUND, "-c:a", "flac"),
    "two": (*SOUND, "-c:a", "flac", "-ac", "2", "-sample_fmt", "s32", "-compression_level", "12"),
    "fixed": (*SOUND, "-c:a", "flac", "-lpc_type", "fixed", "-frame_size", "500"),
    "none": (*SOUND, "-c:a", "flac", "-lpc_type", "none"),
    "silence": ("-f", "lavfi", "-i", "anullsrc=duration=0.5", "-t", "0.5", "-c:a", "flac"),
    "tone": ("-f", "lavfi", "-i", "sine=duration=0.5", "-ac", "2", "-c:a", "flac", "-ch_mode", "mid_side"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_end_is_found_in_what_ffmpeg_writes(name: str) -> None:
    raw = film("flac", *OPTIONS[name])
    out = cleaned(clean, raw)
    assert_clean(out)
    assert cleaned(clean, raw + WORD.encode() * 30) == out
    assert packets(out, "flac") == packets(raw, "flac")


def test_what_is_decoded_stays() -> None:
    raw = film("flac", *OPTIONS["two"])
    assert decoded(run(clean, raw, Job()), "flac") == decoded(raw, "flac")


def test_tags_of_mutagen_go(tmp_path: Path) -> None:
    mutagen_flac = pytest.importorskip("mutagen.flac")
    path = tmp_path / "sound.flac"
    path.write_bytes(BARE)
    sound = mutagen_flac.FLAC(path)
    sound["artist"] = WORD
    cover = mutagen_flac.Picture()
    cover.data, cover.desc = WORD.encode(), WORD
    sound.add_picture(cover)
    sound.save()
    assert WORD.encode() in path.read_bytes()
    assert cleaned(clean, path.read_bytes()) == BARE


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "no FLAC"),
        (b"fLaC", "truncated"),
        (BARE[:30], "truncated"),
        (BARE[:-1], "truncated"),
        (BARE[: -len(FRAMES) // 4], "truncated"),
        (BARE[:-9] + b"\xff" + BARE[-8:], "damaged"),
        (b"fLaC" + block(4, COMMENTS, last=True) + FRAMES, "numbers"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, b"fLaC" + BLOCKS + FRAMES, 400)
