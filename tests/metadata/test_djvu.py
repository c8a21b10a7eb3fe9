"""DjVu pages: layers stay, text, notes and metadata go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import films
from films import WORD, cleaned, refused
from pictures import encode, picture

from privet.metadata.djvu import clean
from privet.metadata.job import Job


def chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4) + body + bytes(len(body) & 1)


def file(*chunks: bytes, kind: bytes = b"DJVU") -> bytes:
    body = kind + b"".join(chunks)
    return b"AT&TFORM" + len(body).to_bytes(4) + body


INFO = chunk(b"INFO", b"\0\x40\0\x20\x18\0\x2c\1\x16\1")
LAYERS = (chunk(b"Sjbz", b"coded"), chunk(b"FGbz", b"\0\0\0"), chunk(b"BG44", b"coded picture"))


def test_layers_stay_and_words_go() -> None:
    words = WORD.encode()
    info = chunk(b"INFO", INFO[8:] + words)
    job = Job()
    raw = file(
        info, chunk(b"ANTa", words), *LAYERS, chunk(b"TXTz", words), chunk(b"CIDa", words), chunk(b"zzzz", words)
    )
    assert cleaned(clean, raw + words, job) == file(INFO, *LAYERS)
    assert job.removed == {"notes": 1, "hidden text": 1, "device": 1, "chunk": 1, "trailing bytes": 1}


def test_pictures_in_a_layer_are_cleaned() -> None:
    jpeg = encode(picture(), "JPEG", comment=WORD.encode())
    out = cleaned(clean, file(INFO, chunk(b"BGjp", jpeg)))
    films.assert_clean(out)
    assert b"BGjp" in out


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (file(INFO, *LAYERS)[:-3], "truncated"),
        (file(INFO), "no layer"),
        (file(INFO, chunk(b"INCL", b"other")), "other files"),
        (file(kind=b"DJVM"), "several pages"),
        (file(kind=b"ABCD"), "unknown kind"),
        (bytes(99), "not a djvu"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refused(clean, raw)


def test_damage_is_cleaned_or_refused() -> None:
    films.assert_stands(clean, file(INFO, chunk(b"ANTa", WORD.encode()), *LAYERS))
