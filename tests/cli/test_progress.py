"""The line that tells how far a command has come."""

from __future__ import annotations

import io

from privet.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_said_in_the_first_two_seconds_nor_elsewhere_than_on_a_terminal() -> None:
    clock = Clock()
    for stream, silent in ((Terminal(), False), (io.StringIO(), True)):
        with Progress(stream, clock) as progress:
            clock.now += 1.9
            progress.step(10_000_000)
            assert stream.getvalue() == ""
            clock.now += 1
            progress.step(20_000_000)
            assert (stream.getvalue() == "") is silent


def test_it_tells_share_pace_and_time_left_where_the_whole_is_known() -> None:
    clock, stream = Clock(), Terminal()
    with Progress(stream, clock) as progress:
        progress.begin(400_000_000)
        clock.now = 100
        progress.step(100_000_000)
    assert "100.0 MB of 400.0 █████░░░░░░░░░░░░░░░ 25%, 5 min 00 s left, 1.00 MB/s" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_it_tells_what_was_read_where_the_whole_is_not_known() -> None:
    clock, stream = Clock(), Terminal()
    with Progress(stream, clock) as progress:
        progress.found = 7
        clock.now = 10
        progress.step(5_000_000)
    assert "5.0 MB read, 0.50 MB/s, 7 found" in stream.getvalue()


def test_hours_are_told_as_hours() -> None:
    clock, stream = Clock(), Terminal()
    with Progress(stream, clock) as progress:
        progress.begin(1_000_000_000)
        clock.now = 1000
        progress.step(100_000_000)
    assert "2 h 30 min left" in stream.getvalue()
