"""Transport streams: packets of the programs stay, names, guides and private data go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import PICTURES, SOUND, WORD, cleaned, film, packets, refused

from privet.metadata import mpeg_ts
from privet.metadata.job import Job
from privet.metadata.mpeg_ts import clean

NAMES = ("-metadata", f"service_name={WORD}", "-metadata", f"service_provider={WORD}")


@pytest.mark.parametrize("suffix", ["ts", "m2ts"])
def test_packets_of_a_real_writer_stay(suffix: str) -> None:
    raw = film(suffix, *PICTURES, *SOUND, "-r", "25", *NAMES)
    assert WORD.encode() in raw
    out = cleaned(clean, raw)
    films.assert_clean(out)
    assert packets(out, suffix) == packets(raw, suffix)


def section(kind: int, body: bytes) -> bytes:
    whole = bytes((kind,)) + (0xB000 | len(body) + 4).to_bytes(2) + body
    return whole + mpeg_ts._checksum(whole).to_bytes(4)


def packet(pid: int, content: bytes, *, starts: bool = False, field: bytes = b"") -> bytes:
    head = bytes((0x47, (0x40 if starts else 0) | pid >> 8, pid & 255, 0x30 if field else 0x10))
    head += bytes((len(field),)) + field if field else b""
    return (head + content).ljust(188, b"\xff")


def table(descriptions: bytes = b"", streams: bytes = b"\x1b\xe1\0\xf0\0") -> bytes:
    body = b"\0\1\xc1\0\0\xe1\0" + (0xF000 | len(descriptions)).to_bytes(2) + descriptions + streams
    return packet(0x30, b"\0" + section(2, body), starts=True)


GUIDE = packet(0, b"\0" + section(0, b"\0\1\xc1\0\0\0\1\xe0\x30"), starts=True)
FILM = packet(0x100, bytes(range(150)))


def test_private_streams_descriptions_and_fields_go() -> None:
    words = WORD.encode()
    text = b"\x48" + bytes((len(words),)) + words
    private = b"\x02" + bytes((len(words),)) + words
    raw = (
        GUIDE
        + table(text + b"\x0a\4ger\0", b"\x1b\xe1\0\xf0\0\x15\xe1\1\xf0\0")
        + packet(0x101, words)
        + packet(0x11, words)
    )
    raw += packet(0x100, b"abc", field=private) + FILM + packet(0x1FFF, words)
    job = Job()
    out = cleaned(clean, raw, job)
    stuffed = packet(0x100, b"abc", field=b"\0" + b"\xff" * (1 + len(words)))
    assert out == GUIDE + table(b"\x0a\4ger\0") + stuffed + FILM
    assert job.removed == {"private stream": 2, "private data": 1, "padding": 1}
    assert cleaned(clean, out) == out


@pytest.mark.parametrize("cut", [5, 20, 60, 100])
def test_notes_of_cameras_are_overwritten_also_over_packets(cut: int) -> None:
    note = b"MDPM\x02" + WORD.encode() + b"\0\0\3\1" + WORD.encode() + b"\x80"
    film = (b"\0\0\1\x06" + bytes(range(40, 80)) + note + b"\0\0\1\x65" + bytes(range(90, 120))).ljust(368, b"\x55")
    shift = 184 - cut
    raw = GUIDE + table() + packet(0x100, b"\x77" * shift + film[:cut]) + packet(0x100, film[cut : cut + 184]) + FILM
    out = cleaned(clean, raw)
    assert WORD.encode()[:6] not in out
    assert len(out) == len(raw)
    assert b"\0\0\1\x65" + bytes(range(90, 120)) in out
    assert out[-188:] == FILM


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (GUIDE + table() + FILM[:3] + b"\x90" + FILM[4:], "encrypted"),
        (GUIDE + FILM, "no sound"),
        (GUIDE + table() + FILM * 8 + bytes(188), "without its mark"),
        (GUIDE + table(b"\x48\xff" + bytes(255)), ""),
        (bytes(999), "not a transport"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert refused(clean, raw)
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, GUIDE + table() + FILM * 6)
