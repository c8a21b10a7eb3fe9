import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.job import CannotClean
from privet.metadata.pieces import Pieces, Window, copy_range, size_of

CONTENT = bytes(range(256)) * 4000


def test_a_window_reads_any_place() -> None:
    window = Window(io.BytesIO(CONTENT), len(CONTENT))
    for place, count in ((0, 10), (500_000, 5), (3, 4), (10, 900_000), (len(CONTENT) - 1, 1), (len(CONTENT), 0)):
        assert window.at(place, count) == CONTENT[place : place + count]
    assert window.some(len(CONTENT) - 2, 10) == CONTENT[-2:]


@pytest.mark.parametrize(("place", "count"), [(-1, 1), (0, len(CONTENT) + 1), (len(CONTENT), 1), (0, -1), (2**70, 1)])
def test_reading_outside_is_an_error(place: int, count: int) -> None:
    with pytest.raises(CannotClean, match="truncated"):
        Window(io.BytesIO(CONTENT), len(CONTENT)).at(place, count)


def test_a_file_that_shrank_is_an_error() -> None:
    with pytest.raises(CannotClean, match="truncated"):
        Window(io.BytesIO(b"abc"), 10).at(0, 5)
    with pytest.raises(CannotClean, match="truncated"):
        copy_range(io.BytesIO(b"abc"), io.BytesIO(), 0, 5)


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)) | st.binary(max_size=5), max_size=12))
def test_pieces_write_what_was_added(items: list[bytes | tuple[int, int]]) -> None:
    pieces, again, expected = Pieces(), Pieces(), b""
    for item in items:
        if isinstance(item, tuple):
            pieces.keep(*item)
            expected += CONTENT[item[0] : item[1]]
        else:
            pieces.add(item)
            expected += item
    again.extend(pieces)
    for which in (pieces, again):
        target = io.BytesIO()
        which.write(io.BytesIO(CONTENT), target)
        assert target.getvalue() == expected
        assert which.length == len(expected)


def test_ranges_that_touch_are_one() -> None:
    pieces = Pieces()
    pieces.keep(3, 5)
    pieces.keep(5, 5)
    pieces.keep(5, 9)
    assert pieces.items == [(3, 9)]
    assert pieces.is_just(3, 9)
    assert Pieces().is_just(4, 4)


def test_the_size_of_a_file() -> None:
    file = io.BytesIO(b"abc")
    file.read(2)
    assert (size_of(file), file.tell()) == (3, 0)
