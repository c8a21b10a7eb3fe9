import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.job import CannotClean, Job
from privet.metadata.pieces import Window
from privet.metadata.wire import BYTES, FIXED32, VARINT, Cleaning, Schema, fields, number, tagged, varint


@given(st.integers(0, 2**64 - 1), st.binary(max_size=3))
def test_numbers_come_back(value: int, rest: bytes) -> None:
    raw = number(value)
    assert varint(raw + rest) == (value, len(raw))


@pytest.mark.parametrize("raw", [b"", b"\x80", b"\x80" * 11])
def test_a_number_that_does_not_end_is_an_error(raw: bytes) -> None:
    with pytest.raises(CannotClean):
        varint(raw)


SCHEMAS = {
    "outer": Schema(keep={1: VARINT, 4: None}, inner={2: "inner"}),
    "inner": Schema(keep={1: BYTES}, inner={2: "inner"}),
}


def _cleaned(raw: bytes, job: Job) -> bytes:
    target = io.BytesIO()
    source = io.BytesIO(raw)
    Cleaning(Window(source, len(raw)), job, SCHEMAS).message(0, len(raw), "outer").write(source, target)
    return target.getvalue()


def test_unknown_fields_and_wrong_kinds_go() -> None:
    job = Job()
    kept = b"\x08\x05" + tagged(2, tagged(1, b"text")) + tagged(4, b"\1\2") + b"\x25abcd"
    dropped = tagged(9, b"x") + tagged(1, b"x")
    assert _cleaned(kept + dropped, job) == kept
    assert job.removed == {"unknown field": 2}
    assert _cleaned(tagged(2, tagged(1, b"text") + tagged(7, b"x")), job) == tagged(2, tagged(1, b"text"))


def test_long_messages_are_read_piece_by_piece() -> None:
    raw = b"".join(tagged(2, tagged(1, b"x" * size)) for size in (10, 5000, 70_000, 300_000, 3)) + b"\x08\x05" * 5000
    assert _cleaned(raw, Job()) == raw
    assert len(list(fields(Window(io.BytesIO(raw), len(raw)), 0, len(raw)))) == 5005


@pytest.mark.parametrize(
    "raw", [b"\x0b", b"\x00\x01", tagged(2, b"abc")[:-1], b"\x25abc", b"\x12\xff\xff\xff\xff\xff\x7f"]
)
def test_what_is_no_protobuf_is_refused(raw: bytes) -> None:
    with pytest.raises(CannotClean):
        _cleaned(raw, Job())


def test_deep_messages_are_refused() -> None:
    raw = b""
    for _ in range(120):
        raw = tagged(2, raw)
    with pytest.raises(CannotClean, match="deep"):
        _cleaned(raw, Job())


def test_fixed_fields_have_their_length() -> None:
    assert [f.wire for f in fields(Window(io.BytesIO(b"\x0dabcd"), 5), 0, 5)] == [FIXED32]
