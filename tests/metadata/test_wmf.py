"""Windows metafiles: records that draw stay, texts lose identifiers, escapes go."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import NAME, WORD, cleaned, refused
from jobs import edits_of

from privet.metadata.job import Job
from privet.metadata.wmf import PLACEABLE, clean


def record(kind: int, body: bytes = b"") -> bytes:
    body += bytes(len(body) & 1)
    return struct.pack("<IH", 3 + len(body) // 2, kind) + body


def file(*records: bytes, placed: bool = True) -> bytes:
    whole = [*records, record(0)]
    words = 9 + sum(map(len, whole)) // 2
    head = struct.pack("<HHHIHIH", 1, 9, 0x300, words, 2, max(map(len, whole)) // 2, 0)
    return (PLACEABLE + bytes(18) if placed else b"") + head + b"".join(whole)


def text(words: str) -> bytes:
    raw = words.encode("latin-1")
    return record(0x0521, struct.pack("<H", len(raw)) + raw + bytes(len(raw) & 1) + struct.pack("<hh", 7, 8))


def boxed(words: str, widths: list[int], options: int = 2) -> bytes:
    raw = words.encode("latin-1")
    box = bytes(8) if options & 6 else b""
    return record(
        0x0A32,
        struct.pack("<hhHH", 7, 8, len(raw), options)
        + box
        + raw
        + bytes(len(raw) & 1)
        + struct.pack(f"<{len(widths)}h", *widths),
    )


LINE = record(0x0213, struct.pack("<hh", 5, 6))


@pytest.mark.parametrize("placed", [True, False])
def test_drawing_stays_and_words_go(placed: bool) -> None:
    job = Job()
    escape = record(0x0626, struct.pack("<HH", 15, len(WORD)) + WORD.encode())
    raw = file(escape, LINE, record(0x7777, WORD.encode()), text("plain"), placed=placed)
    assert cleaned(clean, raw + WORD.encode(), job) == file(LINE, text("plain"), placed=placed)
    assert job.removed == {"comment": 1, "record": 1, "trailing bytes": 1}


def test_texts_lose_identifiers_and_keep_their_width() -> None:
    raw = file(text(f"by {NAME}"), boxed(f"{NAME}!", [5] * (len(NAME) + 1)), boxed(NAME, [], 0))
    width = 5 * (len(NAME) + 1) // 7
    expected = file(text("by [NAME]"), boxed("[NAME]!", [width] * 7), boxed("[NAME]", [], 0))
    assert cleaned(clean, raw, Job(edits=edits_of(NAME, "[NAME]"))) == expected


def test_names_of_fonts_end_where_they_end() -> None:
    raw = file(record(0x02FB, bytes(18) + b"Arial\0" + WORD.encode()[:26]))
    assert WORD.encode()[:20] not in cleaned(clean, raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file(LINE)[:-6], "truncated"),
        (file(LINE)[:-1], "truncated"),
        (file(boxed("ab", [], 0x10)), "numbers of glyphs"),
        (file(record(0x0521, b"\xff\0ab")), "damaged"),
        (file(record(0x0F43, bytes(22) + struct.pack("<IiiHHI", 40, 1, 1, 1, 24, 4))), "pictures of other formats"),
        (bytes(99), "not a windows"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, file(LINE, text(f"by {NAME}"), boxed(WORD, [])))
