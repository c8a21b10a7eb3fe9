"""Processes of this machine."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from privet.errors import BadInput
from privet.ingest.local import Failed, LocalEngine, Task
from privet.ingest.plan import Item, planned
from privet.ingest.work import Work
from privet.ingest.worker import Setup
from privet.policy import DEFAULT

SLOW = map(signal.sigwait, [{signal.SIGUSR1}])


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    work = Work(tmp_path / "out")
    work.open({})
    work.close(complete=False)
    return Setup(DEFAULT, "patterns", None, bytes(32), str(work.out), 1 << 20)


def planned_files(tmp_path: Path, count: int) -> list[Item]:
    (tmp_path / "raw").mkdir()
    for number in range(count):
        (tmp_path / "raw" / f"{number:04}.txt").write_text(f"{number}\n")
    return planned([tmp_path / "raw"], tmp_path / "out")


def test_tasks_are_done_by_other_processes_and_taken_as_they_are_needed(tmp_path: Path, setup: Setup) -> None:
    items = planned_files(tmp_path, 40)
    asked: list[int] = []

    def tasks() -> Iterator[Task]:
        for number, item in enumerate(items):
            asked.append(number)
            yield Task("files", ([item],))

    with LocalEngine(setup, 2, 60) as engine:
        results = engine.done(tasks())
        first = next(results)
        assert len(asked) < 10
        done = [first, *results]
    assert {task.arguments[0][0].name for task, _ in done} == {item.name for item in items}
    assert {result[0].status for _, result in done} == {"cleaned"}
    with LocalEngine(setup, 1, 60) as engine:
        assert list(engine.done([])) == []


def outcomes(setup: Setup, *tasks: Task, seconds: float = 60) -> list[Any]:
    with LocalEngine(setup, 1, seconds) as engine:
        found = {id(task): result for task, result in engine.done(tasks)}
    return [found[id(task)] for task in tasks]


def test_what_fails_fails_alone_and_says_no_word_of_the_file(tmp_path: Path, setup: Setup) -> None:
    items = planned_files(tmp_path, 1)
    raising = map(int, ["jane@example.com"])
    killed = map(signal.raise_signal, [signal.SIGKILL])
    crashed = map(os._exit, [1])
    bad, dead, gone, fine = outcomes(
        setup,
        Task("files", (raising,)),
        Task("files", (killed,)),
        Task("files", (crashed,)),
        Task("files", (items,)),
    )
    assert bad == Failed("its reader failed (ValueError)")
    assert dead == gone == Failed("its reader crashed")
    assert fine[0].status == "cleaned"


def test_the_time_of_a_task_grows_with_its_size(setup: Setup) -> None:
    engine = LocalEngine(setup, 1, 0.5)
    with engine:
        assert engine._seconds(Task("files", ())) == 0.5
        assert engine._seconds(Task("files", (), 33 << 20)) > 0.5
        assert engine._seconds(Task("files", (), 320 << 20)) == 5
        (result,) = (result for _, result in engine.done([Task("files", (SLOW,))]))
    assert result == Failed("it took longer than scrub.max_seconds allows")


def test_what_no_file_is_to_blame_for_ends_the_run(setup: Setup) -> None:
    with pytest.raises(FileNotFoundError):
        outcomes(setup, Task("files", (map(os.listdir, ["/nowhere"]),)))
    with pytest.raises(BadInput):
        outcomes(setup, Task("files", (map(planned, [[Path("/nowhere")]], [Path("/elsewhere")]),)))


ORPHAN = """
import os, signal, sys
from privet.ingest.local import LocalEngine, Task
from privet.ingest.worker import Setup
from privet.policy import DEFAULT

def hold(fifo):
    os.open(fifo, os.O_WRONLY)
    signal.sigwait([signal.SIGUSR1])

if __name__ == "__main__":
    with LocalEngine(Setup(DEFAULT, "patterns", None, bytes(32), sys.argv[1], 1), 1, 600) as engine:
        list(engine.done([Task("files", (map(hold, [sys.argv[2]]),))]))
"""


def test_workers_die_with_the_run_that_started_them(tmp_path: Path, setup: Setup) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "orphan.py").write_text(ORPHAN)
    run = subprocess.Popen([sys.executable, tmp_path / "orphan.py", setup.out, fifo], stderr=subprocess.DEVNULL)
    with fifo.open("rb") as held:
        # The worker is at work and holds the other end, until it is gone.
        run.kill()
        run.wait()
        ready, _, _ = select.select([held], [], [], 20)
        assert ready
        assert held.read() == b""
