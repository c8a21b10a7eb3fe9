"""Silicon Graphics pictures: rows stay, the name of the picture goes."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, check, encode, frames, picture, refusal, survives

from privet.metadata import sgi


def packed(rows: list[bytes], name: bytes = b"", gap: bytes = b"") -> bytes:
    """Return a grey picture of packed rows, with bytes between them."""
    head = struct.pack(">HBBHHHHII4s80sI404s", 474, 1, 1, 2, len(rows[0]), len(rows), 1, 0, 255, b"", name, 0, name)
    body, starts, sizes = b"", [], []
    for row in rows:
        packets = b"".join(b"\x81" + bytes((level,)) for level in row) + b"\0"
        starts.append(512 + 8 * len(rows) + len(body))
        sizes.append(len(packets))
        body += packets + gap
    return head + struct.pack(f">{2 * len(rows)}I", *starts, *sizes) + body


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_pixels_stay_and_words_go(mode: str) -> None:
    raw = encode(picture(mode), "SGI", img_name=WORD)
    assert frames(check(sgi, raw + WORD.encode())) == frames(raw)


def test_packed_rows_stay_and_what_is_between_goes() -> None:
    rows = [bytes((1, 2, 3)), bytes((4, 5, 6))]
    assert check(sgi, packed(rows, WORD.encode(), WORD.encode())) == packed(rows)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (encode(picture(), "SGI")[:900], "truncated"),
        (packed([b"abc"])[:-3], "truncated"),
        (packed([b"abc"])[:515], "truncated"),
        (bytes(600), "the header"),
        (b"\x01\xda\0\1\0\3\0\0" + bytes(600), "the size"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refusal(sgi, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(sgi, packed([bytes(range(40))] * 8, WORD.encode()))
