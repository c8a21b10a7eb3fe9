"""The codestream of JPEG 2000: headers without comments, tile-parts to their ends."""

from __future__ import annotations

import io

import pytest

from privet.metadata.job import CannotClean, Job
from privet.metadata.jpeg2000_stream import write

SIZ = b"\xff\x51\0\4ab"
COMMENT = b"\xff\x64\0\x08\0\1jane"
LENGTHS = b"\xff\x55\0\4xy"


def tile(body: bytes, header: bytes = b"", *, open_end: bool = False) -> bytes:
    content = header + b"\xff\x93" + body
    length = 0 if open_end else 12 + len(content)
    return b"\xff\x90\0\x0a\0\0" + length.to_bytes(4) + b"\0\1" + content


def written(raw: bytes) -> tuple[bytes, int, Job]:
    target, job = io.BytesIO(), Job()
    end = write(io.BytesIO(raw), target, 0, len(raw), job)
    return target.getvalue(), end, job


def test_comments_go_from_both_kinds_of_headers() -> None:
    raw = b"\xff\x4f" + SIZ + COMMENT + LENGTHS + tile(b"12", COMMENT) + tile(b"34") + b"\xff\xd9"
    out, end, job = written(raw)
    # The table of lengths would lie, and goes too.
    assert out == b"\xff\x4f" + SIZ + tile(b"12") + tile(b"34") + b"\xff\xd9"
    assert end == len(raw)
    assert job.removed["comment"] == 2


def test_lengths_that_still_hold_stay() -> None:
    raw = b"\xff\x4f" + SIZ + LENGTHS + tile(b"12") + b"\xff\xd9"
    assert written(raw)[0] == raw


def test_what_stands_behind_the_end_is_not_read() -> None:
    raw = b"\xff\x4f" + SIZ + tile(b"12") + b"\xff\xd9"
    assert written(raw + b"jane")[:2] == (raw, len(raw))


def test_the_last_tile_may_be_open_and_the_end_missing() -> None:
    head = b"\xff\x4f" + SIZ
    assert written(head + tile(b"12", open_end=True) + b"\xff\xd9")[0] == head + tile(b"12") + b"\xff\xd9"
    assert written(head + tile(b"12"))[0] == head + tile(b"12") + b"\xff\xd9"


def test_marks_without_a_length_are_passed_over() -> None:
    raw = b"\xff\x4f" + SIZ + b"\xff\x30" + tile(b"12") + b"\xff\xd9"
    assert written(raw)[0] == raw.replace(b"\xff\x30", b"")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff\x4f" + SIZ, "header"),
        (b"\xff\x4f" + SIZ + tile(b"12")[:-1], "truncated"),
        (b"\xff\x4f" + SIZ + tile(b"12") + b"zz", "truncated"),
        (b"\xff\x4fzz", "damaged"),
    ],
)
def test_damage_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        written(raw)
