"""The directories of a TIFF: read within bounds, whatever they say."""

from __future__ import annotations

import io
import struct

import pytest

from privet.metadata import tiff_tags as tags
from privet.metadata.job import CannotClean, Job
from privet.metadata.tiff_pages import Reader, layout


def directory(*fields: tuple[int, int, int, int], following: int = 0) -> bytes:
    entries = b"".join(struct.pack("<HHII", *each) for each in fields)
    return struct.pack("<H", len(fields)) + entries + struct.pack("<I", following)


def reader(*directories: bytes) -> Reader:
    return Reader(io.BytesIO(b"II*\0" + struct.pack("<I", 8) + b"".join(directories)), Job())


WIDTH = (tags.WIDTH, tags.SHORT, 1, 5)


def test_directories_that_go_in_circles_end() -> None:
    pages = reader(directory(WIDTH, following=8)).pages()
    assert [page.integer(tags.WIDTH, 0) for page in pages] == [5]


def test_a_broken_link_costs_no_page_before_it() -> None:
    assert len(reader(directory(WIDTH, following=9999)).pages()) == 1
    with pytest.raises(CannotClean, match="first directory"):
        reader(directory()).pages()


def test_tags_that_are_broken_say_nothing() -> None:
    page = reader(
        directory(WIDTH, (tags.HEIGHT, 99, 1, 5), (tags.SAMPLES, tags.SHORT, 2, 5), (tags.STRIPS, tags.LONG, 2**31, 8))
    ).pages()[0]  # fmt: skip
    assert page.fields.keys() == {tags.WIDTH}
    assert page.integers(tags.HEIGHT) == ()
    assert page.integer(tags.SAMPLES, 7) == 7


def test_directories_that_overlap_cost_no_more_than_honest_ones() -> None:
    places = struct.pack("<II", tags.STRIPS, 0) * 250_000
    chain = [
        directory((tags.STRIPS, tags.LONG, 499_000, 1000), following=8 + 18 * (number + 1)) for number in range(50)
    ]
    with pytest.raises(CannotClean, match="too many"):
        reader(*chain, places).pages()


@pytest.mark.parametrize(("rows", "lengths"), [(4, [16]), (3, [12, 4]), (1, [4, 4, 4, 4])])
def test_raw_strips_have_the_length_of_their_rows(rows: int, lengths: list[int]) -> None:
    fields = [(tags.WIDTH, 3, 1, 4), (tags.HEIGHT, 3, 1, 4), (tags.BITS, 3, 1, 8), (tags.ROWS, 3, 1, rows)]
    places = struct.pack(f"<{len(lengths)}I", *[1] * len(lengths))
    strips = (
        (tags.STRIPS, tags.LONG, len(lengths), 8 + 2 + 12 * 5 + 4)
        if len(lengths) > 1
        else (tags.STRIPS, tags.LONG, 1, 1)
    )
    page = reader(directory(*fields, strips), places).pages()[0]
    parts = layout(page, tags.RAW, 1, 1000, tiled=False)
    assert [part.length for part in parts] == lengths
