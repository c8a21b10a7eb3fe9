"""The window over a file: each byte once, and an end that is seen."""

from __future__ import annotations

import io

import pytest

from privet.metadata.job import CannotClean
from privet.metadata.window import BLOCK, Window, size_of

DATA = bytes(range(251)) * 5000


def test_bytes_are_taken_once_and_in_order() -> None:
    window = Window(io.BytesIO(DATA))
    taken = b""
    while window.has(1):
        taken += window.take(min(70_001, len(DATA) - len(taken)))
    assert taken == DATA


def test_passing_over_is_exact_and_the_end_is_seen() -> None:
    window = Window(io.BytesIO(DATA))
    assert window.skip(BLOCK + 7)
    assert window.take(3) == DATA[BLOCK + 7 : BLOCK + 10]
    assert not window.skip(len(DATA))
    assert not window.has(1)
    with pytest.raises(CannotClean, match="truncated"):
        window.take(1)


def test_the_length_of_a_file_leaves_it_at_its_start() -> None:
    source = io.BytesIO(DATA)
    assert size_of(source) == len(DATA)
    assert source.tell() == 0
