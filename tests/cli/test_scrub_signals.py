"""Signals that end a program, as `privet scrub` takes them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from privet.cli.scrub_signals import Stopped, ending_stops, exit_code
from privet.ingest.forking import held


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    assert {number: signal.getsignal(number) for number in before} == before


def stopped(number: signal.Signals) -> None:
    with ending_stops():
        try:
            os.kill(os.getpid(), number)
        finally:
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_as_ctrl_c_does_and_a_second_one_ends_at_once(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt) as stop:
        stopped(number)
    assert exit_code(stop.value) == 128 + number


def test_what_was_ignored_before_is_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_stops():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def starting(done: list[str]) -> None:
    with ending_stops(), held():
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("started")


def test_a_signal_waits_while_a_process_is_started() -> None:
    done: list[str] = []
    with pytest.raises(Stopped):
        starting(done)
    assert done == ["started"]
