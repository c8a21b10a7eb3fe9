"""Digital negatives: values of the sensor and what makes a picture of them stay, all else goes."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

sys.path.append(str(Path(__file__).parent))

from pictures import CANARY, WORD, cleaned, leaks, refusal, survives

from privet.metadata import tiff
from privet.metadata import tiff_tags as tags

VALUES = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96)


def fractions(*values: float) -> tuple[int, ...]:
    return tuple(part for value in values for part in (round(value * 10000), 10000))


RENDERING: list[Any] = [
    (tags.DNG, 1, 4, bytes((1, 4, 0, 0)), True), (50707, 1, 4, bytes((1, 1, 0, 0)), True),
    (50721, 10, 9, fractions(1, -0.5, -0.1, -0.4, 1.5, 0, 0, 0.2, 0.6), True), (50728, 5, 3, fractions(0.5, 1, 0.6), True), (50778, 3, 1, 21, True),
]  # fmt: skip
WORDS: list[Any] = [(tag, 2, 0, WORD, True) for tag in (271, 272, 50708, 50735, 50827, 50936)] + [
    (50723, 10, 9, fractions(1, 0, 0, 0, 1, 0, 0, 0, 1), True), (50740, 7, len(WORD), WORD.encode(), True)
]  # fmt: skip
SENSOR: list[Any] = [
    (33421, 3, 2, (2, 2), True),
    (33422, 1, 4, bytes((0, 1, 1, 2)), True),
    (50714, 3, 1, 64, True),
    (50717, 4, 1, 4095, True),
]


def negative(*, preview: bool = True, more: list[Any] | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    own = SENSOR + (more or [])
    common: dict[str, Any] = {"software": WORD, "description": WORD, "metadata": None}
    with tifffile.TiffWriter(out) as file:
        if preview:
            small = np.full((16, 24, 3), 90, np.uint8)
            file.write(small, photometric="rgb", subfiletype=1, subifds=1, extratags=RENDERING + WORDS, **common)
        extra = own if preview else own + RENDERING + WORDS
        file.write(VALUES, photometric=tags.CFA, subfiletype=0, extratags=extra, **common, **options)
    return out.getvalue()


def first(raw: bytes) -> tifffile.TiffPage:
    page = tifffile.TiffFile(io.BytesIO(raw)).pages[0]
    assert isinstance(page, tifffile.TiffPage)
    return page


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("options", [{}, {"rowsperstrip": 7}, {"tile": (32, 32)}, {"compression": "adobe_deflate"}])
def test_values_and_their_meaning_stay_and_words_go(preview: bool, options: dict[str, Any]) -> None:
    out, removed = cleaned(tiff, negative(preview=preview, **options))
    page = first(out)
    assert np.array_equal(page.asarray(), VALUES)
    assert {row[0] for row in RENDERING + SENSOR} <= set(page.tags.keys())
    assert not {row[0] for row in WORDS} & set(page.tags.keys())
    assert leaks.find([CANARY], {"negative": out}) == []
    assert removed["thumbnail"] == preview
    assert cleaned(tiff, out)[0] == out


def test_known_corrections_of_the_lens_stay() -> None:
    known = struct.pack(">I", 1) + struct.pack(">4I", 9, 0x01030000, 0, 4) + b"abcd"
    out, _ = cleaned(tiff, negative(more=[(51022, 7, len(known), known, True)]))
    assert first(out).tags[51022].value == known
    longer = known + WORD.encode()
    assert "corrections" in refusal(tiff, negative(more=[(51022, 7, len(longer), longer, True)]))


def test_a_negative_without_values_is_refused() -> None:
    out = io.BytesIO()
    tifffile.imwrite(out, VALUES, photometric="minisblack", extratags=RENDERING, metadata=None)
    assert "no values" in refusal(tiff, out.getvalue())


def test_damage_is_cleaned_or_refused() -> None:
    survives(tiff, negative())
