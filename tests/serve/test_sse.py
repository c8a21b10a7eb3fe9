"""Events of a stream do not depend on how its bytes are cut, nor on which line ends it uses."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.serve.refusals import Refusal
from privet.serve.sse import EventReader

LINE_END = re.compile(rb"\r\n|\r|\n")
PIECES = (
    b"data: a", b"data:b", b"data:  c", b"data", b"data:", b"data: [DONE]", b'data: {"x": "\\n"}', b": ping", b"event: error",
    b"id: 7", b"retry: 10", b"database: no", b" data: indented", b"\xff\xfe", "data: Zoë 你好".encode(), b"\x00",
)  # fmt: skip
LINE_ENDS = (b"\n", b"\r", b"\r\n")
STREAMS = st.lists(
    st.one_of(st.sampled_from(PIECES), st.sampled_from(LINE_ENDS), st.binary(max_size=6)), max_size=30
).map(b"".join)


def expected(stream: bytes) -> list[bytes]:
    """Return the data of every event as the standard says, line by line; the last needs no blank line."""
    found: list[bytes] = []
    lines: list[bytes] = []
    for line in [*LINE_END.split(stream), b""]:
        if line.startswith(b"data:"):
            lines.append(line[6:] if line[5:6] == b" " else line[5:])
        elif not line:
            found.append(b"\n".join(lines))
            lines = []
    return [data for data in found if data]


def read(pieces: Iterable[bytes]) -> list[bytes]:
    reader = EventReader()
    return [*(data for piece in pieces for data in reader.feed(piece)), *reader.close()]


def cut(stream: bytes, places: Iterable[int]) -> list[bytes]:
    borders = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(borders)]


@given(STREAMS, st.lists(st.integers(0, 1000), max_size=8))
def test_any_cut_gives_the_events_of_the_standard(stream: bytes, places: list[int]) -> None:
    assert read(cut(stream, places)) == expected(stream)


@given(STREAMS)
def test_byte_by_byte_gives_the_events_of_the_standard(stream: bytes) -> None:
    assert read(stream[at : at + 1] for at in range(len(stream))) == expected(stream)


@pytest.mark.parametrize("line_end", LINE_ENDS)
def test_an_event_is_given_out_with_its_blank_line(line_end: bytes) -> None:
    reader = EventReader()
    assert reader.feed(b"data: one" + line_end) == []
    # A single CR may be the first half of a CRLF, so what ends in one waits for the next byte.
    given_out = reader.feed(line_end) + (reader.feed(b":") if line_end == b"\r" else [])
    assert given_out == [b"one"]


def test_lines_of_one_event_are_joined() -> None:
    assert read([b"event: x\ndata: one\nid: 1\ndata: two\n\n"]) == [b"one\ntwo"]


def test_close_returns_a_last_event_once() -> None:
    reader = EventReader()
    assert reader.feed(b"data: one\n\ndata: two\r") == [b"one"]
    assert reader.close() == [b"two"]
    assert reader.close() == []


def test_an_event_without_end_is_refused() -> None:
    reader = EventReader()
    with pytest.raises(Refusal) as raised:  # noqa: PT012  (which piece is too much is not what is tested)
        for _ in range(6):
            reader.feed(b"data: " + b"x" * 1024 * 1024)
    assert raised.value.rule == "upstream-invalid"


def test_a_long_stream_of_short_events_is_not_too_long() -> None:
    reader = EventReader()
    event = b"data: " + b"x" * 1000 + b"\n\n"
    assert sum(len(reader.feed(event * 100)) for _ in range(60)) == 6000
