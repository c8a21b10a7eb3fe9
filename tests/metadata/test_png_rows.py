"""The compressed rows of a PNG: as they are where they can be, anew where they must."""

from __future__ import annotations

import io
import random
import zlib

import pytest

from privet.metadata.job import CannotClean, Job
from privet.metadata.png_rows import Copy, Frame, write_chunk

ROWS = random.Random(1).randbytes(600_000) + bytes(6_000_000)
PRESSED = zlib.compress(ROWS)


def copied(
    data: bytes, expected: int = len(ROWS), step: int = 100_000, sequence: int | None = None
) -> tuple[bytes, int | None]:
    """Return what comes out of image data that lies in the file in pieces, without the chunks around it."""
    pieces = [(at, min(step, len(data) - at)) for at in range(0, len(data), step)]
    target = io.BytesIO()
    following = Copy(io.BytesIO(data), target, expected).run(Frame(None, 1, 1, pieces), sequence, Job())
    raw, at, out = target.getvalue(), 0, b""
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4])
        assert zlib.crc32(raw[at + 4 : at + 8 + length]) == int.from_bytes(raw[at + 8 + length : at + 12 + length])
        out += raw[at + 8 + (4 if sequence is not None else 0) : at + 8 + length]
        at += 12 + length
    return out, following


@pytest.mark.parametrize("step", [1000, 100_000, 10_000_000])
def test_a_stream_that_is_what_it_should_be_is_copied(step: int) -> None:
    assert copied(PRESSED, step=step) == (PRESSED, None)
    out, following = copied(PRESSED, step=step, sequence=5)
    assert out == PRESSED
    assert following is not None
    assert following >= 5 + len(PRESSED) // step


def test_what_hides_behind_the_stream_is_cut() -> None:
    assert copied(PRESSED + bytes(300_000))[0] == PRESSED


@pytest.mark.parametrize(
    "data",
    [
        zlib.compress(ROWS + b"hidden"),
        zlib.compress(ROWS + bytes(50_000_000)),
        PRESSED[:-4],
        PRESSED[:-4] + b"\1\2\3\4",
    ],
)
@pytest.mark.parametrize("step", [997, 100_000])
def test_what_hides_in_the_stream_goes_and_the_rows_stay(data: bytes, step: int) -> None:
    assert zlib.decompress(copied(data, step=step)[0]) == ROWS


def test_the_head_of_the_stream_may_be_cut_in_two() -> None:
    rows = b"rows"
    assert zlib.decompress(copied(zlib.compress(rows + b"hidden"), expected=4, step=1)[0]) == rows


@pytest.mark.parametrize("data", [PRESSED[: len(PRESSED) // 2], b"", b"xx", zlib.compress(ROWS[:-1])])
def test_rows_that_are_missing_are_no_picture(data: bytes) -> None:
    with pytest.raises(CannotClean, match="truncated"):
        copied(data)


def test_a_chunk_has_its_check_sum() -> None:
    target = io.BytesIO()
    write_chunk(target, b"IEND", b"")
    assert target.getvalue() == b"\0\0\0\0IEND\xae\x42\x60\x82"
