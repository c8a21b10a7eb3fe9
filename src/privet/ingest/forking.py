"""The processes of a run come from one that has loaded what all of them need, once.

Invariant: this module loads nothing but the standard library, so that a command can begin with it and load its own part meanwhile.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext
from typing import Final

_LOADED: Final = ["privet.ingest.worker", "privet.detect.engine", "privet.detect.names"]


def context() -> ForkServerContext:
    """Return what makes the processes."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(_LOADED)
    return made


def begin() -> None:
    """Start the process from which the others come; it loads by itself while this one goes on."""
    context()
    from multiprocessing import forkserver

    forkserver.ensure_running()
