"""Writes of several threads, put on the disk together: one sync for all that wait, and each is acknowledged after it.

Invariants: a write that is not possible is an error for its caller alone; where the disk refuses, it is one for all of the group, and none
of them counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

from privet.errors import BadInput, Unprotected
from privet.vault.batch import Incoming, parts_of
from privet.vault.contents import Contents
from privet.vault.frames import Batch, Part
from privet.vault.rows import Rows
from privet.vault.store import Store
from privet.vault.subjects import SubjectKeys


class Write:
    """A write that waits: records to be added, or ids to be deleted."""

    def __init__(self, what: Incoming | list[str], *, replace: bool = False) -> None:
        self.what = what
        self.replace = replace
        self.is_done = False
        self.count = 0
        self.error: BaseException | None = None

    def result(self) -> int:
        """Return how many records it was about, or raise what was wrong."""
        if self.error is not None:
            raise self.error
        if not self.is_done:
            raise Unprotected("the write was cut short", hint="repeat it")
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
        self._is_busy = False
        self._changed = threading.Condition()

    def __repr__(self) -> str:
        return "Commits(...)"

    def do(self, write: Write, contents: Callable[[], Contents]) -> int:
        """Put a write on the disk, with all that have come meanwhile: one thread works for those who wait."""
        with self._changed:
            self._queue.append(write)
            while self._is_busy and not write.is_done:
                self._changed.wait()
            if write.is_done:
                return write.result()
            self._is_busy = True
            queue, self._queue = self._queue, []
        try:
            with self._lock:
                while queue:
                    queue = self._commit(queue, contents)
        finally:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
        return write.result()

    def _commit(self, queue: list[Write], contents: Callable[[], Contents]) -> list[Write]:
        """Put writes on the disk; return those that have to wait for another one of them."""
        later: list[Write] = []
        try:
            held = contents()
            now, later = _apart(queue)
            ready = self._ready(now, held)
            dimensions = next(
                (item.batch.dimensions for item in reversed(ready) if item.batch.parts), self._store.dimensions
            )
            stored = self._store.write([item.batch for item in ready], dimensions) if ready else []
            for item, runs in zip(ready, stored, strict=True):
                held.remove(item.gone)
                if isinstance(item.write.what, Incoming):
                    held.take(item.write.what, item.batch, item.order, runs)
        except BaseException as error:
            for write in queue:
                write.error, write.is_done = write.error or error, True
            if isinstance(error, Exception):
                return []
            raise
        for write in now:
            write.is_done = True
        return later

    def _ready(self, queue: list[Write], held: Contents) -> list[_Ready]:
        taken: set[str] = set()
        dimensions = self._store.dimensions
        good: list[Write] = []
        for write in queue:
            if isinstance(write.what, Incoming):
                try:
                    _refuse(write.what, held.rows.by_id, taken, dimensions, replace=write.replace)
                except BadInput as error:
                    write.error = error
                    continue
                taken.update(write.what.ids)
                dimensions = write.what.vectors.shape[1] if write.what.ids else dimensions
            good.append(write)
        # One change of the key table for all.
        numbers = self._keys.numbers_for(
            name
            for write in good
            if isinstance(write.what, Incoming)
            for name in write.what.subjects
            if name is not None
        )
        return self._built(good, held.rows, numbers)

    def _built(self, good: list[Write], rows: Rows, numbers: dict[str, int]) -> list[_Ready]:
        ready: list[_Ready] = []
        gone: set[int] = set()
        first = self._store.records
        for write in good:
            ids = write.what.ids if isinstance(write.what, Incoming) else write.what
            known = (
                [] if rows.by_id.keys().isdisjoint(ids) else [rows.by_id[each] for each in ids if each in rows.by_id]
            )
            dead = [row for row in dict.fromkeys(known) if row not in gone]
            parts: list[Part] = []
            order: list[int] = []
            dimensions = 0
            if isinstance(write.what, Incoming):
                try:
                    parts, order = parts_of(write.what, numbers, self._keys.key_of)
                except BadInput as error:
                    write.error = error
                    continue
                dimensions = write.what.vectors.shape[1]
            write.count = len(order) if isinstance(write.what, Incoming) else len(dead)
            gone.update(dead)
            if parts or dead:
                ranges = [(first, len(order))] if order else []
                ready.append(_Ready(write, Batch(parts, ranges, rows.numbers_of(dead), dimensions), dead, order))
            first += len(order)
        return ready


def _apart(queue: list[Write]) -> tuple[list[Write], list[Write]]:
    """Return the writes that can go together, and those that replace what one of them adds."""
    now: list[Write] = []
    later: list[Write] = []
    added: set[str] = set()
    for write in queue:
        if isinstance(write.what, Incoming):
            if write.replace and not added.isdisjoint(write.what.ids):
                later.append(write)
                continue
            added.update(write.what.ids)
        now.append(write)
    return now, later


def _refuse(what: Incoming, known: Mapping[str, int], taken: set[str], dimensions: int, *, replace: bool) -> None:
    if what.ids and dimensions and what.vectors.shape[1] != dimensions:
        raise BadInput(
            f"expected vectors of {dimensions} dimensions, found {what.vectors.shape[1]}",
            hint="a vault holds the vectors of one model",
        )
    if not taken.isdisjoint(what.ids) or not (replace or known.keys().isdisjoint(what.ids)):
        raise BadInput("an id is there already", hint="choose another one, or add(..., replace=True)")
