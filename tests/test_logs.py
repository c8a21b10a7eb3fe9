"""Log lines: what can stand in one, and a writer that waits for nobody."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.logs import AccessEvent, AccessLog, LineWriter, PlaceHandler, latency_bucket, rounded_time
from privet.policy import DEFAULT

CANARY = "zebra-quagga-okapi"
POLICY = DEFAULT.logs
FULL = AccessEvent(
    route="/v1/chat/completions",
    status=200,
    seconds=0.0712345,
    prompt_tokens=12,
    answer_tokens=34,
    masked={"EMAIL_ADDRESS": 2},
    redacted={"PERSON": 1},
    rule="invalid-value",
    caller="00ff00ff",
)


class Kept:
    """Lines in a list."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        self.lines.append(line)

    def read(self) -> list[dict[str, Any]]:
        assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in self.lines)
        return [json.loads(line) for line in self.lines]


Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def test_an_access_line_holds_the_allowed_fields_and_no_other() -> None:
    kept = Kept()
    AccessLog(POLICY, kept).write(FULL)
    (line,) = kept.read()
    assert set(line) == POLICY.fields
    del line["time"]
    assert line == {
        "route": "/v1/chat/completions",
        "status": 200,
        "latency": "<0.1s",
        "prompt_tokens": 12,
        "answer_tokens": 34,
        "masked": {"EMAIL_ADDRESS": 2},
        "redacted": {"PERSON": 1},
        "rule": "invalid-value",
        "caller": "00ff00ff",
    }


@given(st.frozensets(st.sampled_from(sorted(POLICY.fields))))
def test_the_policy_takes_fields_away(allowed: frozenset[str]) -> None:
    kept = Kept()
    AccessLog(replace(POLICY, fields=allowed), kept).write(FULL)
    assert [set(line) for line in kept.read()] == ([set(allowed)] if allowed else [])


def test_what_is_not_known_is_left_out() -> None:
    kept = Kept()
    AccessLog(POLICY, kept).write(AccessEvent())
    assert set(kept.read()[0]) == {"time", "route", "status", "latency"}


def test_an_event_has_no_field_beyond_the_policys() -> None:
    assert {item.name for item in fields(AccessEvent)} - {"seconds"} == POLICY.fields - {"time", "latency"}
    with pytest.raises(TypeError):
        AccessEvent(prompt=CANARY)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        AccessEvent().prompt = CANARY  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [
        (0.0, "<0.005s"),
        (0.005, "<0.02s"),
        (0.0199, "<0.02s"),
        (0.0712345, "<0.1s"),
        (1.0, "<2s"),
        (59.999, "<60s"),
        (60.0, ">=60s"),
        (1e9, ">=60s"),
    ],
)
def test_a_latency_becomes_a_bucket(seconds: float, bucket: str) -> None:
    assert latency_bucket(seconds) == bucket


