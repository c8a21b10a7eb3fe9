"""How far a check has come: bytes read of the files, whichever process reads them.

Invariant: no thread, for the check forks: a timer interrupts the process that waits, and the count lies in memory that its children share.
"""

from __future__ import annotations

import mmap
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from privet.check.tree import MAX_TEXT_BYTES, Tree
from privet.cli.progress import Progress

_EVERY_SECONDS: Final = 0.25
_COUNT: Final = struct.Struct("q")


@contextmanager
def shown(tree: Tree, stream: TextIO, *, whole: bool) -> Iterator[Tree]:
    """Yield a tree whose reading is shown on a terminal, once it takes long; how far it is, where the whole of it is read."""
    count = mmap.mmap(-1, _COUNT.size)

    def told(read_bytes: int) -> None:
        # Two processes may write at once, and a few bytes are lost: it is a bar, not a bill.
        _COUNT.pack_into(count, 0, _COUNT.unpack_from(count)[0] + read_bytes)

    with Progress(stream) as progress:
        if whole:
            progress.begin(sum(min(entry.size, MAX_TEXT_BYTES) for entry in tree.entries.values()))
        before = signal.signal(signal.SIGALRM, lambda *_: progress.step(_COUNT.unpack_from(count)[0]))
        signal.setitimer(signal.ITIMER_REAL, _EVERY_SECONDS, _EVERY_SECONDS)
        try:
            yield tree.watched(told)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
