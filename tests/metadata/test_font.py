"""Fonts draw the same and no longer say who made them."""

from __future__ import annotations

import io
import random
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont, newTable
from PIL import Image, ImageDraw, ImageFont

from privet.metadata import font
from privet.metadata.job import CannotClean, Job

sys.path.append(str(Path(__file__).parent))

from jobs import damaged, edits_of

NAMES = {"familyName": "Hand of Jane Doe", "styleName": "Regular", "psName": "Hand-Regular"}
TOLD = (
    "copyright",
    "uniqueFontIdentifier",
    "version",
    "trademark",
    "manufacturer",
    "designer",
    "description",
    "vendorURL",
    "licenseDescription",
)


def made(*, is_cff: bool = False) -> bytes:
    builder = FontBuilder(1000, isTTF=not is_cff)
    builder.setupGlyphOrder([".notdef", "A"])
    builder.setupCharacterMap({65: "A"})
    pens = {name: T2CharStringPen(500, {}) if is_cff else TTGlyphPen(None) for name in (".notdef", "A")}
    for pen in pens.values():
        pen.moveTo((0, 0))
        pen.lineTo((400, 0))
        pen.lineTo((200, 700))
        pen.closePath()
    if is_cff:
        about = {"FullName": "Hand", "Notice": "CANARY", "Copyright": "CANARY notice", "version": "CANARY1"}
        builder.setupCFF("Hand-Regular", about, {name: pen.getCharString() for name, pen in pens.items()}, {})
    else:
        builder.setupGlyf({name: pen.glyph() for name, pen in pens.items()})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "A": (500, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({**NAMES, **dict.fromkeys(TOLD, "CANARY")})
    builder.setupOS2(achVendID="CANA")
    builder.setupPost()
    own = builder.font["DSIG"] = newTable("DSIG")
    own.ulVersion, own.usFlag, own.usNumSigs, own.signatureRecords = 1, 0, 0, []
    private = builder.font["CANA"] = newTable("CANA")
    private.data = b"CANARY"
    out = io.BytesIO()
    builder.save(out)
    return out.getvalue()


def cleaned(content: bytes) -> bytes:
    out = io.BytesIO()
    font.clean(io.BytesIO(content), out, Job(edits=edits_of("Jane Doe", "X")))
    return out.getvalue()


def drawn(content: bytes, index: int = 0) -> np.ndarray:
    image = Image.new("L", (80, 80))
    ImageDraw.Draw(image).text((5, 5), "AB", font=ImageFont.truetype(io.BytesIO(content), 40, index), fill=255)
    return np.asarray(image)


def canaries(content: bytes) -> int:
    return sum(content.count("CANA".encode(codec)) for codec in ("ascii", "utf-16-be"))


@pytest.mark.parametrize("is_cff", [False, True])
def test_a_font(is_cff: bool) -> None:
    before = made(is_cff=is_cff) + b"CANARY"
    after = cleaned(before)
    assert canaries(before) > 4
    assert canaries(after) == 0
    assert np.array_equal(drawn(before), drawn(after))
    opened = TTFont(io.BytesIO(after), checkChecksums=2)
    assert {name.nameID: str(name) for name in opened["name"].names} == {
        1: "Hand of X",
        2: "Regular",
        6: "Hand-Regular",
    }
    assert not {"DSIG", "CANA"} & set(opened.keys())
    assert cleaned(after) == after


def test_a_collection() -> None:
    whole = TTCollection()
    whole.fonts = [TTFont(io.BytesIO(made())), TTFont(io.BytesIO(made()))]
    out = io.BytesIO()
    whole.save(out)
    after = cleaned(out.getvalue())
    assert canaries(after) == 0
    assert len(TTCollection(io.BytesIO(after)).fonts) == 2
    assert np.array_equal(drawn(out.getvalue(), 1), drawn(after, 1))


def _with_place(content: bytes, tag: bytes, place: int, size: int) -> bytes:
    at = content.index(tag, 12)
    return content[: at + 8] + struct.pack(">II", place, size) + content[at + 16 :]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a font"),
        (b"\0\1\0\0\0\1", "ends too early"),
        (made()[:300], "truncated"),
        (_with_place(made(), b"glyf", 12, 400), "overlap"),
        (_with_place(made(), b"glyf", 2**32 - 4, 4), "truncated"),
        (b"ttcf\0\1\0\0\0\0\0\0", "no or too many"),
    ],
)
def test_what_is_broken_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        cleaned(content)


@pytest.mark.parametrize("is_cff", [False, True])
def test_damaged_fonts_are_cleaned_or_refused(is_cff: bool) -> None:
    chance = random.Random(6)
    whole = made(is_cff=is_cff)
    for _turn in range(300):
        try:
            cleaned(damaged(whole, chance))
        except CannotClean as error:
            assert "Jane" not in error.reason