@pytest.mark.parametrize("step", [1, 60, 3600, 86400])
def test_times_are_rounded_down(step: int) -> None:
    before = time.time()
    shown = datetime.strptime(rounded_time(step), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    assert shown % step == 0
    assert before - step < shown <= time.time()


def test_the_log_rounds_as_the_policy_says() -> None:
    kept = Kept()
    AccessLog(replace(POLICY, round_seconds=3600), kept).write(FULL)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:00:00Z", kept.read()[0]["time"])


def test_rounding_to_nothing_rounds_to_seconds() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", rounded_time(0))


@pytest.fixture
def other() -> Iterator[tuple[logging.Logger, Kept]]:
    """Return a library's logger, and what the handler makes of its records."""
    kept = Kept()
    logger = logging.Logger("some.library")  # noqa: LOG001 - one that no other test can see
    logger.addHandler(PlaceHandler(kept, 60))
    yield logger, kept
    assert all(CANARY.encode() not in line for line in kept.lines)


def test_a_librarys_record_loses_its_text(other: tuple[logging.Logger, Kept]) -> None:
    logger, kept = other
    logger.warning("got %s", CANARY)
    logger.error(f"got {CANARY}")  # noqa: G004 - this is what libraries do
    logger.critical({"prompt": CANARY}, extra={"prompt": CANARY, "user": CANARY}, stack_info=True)
    first, second, third = kept.read()
    assert [line["level"] for line in (first, second, third)] == ["warning", "error", "critical"]
    for line in (first, second, third):
        assert set(line) == {"time", "level", "logger", "where"}
        assert line["logger"] == "some.library"
        assert re.fullmatch(r"test_logs\.py:\d+", line["where"])
        assert line["time"].endswith(":00Z")


def test_a_librarys_exception_becomes_its_place(other: tuple[logging.Logger, Kept]) -> None:
    logger, kept = other
    try:
        int(CANARY)
    except ValueError:
        logger.exception("failed for %s", CANARY)
    logger.error("failed", exc_info=ValueError(CANARY))
    logger.error("failed", exc_info=True)  # noqa: LOG014 - libraries do
    first, second, third = (line["where"] for line in kept.read())
    assert re.fullmatch(r"ValueError at test_logs\.py:\d+", first)
    assert second == "ValueError"
    assert re.fullmatch(r"test_logs\.py:\d+", third)


def test_records_below_warning_are_dropped(other: tuple[logging.Logger, Kept]) -> None:
    logger, kept = other
    logger.debug(CANARY)
    logger.info(CANARY)
    assert kept.lines == []


def test_wrong_arguments_of_a_library_do_no_harm(other: tuple[logging.Logger, Kept]) -> None:
    logger, kept = other
    logger.warning("%d of %d", CANARY)  # noqa: PLE1206
    assert len(kept.lines) == 1


def test_lines_come_out_whole_and_in_order(pipe: Pipe) -> None:
    reading, writing = pipe
    writer = LineWriter(writing)
    sent = [f"line {number}\n".encode() for number in range(2000)]
    for line in sent:
        writer.write(line)
    _stop(writer)
    os.close(writing)
    with os.fdopen(os.dup(reading), "rb") as file:
        assert file.readlines() == sent
    assert writer.dropped == 0


def test_a_reader_that_stopped_reading_holds_nobody_up(pipe: Pipe) -> None:
    reading, writing = pipe
    writer = LineWriter(writing)
    line = b"x" * 99 + b"\n"
    began = time.monotonic()
    # A pipe holds 64 KiB, the batch on its way and the queue at most 10,000 lines each.
    for _ in range(40_000):
        writer.write(line)
    assert writer.dropped >= 40_000 - 20_000 - 700
    writer.close(timeout_seconds=0.05)
    # Without the drops, this would take for ever.
    assert time.monotonic() - began < 20
    os.close(reading)
    _stop(writer)
    assert writer.dropped >= 40_000 - 700


def test_the_drops_are_counted_exactly(pipe: Pipe) -> None:
    reading, writing = pipe
    writer = LineWriter(writing)
    for _ in range(40_000):
        writer.write(b"x" * 99 + b"\n")
    dropped = writer.dropped
    received = bytearray()
    drain = threading.Thread(target=lambda: received.extend(_drained(reading)))
    drain.start()
    # Once the reader reads again, the writer finishes and stops.
    _stop(writer)
    os.close(writing)
    drain.join(30)
    assert dropped > 0
    assert received.count(b"\n") == 40_000 - dropped


def _stop(writer: LineWriter) -> None:
    """Wait for the writer's thread: a descriptor that it still uses must not be closed and given to another test."""
    writer.close(timeout_seconds=60)
    assert not writer._thread.is_alive()


def _drained(descriptor: int) -> bytes:
    pieces = []
    while piece := os.read(descriptor, 65536):
        pieces.append(piece)
    return b"".join(pieces)


def test_a_reader_that_is_gone_is_survived(pipe: Pipe) -> None:
    reading, writing = pipe
    os.close(reading)
    writer = LineWriter(writing)
    writer.write(b"one\n")
    _stop(writer)
    assert writer.dropped == 1


def test_a_full_disk_is_survived() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        writer = LineWriter(descriptor)
        writer.write(b"one\n")
        _stop(writer)
    finally:
        os.close(descriptor)
    assert writer.dropped == 1


def test_closing_writes_what_is_queued(pipe: Pipe) -> None:
    reading, writing = pipe
    writer = LineWriter(writing)
    AccessLog(POLICY, writer).write(FULL)
    writer.close()
    assert json.loads(os.read(reading, 65536))["route"] == FULL.route


def test_the_writer_does_not_keep_the_process_alive(pipe: Pipe) -> None:
    writer = LineWriter(pipe[1])
    assert writer._thread.daemon
    _stop(writer)
