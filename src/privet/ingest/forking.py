"""The processes of a run come from one that has loaded what all of them need, once.

Invariant: this module loads nothing but the standard library, so that a command can begin with it and load its own part meanwhile.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOADED: Final = ("privet.ingest.worker", "privet.detect.engine", "privet.detect.names")
_LOADED_FOR_TABLES: Final = "privet.ingest.arrow_ahead"
_TABLES: Final = (".parquet", ".arrow", ".feather", ".orc")


def context() -> ForkServerContext:
    """Return what makes the processes."""
    return multiprocessing.get_context("forkserver")


def begin(inputs: Iterable[Path] = ()) -> None:
    """Start the process from which the others come; it loads by itself while this one goes on. Where it runs, nothing is done.

    Where names at the top of `inputs` look like Arrow tables, it loads their library too; else each process does that which meets one.
    """
    from multiprocessing import forkserver

    context().set_forkserver_preload([*_LOADED, *([_LOADED_FOR_TABLES] if any(map(_shows_tables, inputs)) else [])])
    # A terminal that closes tells all processes, and this one is to end them in order: a mask is inherited, a handler is not.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _shows_tables(path: Path) -> bool:
    try:
        found = path.iterdir() if path.is_dir() else (path,)
        return any(entry.name.lower().endswith(_TABLES) for entry in found)
    except OSError:
        return False


@contextmanager
def held() -> Iterator[None]:
    """Have signals that end a program wait until the end: nobody would end a process that is being started when one comes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    # Other threads may take a signal, so a mask of this one would not hold it; handlers run in this one alone.
    before = {number: signal.getsignal(number) for number in _ENDING}
    mine = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in mine:
        signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in mine.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
