"""Sound and music: annotations, information, names."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from audit_files import chunk, entry, stands, tags

from privet.audit.reading import records_of
from privet.audit.record import Record

NAME = b"Jane Example"


def au(words: bytes) -> bytes:
    return b".snd" + struct.pack(">IIIII", 24 + len(words), 4, 3, 8000, 1) + words + bytes(4)


def caf(*parts: tuple[bytes, bytes]) -> bytes:
    listed = ((b"desc", bytes(32)), *parts, (b"data", bytes(8)))
    return b"caff\0\1\0\0" + b"".join(name + struct.pack(">Q", len(body)) + body for name, body in listed)


def dsf(pointer: int) -> bytes:
    return b"DSD " + struct.pack("<QQQ", 28, 92, pointer) + bytes(64)


def dff(*parts: tuple[bytes, bytes]) -> bytes:
    body = b"DSD " + b"".join(name + struct.pack(">Q", len(body)) + body for name, body in parts)
    return b"FRM8" + struct.pack(">Q", len(body)) + body


def midi(*events: tuple[int, bytes]) -> bytes:
    track = b"".join(b"\0\xff" + bytes((kind, len(body))) + body for kind, body in events)
    track = b"\0\x90\x3c\x40\x10\x3c\0" + track + b"\0\xff\x2f\0"
    return b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk" + struct.pack(">I", len(track)) + track


def riff(kind: bytes, *parts: bytes) -> bytes:
    body = kind + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def ogg(first: bytes, second: bytes) -> bytes:
    return b"".join(b"OggS" + bytes(22) + bytes((1, len(body))) + body for body in (first, second))


INFO = chunk(b"LIST", b"INFO" + chunk(b"IART", NAME))
COMMENTS = struct.pack("<I", 1) + b"v" + struct.pack("<II", 1, 11) + b"ARTIST=Jane"
LOOPS = chunk(b"data", bytes(20_000_001)) + INFO
CASES: dict[str, tuple[bytes, bytes, str]] = {
    "au": (au(bytes(8)), au(NAME), "metadata-annotation"),
    "caf": (caf((b"info", b"\0\0\0\1encoder\0x\0")), caf((b"info", b"\0\0\0\1artist\0Jane\0")), "metadata-caf"),
    "dsf": (dsf(0), dsf(92), "metadata-id3"),
    "dff": (dff((b"FVER", bytes(4))), dff((b"DIIN", NAME)), "metadata-dff"),
    "midi": (midi((0x51, b"\7\xa1\x20")), midi((2, NAME)), "metadata-midi"),
    "rmi": (riff(b"RMID", chunk(b"data", midi())), riff(b"RMID", chunk(b"data", midi((1, NAME)))), "metadata-midi"),
    "wav behind much sound": (riff(b"WAVE", chunk(b"data", bytes(9))), riff(b"WAVE", LOOPS), "metadata-riff-info"),
    "avi": (
        riff(b"AVI ", chunk(b"LIST", b"hdrl" + chunk(b"avih", bytes(56)))),
        riff(b"AVI ", chunk(b"LIST", b"movi" + bytes(20_000_000)), INFO),
        "metadata-riff-info",
    ),
    "ape": (b"MAC \x96\x0f" + bytes(99), b"MAC \x96\x0f" + bytes(99) + b"APETAGEX" + bytes(24), "metadata-ape"),
    "wavpack": (b"wvpk" + bytes(99), b"wvpk" + bytes(28) + b"\x21\x10RIFF" + bytes(8) + INFO, "metadata-riff-info"),
    "speex": (ogg(b"Speex   1.2", bytes(8)), ogg(b"Speex   1.2", COMMENTS), "metadata-vorbis-comment"),
    "flac in ogg": (ogg(b"\x7fFLAC\1\0", b"\0abc"), ogg(b"\x7fFLAC\1\0", b"\x84abc" + COMMENTS), "metadata-vorbis-comment"),
    "adts": (b"\xff\xf1" + bytes(99), b"\xff\xf1" + bytes(99) + b"TAG" + NAME.ljust(125, b"\0"), "metadata-id3v1"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_plain_sound_passes_and_tags_are_told(case: str) -> None:
    clean, tagged, rule = CASES[case]
    assert not any(tags(clean).values())
    assert tags(tagged)[rule]


def test_lyrics_are_records() -> None:
    raw = midi((5, b"Jane "), (5, b"sings"))
    assert not any(tags(raw).values())
    assert [found.text for found in records_of(entry(raw)) if isinstance(found, Record)] == ["Jane sings"]


@pytest.mark.parametrize("case", CASES)
def test_damage_is_read_or_told(case: str) -> None:
    stands(CASES[case][1][:4096])
