"""AVI: frames and indexes stay, names, dates, tags and private data go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import PICTURES, SOUND, WORD, assert_clean, cleaned, decoded, film, packets, refused, run

from privet.metadata.avi import clean
from privet.metadata.job import Job

FILES = {
    "mpeg4-mp3": (*PICTURES, *SOUND, "-c:v", "mpeg4", "-c:a", "mp3"),
    "h264-pcm": (*PICTURES, *SOUND, "-c:v", "libx264", "-c:a", "pcm_s16le"),
    "mjpeg-aac": (*PICTURES, *SOUND, "-c:v", "mjpeg", "-c:a", "aac"),
    "raw": (*PICTURES, "-c:v", "rawvideo", "-pix_fmt", "bgr24"),
}


@pytest.mark.parametrize("name", FILES)
def test_packets_stay_and_words_go(name: str) -> None:
    raw = film("avi", *FILES[name])
    assert WORD.encode() in raw
    out = cleaned(clean, raw)
    assert_clean(out)
    assert packets(out, "avi") == packets(raw, "avi")
    assert run(clean, out, Job()) == out


def test_what_is_decoded_stays() -> None:
    raw = film("avi", *FILES["h264-pcm"])
    assert decoded(run(clean, raw, Job()), "avi") == decoded(raw, "avi")


def test_exiftool_finds_nobody() -> None:
    assert (
        films.personal_tags(
            {f"{name}.avi": run(clean, film("avi", *options), Job()) for name, options in FILES.items()}
        )
        == []
    )


def chunk(name: bytes, content: bytes = WORD.encode()) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def in_list(kind: bytes, *content: bytes) -> bytes:
    return chunk(b"LIST", kind + b"".join(content))


def stream(kind: bytes, *extra: bytes) -> bytes:
    return in_list(
        b"strl", chunk(b"strh", kind + bytes(52)), chunk(b"strf", bytes(40)), *extra, chunk(b"strn"), chunk(b"strd")
    )


def index(number: bytes, base: int, *places: int) -> bytes:
    rows = b"".join(struct.pack("<II", place, 4) for place in places)
    return chunk(b"ix" + number, struct.pack("<HBBI4sQI", 2, 0, 1, len(places), number + b"dc", base, 0x5EC4E7) + rows)


def far_film() -> bytes:
    """Return a film in two segments whose indexes say where in the file things are."""

    def whole(places: list[int]) -> bytes:
        entries = b"".join(struct.pack("<QII", place, 32, 1) for place in places)
        super_index = chunk(b"indx", struct.pack("<HBBI4s", 4, 0, 0, len(places), b"00dc") + b"zebra1234567" + entries)
        headers = in_list(
            b"hdrl",
            chunk(b"avih", bytes(56)),
            stream(b"vids", super_index),
            stream(b"txts"),
            in_list(b"odml", chunk(b"dmlh", bytes(4) + WORD.encode())),
            chunk(b"IDIT"),
        )
        first = [
            chunk(b"00dc", b"pic1"),
            chunk(b"JUNK"),
            chunk(b"01tx"),
            index(b"00", places[0] - 100, 8),
            chunk(b"zz\0\1"),
        ]
        movi = in_list(b"movi", *first)
        old = chunk(b"idx1", struct.pack("<4sIII", b"00dc", 16, 4, 4))
        one = chunk(b"RIFF", b"AVI " + headers + in_list(b"INFO", chunk(b"INAM")) + movi + old + chunk(b"JUNK"))
        two = chunk(
            b"RIFF", b"AVIX" + chunk(b"JUNK") + in_list(b"movi", index(b"00", places[1], 8), chunk(b"00dc", b"pic2"))
        )
        return one + two + WORD.encode()

    found = [0, 0]
    for _ in range(2):
        raw = whole([place + 200 for place in found])
        found = [at for at in range(len(raw)) if raw[at : at + 4] == b"ix00"]
        raw = whole(found)
    return raw


def test_places_in_indexes_move_with_what_they_point_at() -> None:
    raw = far_film()
    assert raw.count(b"ix00") == 2
    job = Job()
    out = cleaned(clean, raw, job)
    assert_clean(out)
    assert b"zebra" not in out
    told = out.index(b"indx") + 8 + 24
    for number in range(2):
        (place,) = struct.unpack_from("<Q", out, told + 16 * number)
        assert out[place : place + 4] == b"ix00"
    second = out.index(b"AVIX")
    (base,) = struct.unpack_from("<Q", out, out.index(b"ix00", second) + 8 + 12)
    assert out[base : base + 4] == b"ix00"
    assert (out.count(b"pic1"), out.count(b"pic2")) == (1, 1)
    assert job.removed["subtitle track"] == 1
    assert job.removed["trailing bytes"] == 1
    assert run(clean, out, Job()) == out


SMALL = chunk(
    b"RIFF",
    b"AVI " + in_list(b"hdrl", chunk(b"avih", bytes(56)), stream(b"vids")) + in_list(b"movi", chunk(b"00dc", b"pic1")),
)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "no AVI"),
        (b"RIFF1234WAVE", "no AVI"),
        (SMALL[:-4], "truncated"),
        (SMALL[:60], "truncated"),
        (chunk(b"RIFF", b"AVI " + in_list(b"movi")), "no film"),
        # A description that says it is longer than its list would take in the bytes behind it.
        (SMALL.replace(b"strf\x28", b"strf\x7f"), "longer than what holds it"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, far_film(), 400)
    films.assert_stands(clean, film("avi", *FILES["mpeg4-mp3"]))
