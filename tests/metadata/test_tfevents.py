import re
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.job import CannotClean, Job
from privet.metadata.tfevents import clean, clean_name, masked_crc

sys.path.append(str(Path(__file__).parent))

from jobs import CANARY, cleaned, edits_of

_edits = edits_of(re.escape(CANARY), "X")


def _cleaned(raw: bytes, job: Job | None = None) -> bytes:
    return cleaned(clean, raw, job or Job(edits=_edits))


def _field(number: int, content: bytes) -> bytes:
    if isinstance(content, int):
        return bytes((number << 3, content))
    if isinstance(content, float):
        return bytes((number << 3 | 5,)) + struct.pack("<f", content)
    length, out = len(content), bytearray()
    while length > 127:
        out.append(length & 127 | 128)
        length >>= 7
    return bytes((number << 3 | 2, *out, length)) + content


def _event(step: int, *rest: bytes) -> bytes:
    return b"\x09" + struct.pack("<d", 1.7e9) + b"\x10" + bytes((step,)) + b"".join(rest)


def _records(*events: Any) -> bytes:
    out = b""
    for event in events:
        head = struct.pack("<Q", len(event))
        out += head + struct.pack("<I", masked_crc(head)) + event + struct.pack("<I", masked_crc(event))
    return out


def _scalar(tag: str, value: Any, *more: Any) -> bytes:
    return _field(5, _field(1, _field(1, tag.encode()) + _field(2, value) + b"".join(more)))


def _plugin(name: str, content: bytes = b"") -> bytes:
    return _field(
        9, _field(1, _field(1, name) + _field(2, content)) + _field(2, CANARY.encode()) + _field(3, CANARY.encode())
    )


def _tensor(dtype: Any, number: int, content: bytes) -> bytes:
    return _field(8, _field(1, dtype) + _field(2, b"") + _field(number, content))


FIRST = _event(0, _field(3, b"brain.Event:2"), _field(10, _field(1, CANARY.encode())))
LOG = _records(
    FIRST,
    _event(1, _scalar("loss", 0.5, _field(7, CANARY.encode()))),
    _event(2, _scalar(f"of {CANARY}", 0.25)),
    _event(2, _field(4, CANARY.encode() * 200)),
    _event(3, _field(5, _field(1, _field(1, b"text/hparams") + _plugin(b"text") + _tensor(7, 8, CANARY.encode())))),
    _event(3, _field(5, _field(1, _field(1, b"_hparams_") + _plugin(b"hparams", CANARY.encode())))),
    _event(4, _field(5, _field(1, _field(1, b"new") + _plugin(b"scalars", CANARY.encode()) + _tensor(1, 5, struct.pack("<f", 0.125))))),
    _event(5, _field(5, _field(1, _field(1, b"image") + _field(4, _field(4, CANARY.encode()))))),
    _event(6, _field(6, _field(2, CANARY.encode()))),
    _event(7, _field(5, _field(1, _field(1, b"h") + _field(5, b"\x09" + bytes(8) + _field(6, bytes(16)) + _field(7, bytes(16)))))),
)  # fmt: skip


def _read(raw: bytes) -> Any:
    out = []
    while raw:
        length, check = struct.unpack("<QI", raw[:12])
        event = raw[12 : 12 + length]
        assert check == masked_crc(raw[:8])
        assert struct.unpack("<I", raw[12 + length : 16 + length])[0] == masked_crc(event)
        out.append(event)
        raw = raw[16 + length :]
    return out


def test_numbers_stay_and_host_clock_texts_and_graphs_go() -> None:
    job = Job(edits=_edits)
    out = _cleaned(LOG, job)
    assert CANARY.encode() not in out
    events = _read(out)
    clock = b"\x09" + bytes(8)
    assert all(event.startswith(clock) for event in events)
    assert events[0] == clock + _field(3, b"brain.Event:2")
    assert events[1] == clock + b"\x10\x01" + _scalar("loss", 0.5)
    assert events[2] == clock + b"\x10\x02" + _scalar("of X", 0.25)
    assert events[3].endswith(struct.pack("<f", 0.125))
    assert events[4][9:11] == b"\x10\x07"
    assert len(events) == 5
    assert job.removed["graph"] == 1
    assert job.removed["summary that is no number"] == 3
    assert _cleaned(out) == out


def test_a_log_that_was_cut_off_ends_before() -> None:
    job = Job(edits=_edits)
    whole = _cleaned(LOG)
    assert whole.startswith(_cleaned(LOG[:-3], job))
    assert job.removed["unfinished record"] == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("events.out.tfevents.1700000000.example-host", "events.out.tfevents"),
        ("a/events.out.tfevents.1700000000.example-host.12.0.v2", "a/events.out.tfevents.v2"),
        ("events.out.tfevents.17.h.profile-empty", "events.out.tfevents.profile-empty"),
        ("model.gguf", "model.gguf"),
    ],
)
def test_names_lose_host_clock_and_process(name: str, expected: str) -> None:
    assert clean_name(name) == expected


@pytest.mark.parametrize("raw", [b"", b"\0" * 16, LOG[:30], _records(b"\x0a\x01a"), LOG[:100] + b"\0" * 40])
def test_what_is_no_log_is_refused(raw: bytes) -> None:
    with pytest.raises(CannotClean):
        _cleaned(raw)


def test_the_usual_reader_reads_it(tmp_path: Path) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    (tmp_path / "events.out.tfevents").write_bytes(_cleaned(LOG))
    accumulator = loader.EventAccumulator(str(tmp_path))
    accumulator.Reload()
    assert [(event.step, event.value) for event in accumulator.Scalars("loss")] == [(1, 0.5)]


@given(st.binary(max_size=60), st.integers(0, 10**4))
def test_hostile_bytes_are_cleaned_or_refused(noise: bytes, place: int) -> None:
    for content in (
        noise,
        _records(FIRST, noise),
        _records(FIRST, _event(1, _field(5, noise))),
        LOG[: place % len(LOG)],
    ):
        with suppress(CannotClean):
            _cleaned(content)
