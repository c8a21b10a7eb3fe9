"""Boxes: what is written is read again, and a box that lies is refused."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.isobmff import box, boxes, file_type, long_header, parts, table
from privet.metadata.job import CannotClean, Job


@given(st.lists(st.tuples(st.binary(min_size=4, max_size=4), st.binary(max_size=20)), max_size=9))
def test_what_is_written_is_read(content: list[tuple[bytes, bytes]]) -> None:
    raw = b"".join(box(kind, body) for kind, body in content)
    assert [(part.kind, bytes(part.body)) for part in boxes(memoryview(raw))] == content


@given(st.binary(max_size=60))
def test_any_bytes_are_boxes_or_refused(raw: bytes) -> None:
    for read in (lambda: list(boxes(memoryview(raw))), lambda: parts(io.BytesIO(raw), Job())):
        try:
            read()
        except CannotClean:
            continue


def test_long_sizes_are_read() -> None:
    raw = struct.pack(">I4sQ", 1, b"mdat", 19) + b"abc"
    assert [bytes(part.body) for part in boxes(memoryview(raw))] == [b"abc"]
    assert parts(io.BytesIO(raw), Job())[0].body == 16
    assert long_header(b"mdat", 2**32) == struct.pack(">I4sQ", 1, b"mdat", 2**32 + 16)


@pytest.mark.parametrize("size", [2, 7, 12, 2**32 - 1])
def test_a_box_that_lies_is_refused(size: int) -> None:
    with pytest.raises(CannotClean, match="longer"):
        list(boxes(memoryview(struct.pack(">I4s", size, b"free"))))


def test_too_many_boxes_are_refused() -> None:
    with pytest.raises(CannotClean, match="too many"):
        list(boxes(memoryview(box(b"free") * 5000)))


def test_a_table_ends_where_it_says() -> None:
    body = memoryview(struct.pack(">IIII", 0, 2, 5, 6) + b"more")
    assert bytes(table(body, 4)) == bytes(body[:16])
    with pytest.raises(CannotClean, match="longer than it is"):
        table(body, 8)


def test_only_brands_that_say_how_to_read_are_kept() -> None:
    brands = b"CAEP" + b"\1\2\3\4" + b"isom" + b"Jane" + b"mp42"
    assert file_type(brands) == box(b"ftyp", b"isom", bytes(4), b"isom", b"mp42")
    assert file_type(b"Jane") == box(b"ftyp", b"isom", bytes(4), b"isom")


def test_what_follows_the_last_box_is_no_part() -> None:
    job = Job()
    raw = box(b"ftyp", b"isom") + b"PK\3\4trailing"
    assert [part.kind for part in parts(io.BytesIO(raw), job)] == [b"ftyp"]
    assert job.removed["trailing bytes"] == 1
