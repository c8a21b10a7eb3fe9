"""MP3: frames stay bit for bit, tags of every kind go from every place, players still know how much silence to cut."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import SOUND, WORD, assert_clean, cleaned, decoded, film, refused, run

from privet.metadata.job import Job
from privet.metadata.mp3 import clean

HEAD = b"\xff\xfb\x90\x64"
FRAME_BYTES = 417


def frames(count: int, fill: int = 0x55) -> bytes:
    """Return frames of 128 kbit/s at 44.1 kHz."""
    return b"".join(HEAD + bytes(((fill ^ at) % 256,)) * (FRAME_BYTES - 4) for at in range(count))


def id3(content: bytes = WORD.encode(), *, footer: bool = False) -> bytes:
    size = len(content)
    head = bytes((4, 0, 0x10 if footer else 0, size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127))
    return b"ID3" + head + content + (b"3DI" + head if footer else b"")


def ape(content: bytes = WORD.encode(), *, head: bool) -> bytes:
    fields = struct.pack("<III", 2000, len(content) + 32, 1)
    start = b"APETAGEX" + fields + b"\0\0\0\xa0" + bytes(8) if head else b""
    return start + content + b"APETAGEX" + fields + (b"\0\0\0\x80" if head else bytes(4)) + bytes(8)


OLD = b"TAG" + WORD.encode().ljust(125, b" ")
LONGER = b"TAG+" + WORD.encode().ljust(223, b" ")
LYRICS = b"LYRICSBEGIN" + WORD.encode() + f"{len(WORD) + 11:06d}LYRICS200".encode()
OLD_LYRICS = b"LYRICSBEGIN" + WORD.encode() + b"LYRICSEND"
SOUND_BYTES = frames(12)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (id3(), b""),
        (id3() + id3(b"\0" * 300), b""),
        (id3(footer=True), b""),
        (b"", OLD),
        (b"", LONGER + OLD),
        (b"", ape(head=False)),
        (b"", ape(head=True) + OLD),
        (ape(head=True), b""),
        (b"", LYRICS + OLD),
        (b"", OLD_LYRICS + OLD),
        (b"", id3(footer=True)),
        (b"", id3()),
        (id3() + WORD.encode() * 50, WORD.encode() * 50),
        (b"\xff\xfb" + WORD.encode(), b"\xff\xfb" + WORD.encode()),
    ],
)
def test_tags_go_and_frames_stay(before: bytes, after: bytes) -> None:
    assert cleaned(clean, before + SOUND_BYTES + after) == SOUND_BYTES


def test_tags_between_frames_go() -> None:
    raw = frames(5) + id3(b"\xff\xfb\x90\x64" + WORD.encode()) + frames(5, 0x33) + OLD + frames(4, 0x11)
    job = Job()
    assert cleaned(clean, raw, job) == frames(5) + frames(5, 0x33) + frames(4, 0x11)
    assert job.removed["bytes between frames"] == 2


def test_a_frame_cut_short_at_the_end_stays() -> None:
    assert cleaned(clean, SOUND_BYTES[:-100] + OLD) == SOUND_BYTES[:-100]


@pytest.mark.parametrize(
    "raw", [b"", b"\xff" * 5000, bytes(5000), id3(), b"\xff\xfb\x90\x64" * 3, WORD.encode() * 500, OLD]
)
def test_a_file_without_frames_is_refused(raw: bytes) -> None:
    assert "no frames" in refused(clean, raw)


OPTIONS = {
    "constant": (*SOUND, "-c:a", "libmp3lame", "-b:a", "64k", "-write_id3v1", "1"),
    "variable": (*SOUND, "-c:a", "libmp3lame", "-q:a", "5", "-ac", "2"),
    "slow": (*SOUND, "-c:a", "libmp3lame", "-ar", "22050", "-id3v2_version", "3"),
    "slowest": (*SOUND, "-c:a", "libmp3lame", "-ar", "8000"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_what_is_decoded_stays(name: str) -> None:
    raw = film("mp3", *OPTIONS[name])
    out = cleaned(clean, raw)
    # The silence at both ends is cut as before: the number of samples is part of the digest.
    assert decoded(out, "mp3") == decoded(raw, "mp3")
    assert_clean(out)
    assert b"LAME3" not in out[: out.index(b"Lavc") + 200]
    assert run(clean, out, Job()) == out


def test_exiftool_finds_nobody() -> None:
    assert (
        films.personal_tags(
            {f"{name}.mp3": run(clean, film("mp3", *options), Job()) for name, options in OPTIONS.items()}
        )
        == []
    )


def test_tags_of_mutagen_go(tmp_path: Path) -> None:
    id3_of = pytest.importorskip("mutagen.id3")
    apev2 = pytest.importorskip("mutagen.apev2")
    path = tmp_path / "sound.mp3"
    path.write_bytes(SOUND_BYTES)
    tags = id3_of.ID3()
    every: list[Any] = [
        id3_of.TPE1(text=WORD),
        id3_of.COMM(text=WORD),
        id3_of.USLT(text=WORD),
        id3_of.UFID(owner=WORD, data=b"1"),
    ]
    every += [
        id3_of.APIC(data=WORD.encode(), mime="image/png"),
        id3_of.PRIV(owner=WORD, data=b"2"),
        id3_of.TXXX(desc=WORD, text=WORD),
    ]
    for frame in every:
        tags.add(frame)
    tags.save(path, v1=2)
    apev2.APEv2File(path)
    more = apev2.APEv2()
    more["Artist"] = WORD
    more.save(path)
    assert cleaned(clean, path.read_bytes()) == SOUND_BYTES


def test_a_length_frame_of_fraunhofer_keeps_its_numbers_only() -> None:
    table = struct.pack(">HHHIIHHHH", 1, 0, 50, 9999, 12, 3, 1, 2, 4) + b"\1\2\3\4\5\6"
    first = (HEAD + bytes(32) + b"VBRI" + table + WORD.encode()).ljust(FRAME_BYTES, b"\0")
    out = cleaned(clean, first + SOUND_BYTES)
    assert_clean(out)
    assert out[:FRAME_BYTES] == (HEAD + bytes(32) + b"VBRI" + table).ljust(FRAME_BYTES, b"\0")
    assert out[FRAME_BYTES:] == SOUND_BYTES


def test_a_length_frame_of_xing_keeps_its_numbers_only() -> None:
    first = (
        HEAD
        + WORD.encode().ljust(32, b"\0")
        + b"Xing"
        + struct.pack(">III", 3, 12, 9999)
        + b"MyCoder 9"
        + WORD.encode() * 3
    )
    out = cleaned(clean, first.ljust(FRAME_BYTES, b"\0") + SOUND_BYTES)
    assert_clean(out)
    assert b"MyCoder" not in out
    assert out[36:52] == b"Xing" + struct.pack(">III", 3, 12, 9999)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, id3() + SOUND_BYTES + LYRICS + ape(head=True) + OLD, 400)
    films.assert_stands(clean, film("mp3", *OPTIONS["variable"]))


def test_a_large_file_is_walked_in_windows() -> None:
    raw = id3() + frames(8000) + id3() + frames(3000)
    out = io.BytesIO()
    clean(io.BytesIO(raw), out, Job())
    assert out.getvalue() == frames(8000) + frames(3000)
