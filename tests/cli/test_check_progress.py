"""The bar of a long check: it counts what every process reads, and leaves nothing behind."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path

import pytest

from privet.check.tree import working_tree
from privet.cli import check_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bytes_that_a_child_reads_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr("privet.cli.progress.Progress.step", lambda _, count: told.append(count))
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("x" * 1000)
    before = signal.getsignal(signal.SIGALRM)
    with check_progress.shown(working_tree(tmp_path), Terminal(), whole=True) as tree:
        tree.read("a.txt")
        child = os.fork()
        if not child:
            tree.read("b.txt")
            os._exit(0)
        os.waitpid(child, 0)
        os.kill(os.getpid(), signal.SIGALRM)
    assert told[-1] == 2000
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_short_check_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    stream = Terminal()
    with check_progress.shown(working_tree(tmp_path), stream, whole=False) as tree:
        tree.read("a.txt")
    assert stream.getvalue() == ""
