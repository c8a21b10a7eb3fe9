"""DSF and DSDIFF: the sound stays, tags and names go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import WORD, cleaned, refused

from privet.metadata.dsd import clean
from privet.metadata.job import Job

SOUND = bytes(range(64))


def dsf(sound: bytes = SOUND, tag: bytes = b"") -> bytes:
    total = 28 + 52 + 12 + len(sound)
    form = b"fmt " + struct.pack("<QIIIIIIQII", 52, 1, 0, 2, 2, 2822400, 1, 512, 4096, 0)
    head = b"DSD " + struct.pack("<QQQ", 28, total + len(tag), total if tag else 0)
    return head + form + b"data" + struct.pack("<Q", 12 + len(sound)) + sound + tag


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack(">Q", len(body)) + body + bytes(len(body) & 1)


PROPERTIES = (chunk(b"FS  ", struct.pack(">I", 2822400)), chunk(b"CHNL", b"\0\1C   "))


def dff(*more: bytes, coding: bytes = b"\0", kind: bytes = b"DSD ") -> bytes:
    within = b"SND " + b"".join(PROPERTIES) + chunk(b"CMPR", b"DSD " + coding)
    parts = (chunk(b"FVER", b"\1\5\0\0"), chunk(b"PROP", within), chunk(kind, SOUND + b"x"), *more)
    body = b"DSD " + b"".join(parts)
    return b"FRM8" + struct.pack(">Q", len(body)) + body


def test_sound_stays_and_tags_go() -> None:
    job = Job()
    assert cleaned(clean, dsf(tag=WORD.encode()), job) == dsf()
    assert job.removed == {"tags": 1}
    assert cleaned(clean, dsf()) == dsf()


def test_sound_stays_and_names_go() -> None:
    words = WORD.encode()
    job = Job()
    raw = dff(chunk(b"DIIN", words), chunk(b"COMT", words), chunk(b"ID3 ", words), coding=bytes((len(words),)) + words)
    assert cleaned(clean, raw, job) == dff()
    assert job.removed == {"title": 1, "comment": 1, "id3": 1}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (dsf()[:-1], "truncated"),
        (dsf()[:60], "truncated"),
        (dsf().replace(b"fmt ", b"fmtx"), "damaged"),
        (dff()[:-20], "truncated"),
        (dff(kind=b"ABCD"), "no sound"),
        (b"FRM8" + bytes(20), "damaged"),
        (bytes(99), "not a dsd"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


@pytest.mark.parametrize("raw", [dsf(tag=WORD.encode()), dff(chunk(b"DIIN", WORD.encode()))])
def test_damage_is_cleaned_or_refused(raw: bytes) -> None:
    films.assert_stands(clean, raw)
