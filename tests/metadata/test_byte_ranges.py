"""Kept ranges are written once and in order, and every old place is found again."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.byte_ranges import ByteRanges, copy, stores_of
from privet.metadata.job import CannotClean

CONTENT = bytes(range(256))
STORES = stores_of([(200, 250), (10, 100)])


@given(
    st.lists(st.tuples(st.sampled_from([10, 40, 90, 200, 230]), st.integers(0, 10)), max_size=9), st.binary(max_size=9)
)
def test_what_is_kept_is_found_again(ranges: list[tuple[int, int]], piece: bytes) -> None:
    kept = ByteRanges(STORES)
    for start, size in ranges:
        kept.keep([start], [size])
    at = kept.add(piece)
    out = io.BytesIO()
    kept.write(io.BytesIO(CONTENT), out)
    written = out.getvalue()
    assert len(written) == kept.size
    assert written[kept.pieces_at + at :] == piece
    assert len(written) - len(piece) == len({place for start, size in ranges for place in range(start, start + size)})
    for start, size in ranges:
        place = int(kept.place([start])[0])
        assert written[place : place + size] == CONTENT[start : start + size]


@pytest.mark.parametrize(
    ("start", "size"), [(0, 1), (99, 2), (100, 1), (150, 10), (240, 11), (250, 1), (9, 300), (2**61, 2)]
)
def test_a_range_outside_is_refused(start: int, size: int) -> None:
    with pytest.raises(CannotClean, match="outside"):
        ByteRanges(STORES).keep([start], [size])


def test_copying_more_than_there_is_is_refused() -> None:
    with pytest.raises(CannotClean, match="truncated"):
        copy(io.BytesIO(b"abc"), io.BytesIO(), 1, 3)
