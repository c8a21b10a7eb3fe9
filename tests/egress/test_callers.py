"""Descriptors of other threads, through handles that are kept."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from privet.egress.callers import Handles


@contextmanager
def other() -> Iterator[tuple[int, Path]]:
    """Give a process, and what its standard output leads to."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process.pid, Path(f"/proc/{process.pid}/fd/1").readlink()
        process.communicate(b"\n")


def target(descriptor: int) -> Path:
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    finally:
        os.close(descriptor)


def test_a_handle_leads_to_its_process_and_to_nobody_once_that_has_ended() -> None:
    handles = Handles()
    with other() as (one, of_one), other() as (two, of_two):
        for _ in range(2):
            assert target(handles.descriptor_of(one, 1)) == of_one
            assert target(handles.descriptor_of(two, 1)) == of_two
        with pytest.raises(OSError, match="Bad file"):
            handles.descriptor_of(one, 999)
    for gone in (one, two):
        with pytest.raises(OSError, match="No such"):
            handles.descriptor_of(gone, 1)


def test_a_number_that_another_process_has_now_leads_to_that() -> None:
    handles = Handles()
    with other() as (one, _):
        os.close(handles.descriptor_of(one, 1))
    with other() as (two, of_two):
        # As if the number had come round again.
        handles._open[two] = handles._open.pop(one)
        assert target(handles.descriptor_of(two, 1)) == of_two


def test_threads_that_are_not_their_process_s_first() -> None:
    handles, found, done = Handles(), list[int](), threading.Event()
    ready = threading.Event()

    def work() -> None:
        found.append(threading.get_native_id())
        ready.set()
        done.wait()

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait()
    with Path(__file__).open("rb") as file:
        for _ in range(2):
            assert target(handles.descriptor_of(found[0], file.fileno())) == Path(__file__)
    done.set()
    thread.join()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_handles_have_an_end() -> None:
    handles, before = Handles(), open_descriptors()
    children = [subprocess.Popen(["sleep", "60"]) for _ in range(70)]
    for child in children:
        os.close(handles.descriptor_of(child.pid, 0))
    assert open_descriptors() - before <= 64
    for child in children:
        child.kill()
        child.wait()
