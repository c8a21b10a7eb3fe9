"""MIDI: notes stay at their times, names and words go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import NAME, WORD, cleaned, edits, refused

from privet.metadata.job import Job
from privet.metadata.midi import clean


def file(*tracks: bytes) -> bytes:
    parts = b"".join(b"MTrk" + len(track).to_bytes(4) + track for track in tracks)
    return b"MThd\0\0\0\x06\0\1" + len(tracks).to_bytes(2) + b"\0\x60" + parts


def words(kind: int, text: bytes = WORD.encode(), before: int = 0) -> bytes:
    return bytes((before, 0xFF, kind, len(text))) + text


NOTE_ON, NOTE_OFF, END = b"\x90\x40\x50", b"\x80\x40\x00", b"\0\xff\x2f\0"


def test_notes_stay_at_their_times_and_words_go() -> None:
    tempo = b"\xff\x51\3\7\xa1\x20"
    raw = file(
        b"".join(words(kind) for kind in (1, 2, 3, 4, 6, 7, 0x7F)) + b"\5" + tempo + words(3, before=7) + b"\3" + NOTE_ON + words(1, before=9)
        + b"\x81\0" + NOTE_OFF + b"\0\xf0\5\x43jane\0\xf7\2ja" + b"\0\xf0\5\x7e\x10\x09\1\xf7" + END + WORD.encode()
    )  # fmt: skip
    expected = file(b"\5" + tempo + b"\x0a" + NOTE_ON + b"\x81\x09" + NOTE_OFF + b"\0\xf0\5\x7e\x7f\x09\1\xf7" + END)
    job = Job()
    assert cleaned(clean, raw + b"\xff" + WORD.encode(), job) == expected
    assert job.removed["copyright"] == job.removed["instrument"] == job.removed["trailing bytes"] == 1
    assert cleaned(clean, expected) == expected


def test_running_status_is_written_out() -> None:
    assert cleaned(clean, file(b"\0\x90\x40\x50\5\x41\x50" + END)) == file(b"\0\x90\x40\x50\5\x90\x41\x50" + END)


def test_lyrics_lose_identifiers_over_syllables() -> None:
    syllables = ["sung by ", NAME[:3], NAME[3:], " again"]
    raw = file(b"".join(words(5, text.encode(), 1) for text in syllables) + END)
    new = ["sung by ", "[NAME]", "", " again"]
    job = Job(edits=edits)
    assert cleaned(clean, raw, job) == file(b"".join(words(5, text.encode(), 1) for text in new) + END)


def test_a_wrapped_file_is_unwrapped_and_unknown_chunks_go() -> None:
    plain = file(b"\0" + NOTE_ON + END)
    other = b"XFIH" + len(WORD).to_bytes(4) + WORD.encode()
    body = b"RMIDdata" + (len(plain) + len(other)).to_bytes(4, "little") + plain + other
    assert cleaned(clean, b"RIFF" + len(body).to_bytes(4, "little") + body) == plain


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file(b"\0" + NOTE_ON + END)[:-2], "truncated"),
        (file(), "no track"),
        (file(b"\0\x90\x90\x90"), "an event"),
        (file(b"\0\x40\x40"), "an event"),
        (file(b"\xff\xff\xff\xff\xff"), "a number"),
        (file(b"\0\xff\1\x50abc"), "truncated"),
        (bytes(99), "not a midi"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, file(words(1) + b"\0" + NOTE_ON + words(5) + b"\5" + NOTE_OFF + END))
