"""Writes of several threads, put on the disk together: one sync for all that wait, and each is acknowledged after it.

Invariants: a write that is not possible is an error for its caller alone; where the disk refuses, it is one for all of the group, and none
of them counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from privet.errors import BadInput
from privet.vault.batch import Incoming, parts_of
from privet.vault.contents import Contents
from privet.vault.frames import Batch
from privet.vault.store import Store
from privet.vault.subjects import SubjectKeys


class Write:
    """A write that waits: records to be added, or ids to be deleted."""

    def __init__(self, what: Incoming | list[str], *, replace: bool = False) -> None:
        self.what = what
        self.replace = replace
        self.is_done = False
        self.count = 0
        self.error: Exception | None = None

    def result(self) -> int:
        """Return how many records it was about, or raise what was wrong."""
        if self.error is not None:
            raise self.error
        return self.count


class _Ready(NamedTuple):
    """A write as it goes to the disk: the rows that go, and which record stands where in the runs."""

    write: Write
    batch: Batch
    gone: list[int]
    order: list[int]


class Commits:
    """The writes that wait for one store."""

    def __init__(self, store: Store, keys: SubjectKeys, lock: threading.RLock) -> None:
        self._store = store
        self._keys = keys
        self._lock = lock
        self._queue: list[Write] = []
        self._queued = threading.Lock()

    def __repr__(self) -> str:
        return "Commits(...)"

    def do(self, write: Write, contents: Callable[[], Contents]) -> int:
        """Put a write on the disk, with all that have come meanwhile. Whoever holds the lock works for those who wait."""
        with self._queued:
            self._queue.append(write)
        with self._lock:
            if not write.is_done:
                with self._queued:
                    queue, self._queue = self._queue, []
                self._commit(queue, contents)
        return write.result()

    def _commit(self, queue: list[Write], contents: Callable[[], Contents]) -> None:
        try:
            held = contents()
            ready = self._ready(queue, held)
            dimensions = next(
                (item.batch.dimensions for item in reversed(ready) if item.batch.parts), self._store.dimensions
            )
            stored = self._store.write([item.batch for item in ready], dimensions) if ready else []
        except Exception as error:
            for write in queue:
                write.error = write.error or error
            return
        finally:
            for write in queue:
                write.is_done = True
        for item, runs in zip(ready, stored, strict=True):
            held.remove(item.gone)
            if isinstance(item.write.what, Incoming):
                held.take(item.write.what, item.batch, item.order, runs)

    def _ready(self, queue: list[Write], held: Contents) -> list[_Ready]:
        ready: list[_Ready] = []
        taken: set[str] = set()
        gone: set[int] = set()
        first, dimensions = self._store.records, self._store.dimensions
        for write in queue:
            try:
                item = (
                    self._adding(write, write.what, held, taken, first, dimensions)
                    if isinstance(write.what, Incoming)
                    else self._deleting(write, write.what, held, gone)
                )
            except BadInput as error:
                write.error = error
                continue
            gone.update(item.gone)
            if isinstance(write.what, Incoming) and item.batch.parts:
                taken.update(write.what.ids)
                first, dimensions = first + write.count, item.batch.dimensions
            if item.batch.parts or item.batch.deleted:
                ready.append(item)
        return ready

    def _deleting(self, write: Write, ids: list[str], held: Contents, gone: set[int]) -> _Ready:
        rows = {held.rows.by_id[each]: None for each in ids if each in held.rows.by_id}
        dead = [row for row in rows if row not in gone]
        write.count = len(dead)
        return _Ready(write, Batch([], [], held.rows.numbers_of(dead)), dead, [])

    def _adding(
        self, write: Write, what: Incoming, held: Contents, taken: set[str], first: int, dimensions: int
    ) -> _Ready:
        if what.ids and dimensions and what.vectors.shape[1] != dimensions:
            raise BadInput(
                f"expected vectors of {dimensions} dimensions, found {what.vectors.shape[1]}",
                hint="a vault holds the vectors of one model",
            )
        known = [held.rows.by_id[each] for each in what.ids if each in held.rows.by_id]
        if taken.intersection(what.ids) or (known and not write.replace):
            raise BadInput("an id is there already", hint="choose another one, or add(..., replace=True)")
        numbers = self._keys.numbers_for(name for name in what.subjects if name is not None)
        parts, order = parts_of(what, numbers, self._keys.key_of)
        write.count = len(what.ids)
        ranges = [(first, len(order))] if order else []
        dead = held.rows.numbers_of(known)
        return _Ready(write, Batch(parts, ranges, dead, what.vectors.shape[1]), known, order)
