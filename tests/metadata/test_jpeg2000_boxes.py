"""Boxes side by side: none ends behind what holds it."""

from __future__ import annotations

import io

import pytest

from privet.metadata.job import CannotClean
from privet.metadata.jpeg2000_boxes import Box, boxes


def found(raw: bytes, most: int = 10) -> list[Box]:
    return list(boxes(io.BytesIO(raw), 0, len(raw), most))


def test_short_long_and_last_boxes_are_found() -> None:
    raw = b"\0\0\0\x09abcdX" + b"\0\0\0\1long" + (18).to_bytes(8) + b"YY" + b"\0\0\0\0lastZZZ"
    assert found(raw) == [Box(b"abcd", 8, 9), Box(b"long", 25, 27), Box(b"last", 35, 38)]


def test_too_few_bytes_are_no_box() -> None:
    assert found(b"\0\0\0\x08abcd\0\0\0") == [Box(b"abcd", 8, 8)]
    assert found(b"\0\0\0\x04abcd") == []
    assert found(b"\0\0\0\x10abcd") == []


def test_a_part_of_the_picture_over_the_end_is_refused() -> None:
    with pytest.raises(CannotClean, match="truncated"):
        found(b"\0\0\0\x10jp2c")


def test_more_boxes_than_allowed_are_refused() -> None:
    with pytest.raises(CannotClean, match="too many"):
        found(b"\0\0\0\x08abcd" * 11)
