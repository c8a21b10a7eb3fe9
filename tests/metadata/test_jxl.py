"""JPEG XL: the codestream stays, boxes around it go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from pictures import WORD, XMP, cleaned, refusal, survives

from privet.metadata import jxl
from privet.metadata.isobmff import box

NOISE = bytes(at * 73 % 256 for at in range(600))
STREAM = jxl.BARE + NOISE
HEAD = jxl.SIGNATURE + box(b"ftyp", b"jxl ", bytes(4), b"jxl ")
PRIVATE = (
    box(b"Exif", bytes(4) + WORD.encode())
    + box(b"xml ", XMP)
    + box(b"jumb", WORD.encode())
    + box(b"brob", b"Exif" + WORD.encode())
)


def test_a_bare_stream_stays() -> None:
    assert cleaned(jxl, STREAM)[0] == STREAM


def test_of_a_container_only_the_stream_and_its_level_stay() -> None:
    parts = box(b"jxll", b"\x0a") + box(b"jxlp", bytes(4) + STREAM) + box(b"jxlp", b"\x80\0\0\1" + NOISE)
    raw = HEAD + PRIVATE + box(b"jbrd", WORD.encode()) + parts + PRIVATE
    out, removed = cleaned(jxl, raw)
    assert out == HEAD + parts
    assert removed["exif"] == removed["xmp"] == 2
    assert cleaned(jxl, out)[0] == out


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (HEAD, "no picture"),
        (HEAD + box(b"jxlc", STREAM)[:-3], "truncated"),
        (HEAD + box(b"jxlc", STREAM) + box(b"jxlc", STREAM), "no picture"),
        (STREAM + WORD.encode(), "text behind"),
        (STREAM + WORD.encode("utf-16-le"), "text behind"),
        (HEAD + box(b"jxlc", STREAM + WORD.encode()), "text behind"),
        (b"\xff\xd8\xff", "not a jpeg xl"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(raw: bytes, reason: str) -> None:
    assert reason in refusal(jxl, raw)


def test_damage_is_cleaned_or_refused() -> None:
    survives(jxl, HEAD + PRIVATE + box(b"jxlc", STREAM))
