"""Enhanced metafiles: records that draw stay, texts lose identifiers, comments and descriptions go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import NAME, WORD, cleaned, refused
from jobs import edits_of

from privet.metadata.emf import clean
from privet.metadata.job import Job


def record(kind: int, body: bytes = b"") -> bytes:
    body = body.ljust(-(-len(body) // 4) * 4, b"\0")
    return struct.pack("<II", kind, 8 + len(body)) + body


def header(words: str = "") -> bytes:
    raw = words.encode("utf-16-le")
    count = len(words)
    fixed = (
        bytes(32) + b" EMF" + struct.pack("<IIIHHIIIII", 0x10000, 0, 0, 3, 0, count, 108 if count else 0, 0, 1000, 800)
    )
    return record(1, fixed + struct.pack("<II", 300, 200) + bytes(12) + struct.pack("<II", 300000, 200000) + raw)


def text(words: str, widths: list[int] | None = None, options: int = 0) -> bytes:
    raw = words.encode("utf-16-le")
    raw = raw.ljust(-(-len(raw) // 4) * 4, b"\0")
    spacing = struct.pack(f"<{len(widths or [])}i", *(widths or []))
    place = 76 + len(raw) if widths else 0
    return record(
        84,
        bytes(28)
        + bytes(8)
        + struct.pack("<III", len(words), 76, options)
        + bytes(16)
        + struct.pack("<I", place)
        + raw
        + spacing,
    )


def small(words: str) -> bytes:
    return record(108, bytes(8) + struct.pack("<II", len(words), 0x300) + bytes(12) + words.encode())


def file(*records: bytes, first: bytes | None = None) -> bytes:
    whole = [first or header(), *records, struct.pack("<5I", 14, 20, 0, 16, 20)]
    head = whole[0][:48] + struct.pack("<II", sum(map(len, whole)), len(whole)) + whole[0][56:]
    return b"".join((head, *whole[1:]))


LINE = record(54, struct.pack("<ii", 5, 6))


def test_drawing_stays_and_words_go() -> None:
    job = Job()
    raw = file(
        record(70, struct.pack("<I", len(WORD)) + WORD.encode()),
        LINE,
        record(110, WORD.encode()),
        text("plain", [5] * 5),
        first=header(WORD),
    )
    assert cleaned(clean, raw + WORD.encode(), job) == file(LINE, text("plain", [5] * 5))
    assert job.removed == {"comment": 1, "record": 1, "description": 1, "trailing bytes": 1}
    assert cleaned(clean, file(LINE)) == file(LINE)


def test_texts_lose_identifiers_and_keep_their_width() -> None:
    raw = file(text(f"by {NAME}.", [10] * (len(NAME) + 4)), small(NAME), text(NAME))
    new = "by [NAME]."
    width = 10 * (len(NAME) + 4) // len(new)
    expected = file(text(new, [width] * len(new)), small("[NAME]"), text("[NAME]"))
    assert cleaned(clean, raw, Job(edits=edits_of(NAME, "[NAME]"))) == expected


def test_names_of_fonts_end_where_they_end() -> None:
    face = "Arial".encode("utf-16-le") + b"\0\0" + WORD.encode("utf-16-le")
    raw = file(record(82, bytes(32) + face.ljust(64, b"\0")[:64] + bytes(192)))
    assert WORD.encode("utf-16-le")[:20] not in cleaned(clean, raw)


def plus(flags: int) -> bytes:
    return record(70, struct.pack("<I", 16) + b"EMF+" + struct.pack("<HHII", 0x4001, flags, 12, 0))


def test_a_drawing_made_twice_keeps_the_older_records() -> None:
    assert cleaned(clean, file(plus(1), LINE)) == file(LINE)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file(plus(0), LINE), "emf+ alone"),
        (file(text("ab", options=0x10)), "numbers of glyphs"),
        (file(record(97, b"ab")), "this kind of text"),
        (file(record(84, b"ab")), "damaged"),
        (
            file(record(81, bytes(40) + struct.pack("<I", 52) + bytes(16) + struct.pack("<I", 4))),
            "pictures of other formats",
        ),
        (file(LINE)[:-21], "truncated"),
        (file(LINE)[:-20], "truncated"),
        (bytes(99), "truncated"),
        (record(1, bytes(100)), "not an enhanced"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, file(LINE, text(f"by {NAME}", [4] * 15), small(WORD), first=header(WORD)))
