"""The first half of a run: every file and every unit is cleaned, or was in an earlier run that was cut off.

Invariants:

- What a record says counts only where the file is still the one it tells of, and what was made of it is there, whole.
- A file that takes its process down costs itself: the others of its batch are cleaned without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, Final, Protocol

from privet.evidence import keyed_file_digest
from privet.ingest.local import Failed, Task
from privet.ingest.plan import Item, opened
from privet.ingest.work import Work
from privet.ingest.worker import BATCH, Batch, Done, UnitDone
from privet.metadata.job import CannotClean

_BATCH_FILES: Final = 32
_BATCH_BYTES: Final = 2 * 1024 * 1024


class Engine(AbstractContextManager["Engine"], Protocol):
    """What runs the tasks of a run, as a context manager."""

    def done(self, tasks: Iterator[Task]) -> Iterator[tuple[Task, Any]]:
        """Yield each task with its result or `local.Failed`, in any order."""
        ...


class Watch(Protocol):
    """What is told how far a run has come."""

    def begin(self, total_bytes: int) -> None:
        """Take the number of bytes of input."""
        ...

    def step(self, done_bytes: int) -> None:
        """Take the number of bytes of input that are done."""
        ...


class Cleaned:
    """What became of each file, by its key, and of each unit, by key and number. `digest_key` is for digests of raw files."""

    def __init__(self, items: Sequence[Item], work: Work, engine: Engine, watch: Watch, digest_key: bytes) -> None:
        self.files: dict[str, Done] = {}
        self.units: dict[tuple[str, int], UnitDone] = {}
        self._items = items
        self._work = work
        self._engine = engine
        self._watch = watch
        self._digest_key = digest_key
        self._bytes = 0

    def run(self) -> None:
        """Clean what is not."""
        self._watch.begin(sum(item.size for item in self._items))
        self._clean_files()
        self._clean_units()

    def still_holds(self, item: Item, known: Done) -> bool:
        """Tell whether a record is of this file as it is now, and what was made of it is there."""
        if (item.size, item.modified_ns) != (known.size, known.modified_ns):
            return False
        return known.status != "cleaned" or self._work.holds(known.key, known.sha256)

    def _read(self, amount: int) -> None:
        self._bytes += amount
        self._watch.step(self._bytes)

    def _clean_files(self) -> None:
        left: list[Item] = []
        records: dict[str, list[Done]] = {}
        for batch_done in self._work.read_all(BATCH, Batch):
            for each in batch_done.files:
                records.setdefault(each.key, []).append(each)
        for item in self._items:
            known = next((each for each in records.get(item.key, ()) if self.still_holds(item, each)), None)
            if known is not None:
                self.files[item.key] = known
                self._read(0 if known.units else item.size)
            else:
                left.append(item)
        alone: list[Item] = []
        tasks = (Task("files", (batch,), sum(item.size for item in batch)) for batch in _batches(left))
        for task, result in self._engine.done(tasks):
            (batch,) = task.arguments
            if not isinstance(result, Failed):
                self._take(batch, result)
            elif len(batch) > 1:
                alone += batch
            else:
                self._fail(batch[0], result.reason)
        # A file that takes its process down is found by having each file of its batch for itself.
        for task, result in self._engine.done(Task("files", ([item],), item.size) for item in alone):
            (batch,) = task.arguments
            if isinstance(result, Failed):
                self._fail(batch[0], result.reason)
            else:
                self._take(batch, result)

    def _take(self, batch: Sequence[Item], results: Sequence[Done]) -> None:
        for item, result in zip(batch, results, strict=True):
            self.files[item.key] = result
            self._read(0 if result.units else item.size)

    def _fail(self, item: Item, reason: str) -> None:
        # Its name was to be cleaned by the process that is gone, so it is not shown.
        digest_now = ""
        # Where it is gone or another file by now, the next run looks at it again.
        with suppress(OSError, CannotClean), opened(item) as file:
            digest_now = keyed_file_digest(file, self._digest_key)
        name = f"file-{item.key}"
        done = Done(item.key, item.size, item.modified_ns, name, reason=reason, input_hmac=digest_now)
        self._work.write(f"{BATCH}{item.key}", Batch([done]))
        self.files[item.key] = done
        self._read(item.size)

    def _clean_units(self) -> None:
        left: list[Task] = []
        for item in self._items:
            done = self.files[item.key]
            for index, unit in enumerate(done.units):
                name = f"{item.key}.{index}"
                known = self._work.read(name, UnitDone)
                if known is not None and (known.reason or self._unit_holds(name, known)):
                    self.units[item.key, index] = known
                    self._read(item.size // len(done.units))
                else:
                    left.append(Task("unit", (item, done.form, index, unit), item.size // len(done.units)))
        for task, result in self._engine.done(iter(left)):
            item, _, index, _ = task.arguments
            unit_done = UnitDone(reason=result.reason) if isinstance(result, Failed) else result
            self.units[item.key, index] = unit_done
            self._read(item.size // len(self.files[item.key].units))
        for item in self._items:
            done = self.files[item.key]
            reasons = [self.units[item.key, index].reason for index in range(len(done.units))]
            if any(reasons):
                done.status, done.reason, done.units = "set-aside", next(filter(None, reasons)), []

    def _unit_holds(self, name: str, known: UnitDone) -> bool:
        return self._work.holds(name, known.sha256) and self._work.holds(f"{name}.marks", known.marks_sha256)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += item.size
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
