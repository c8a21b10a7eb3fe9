"""DCX: pages of PCX, each cleaned."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, check, encode, frames, picture, refusal, survives

from privet.metadata import dcx

PAGES = [encode(picture(mode), "PCX") for mode in ("L", "RGB")]


def file(pages: list[bytes], between: bytes = b"") -> bytes:
    at, places = 4 + 4 * 1024, []
    for page in pages:
        places.append(at)
        at += len(page) + len(between)
    table = struct.pack(f"<{len(places)}I", *places).ljust(4096, b"\0")
    return b"\xb1\x68\xde\x3a" + table + b"".join(page + between for page in pages)


def test_pages_stay_and_words_go() -> None:
    raw = file([page[:74] + WORD.encode()[:20].ljust(54) + page[128:] for page in PAGES], b"")
    out = check(dcx, raw)
    assert frames(out) == frames(file(PAGES))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"GIF89a", "not a dcx"),
        (b"\xb1\x68\xde\x3a" + bytes(99), "the table"),
        (file(PAGES)[:6000], ""),
        (file([b"x" * 200]), "the header"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert refusal(dcx, raw)
    assert reason in refusal(dcx, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(dcx, file(PAGES))
