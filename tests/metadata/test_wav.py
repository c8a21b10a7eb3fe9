"""WAV: sound stays bit for bit, every other chunk goes."""

from __future__ import annotations

import io
import struct
import sys
import wave
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import SOUND, WORD, assert_clean, cleaned, decoded, film, packets, refused, run

from privet.metadata.job import Job
from privet.metadata.wav import clean

SAMPLES = bytes(range(200))


def plain(samples: bytes = SAMPLES) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(samples)
    return out.getvalue()


def chunk(name: bytes, content: bytes = WORD.encode()) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def sound_file(*chunks: bytes, head: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return head + struct.pack("<I", len(body)) + body


FORM = plain()[20:36]
PERSONAL = (b"LIST", b"bext", b"iXML", b"id3 ", b"cart", b"JUNK", b"PEAK", b"cue ", b"smpl", b"_PMX", b"axml", b"zzzz")


def test_only_coding_and_sound_stay() -> None:
    others = [chunk(name) for name in PERSONAL]
    raw = (
        sound_file(*others[:6], chunk(b"fmt ", FORM + WORD.encode()), *others[6:], chunk(b"data", SAMPLES), *others)
        + WORD.encode()
    )
    job = Job()
    assert cleaned(clean, raw, job) == plain()
    assert job.removed["tags"] == 2
    assert job.removed["trailing bytes"] == 1


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-c:a", "pcm_f32le", "-write_bext", "1", "-rf64", "always"),
        ("-c:a", "adpcm_ms"),
        ("-c:a", "pcm_s24le", "-ac", "6"),
        ("-c:a", "pcm_mulaw"),
    ],
)
def test_packets_stay_and_words_go(options: tuple[str, ...]) -> None:
    raw = film("wav", *SOUND, *options)
    assert WORD.encode() in raw
    out = cleaned(clean, raw)
    assert_clean(out)
    assert packets(out, "wav") == packets(raw, "wav")
    assert decoded(out, "wav") == decoded(raw, "wav")
    assert run(clean, out, Job()) == out


def test_a_stream_of_unknown_length_goes_to_the_end() -> None:
    raw = sound_file(chunk(b"fmt ", FORM), b"data\xff\xff\xff\xff" + SAMPLES)
    assert cleaned(clean, raw[:4] + b"\xff\xff\xff\xff" + raw[8:]) == plain()


def test_a_long_file_says_its_length_elsewhere() -> None:
    sizes = struct.pack("<QQQI", 0, len(SAMPLES), 50, 0) + WORD.encode()
    raw = sound_file(
        chunk(b"ds64", sizes), chunk(b"fmt ", FORM), b"data\xff\xff\xff\xff" + SAMPLES, chunk(b"LIST"), head=b"RF64"
    )
    assert cleaned(clean, raw) == plain()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "no WAV"),
        (b"RIFF1234AVI ", "no WAV"),
        (plain()[:40], "no sound"),
        (plain()[:-1], "truncated"),
        (sound_file(chunk(b"fmt ", FORM)), "no sound"),
        (sound_file(chunk(b"fmt ", b"x"), chunk(b"data", SAMPLES)), "coding"),
        (sound_file(b"\0\1\2\3" + bytes(90)), "without a name"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(
        clean, sound_file(chunk(b"fmt ", FORM), *(chunk(name) for name in PERSONAL), chunk(b"data", SAMPLES)), 400
    )
