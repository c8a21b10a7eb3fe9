"""Fonts of the web draw the same, and their metadata and private data are gone."""

from __future__ import annotations

import io
import random
import sys
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from fontTools.ttLib.sfnt import WOFFFlavorData

from privet.ingest.formats import seen
from privet.metadata import woff
from privet.metadata.job import CannotClean, Job

sys.path.append(str(Path(__file__).parent))

from jobs import cleaned, damaged, edits_of
from test_font import made


def packed(*, is_cff: bool = False) -> bytes:
    font = TTFont(io.BytesIO(made(is_cff=is_cff)))
    font.flavor = "woff"
    font.flavorData = WOFFFlavorData()
    font.flavorData.metaData = b"<metadata><vendor name='CANARY'/></metadata>"
    font.flavorData.privData = b"CANARY"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


def done(raw: bytes) -> bytes:
    return cleaned(woff.clean, raw, Job(edits=edits_of("Jane Doe", "X")))


@pytest.mark.parametrize("is_cff", [False, True])
def test_the_glyphs_stay_and_who_made_them_goes(is_cff: bool) -> None:
    raw = packed(is_cff=is_cff)
    assert seen(io.BytesIO(raw), "a.woff", len(raw)) == "woff"
    out = done(raw)
    font = TTFont(io.BytesIO(out), checkChecksums=2)
    assert font.flavor == "woff"
    assert font.flavorData.metaData is None
    assert font.flavorData.privData is None
    before = TTFont(io.BytesIO(raw))
    outline = "CFF " if is_cff else "glyf"
    assert is_cff or font.reader[outline] == before.reader[outline]
    assert font.getBestCmap() == before.getBestCmap()
    everything = b"".join(font.reader[tag] for tag in font.reader.tables)
    assert b"CANARY" not in everything
    assert b"Jane" not in everything
    assert "CANARY".encode("utf-16-be") not in everything
    assert done(out) == out


def test_a_table_that_is_missing_is_refused() -> None:
    with pytest.raises(CannotClean, match="truncated"):
        done(packed()[:-200])


def test_a_table_that_unpacks_to_another_length_is_refused() -> None:
    raw = bytearray(packed())
    raw[44 + 12 : 44 + 16] = (2**20).to_bytes(4)
    with pytest.raises(CannotClean):
        done(bytes(raw))


def test_damage_is_refused_or_cleaned() -> None:
    chance = random.Random(4)
    raw = packed()
    for _ in range(100):
        try:
            done(damaged(raw, chance))
        except CannotClean:
            continue
