"""What one process does: a batch of files, a unit of a large one, the joining of a file's parts.

Invariants:

- A task is done when its record is written; until then nothing of it counts, and doing it again gives the same bytes.
- A process that is killed by a hostile file takes nothing else with it.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from privet.detect.engine import TierName
from privet.evidence import file_digest, keyed_file_digest
from privet.ingest import long_text
from privet.ingest.cleaning import Cleaning
from privet.ingest.columns import Columns
from privet.ingest.conversions import Conversions
from privet.ingest.file_names import Clean, clean_paths, printable
from privet.ingest.formats import RECORDS, new_suffix, record_module, seen
from privet.ingest.guarding import guarded
from privet.ingest.joining import Flags, Parts
from privet.ingest.memory import give_back, hold_little
from privet.ingest.plan import Changed, Item, check_unchanged, opened
from privet.ingest.record_file import Unit
from privet.ingest.texts import Texts
from privet.ingest.work import Work
from privet.metadata.job import MEMBER, CannotClean, SetAside
from privet.policy import Policy

_MAX_ADDRESS_SPACE: Final = 16 * 1024**3


class Setup(NamedTuple):
    """What every process needs to know."""

    policy: Policy
    tier: TierName
    key: bytes | None
    digest_key: bytes
    out: str
    unit_bytes: int


class Done(msgspec.Struct):
    """What became of one file: `units` lists the pieces of a file of rows that are still to be cleaned.

    `kept` is a digest of which of its rows stay.
    """

    key: str
    size: int
    modified_ns: int
    name: str
    status: str = "set-aside"
    reason: str = ""
    form: str = ""
    input_hmac: str = ""
    sha256: str = ""
    bytes: int = 0
    suffix: str = ""
    pixels: str = ""
    removed: dict[str, int] = {}
    members: list[SetAside] = []
    found: dict[str, dict[str, int]] = {}
    dropped: dict[str, int] = {}
    tables: int = 0
    """how many tables and sheets that are tables are in it"""
    rows: dict[str, int] = {}
    """how many rows tables in it had and have"""
    seen: list[str] = []
    units: list[tuple[int, int]] = []
    kept: str = ""


class Batch(msgspec.Struct):
    """What became of some files."""

    files: list[Done]


BATCH: Final = "batch-"
"""How the names of records of batches begin."""


class UnitDone(msgspec.Struct):
    """What became of one unit."""

    sha256: str = ""
    marks_sha256: str = ""
    rows: int = 0
    found: dict[str, dict[str, int]] = {}
    dropped: dict[str, int] = {}
    removed: dict[str, int] = {}
    members: list[SetAside] = []
    seen: list[str] = []
    reason: str = ""


class Worker:
    """Does the tasks of one process."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._texts = Texts(setup.policy, setup.tier, setup.key)
        self._work = Work(Path(setup.out))
        self._cleaning = Cleaning(setup.policy, self._texts, setup.key, self._work.parts)

    def files(self, items: Sequence[Item]) -> list[Done]:
        """Clean files that are small or no tables; of tables tell the units."""
        names = clean_paths([printable(item.name) for item in items], self._texts)
        with Conversions(items) as ready:
            done = [self._file(item, name, ready) for item, name in zip(items, names, strict=True)]
        # One record for all: with thousands of small files their records would take as long as they do.
        if done:
            self._work.write(f"{BATCH}{done[0].key}", Batch(done))
        return done

    def _file(self, item: Item, name: Clean, ready: Conversions) -> Done:
        self._texts.taken()
        done = Done(item.key, item.size, item.modified_ns, name.counted(self._texts))
        try:
            if item.problem:
                raise CannotClean(item.problem)
            with guarded(), opened(item) as source:
                done.input_hmac = keyed_file_digest(source, self._setup.digest_key)
                source.seek(0)
                done.form = seen(source, Path(item.name).name, item.size)
                if long_text.is_long(done.form, source, item.size, self._setup.unit_bytes):
                    done.form = long_text.FORM
                if done.form in RECORDS:
                    units = _rows(done.form).units(Path(item.path), self._setup.unit_bytes)
                    done.units = [tuple(unit) for unit in units]
                    done.status = "units"
                else:
                    self._cleaning.converted = ready.of(item, done.form)
                    self._document(item, source, done)
                check_unchanged(item)
        except CannotClean as error:
            done.status, done.reason, done.units = "set-aside", error.reason, []
            if isinstance(error, Changed):
                done.input_hmac = ""
            (self._work.parts / item.key).unlink(missing_ok=True)
        done.found = self._texts.taken()
        return done

    def _document(self, item: Item, source: BinaryIO, done: Done) -> None:
        self._cleaning.begin()
        with self._written(done.key) as target:
            done.suffix = new_suffix(done.form, source)
            removed = self._cleaning.document(done.form, item.name, source, target)
            done.removed = dict(sorted(removed.items()))
            done.pixels = self._cleaning.pixels
            done.members = list(self._cleaning.set_aside)
            done.tables = self._cleaning.tables
            done.rows = self._cleaning.rows
            done.dropped = self._cleaning.dropped_columns
            done.seen = sorted(self._cleaning.seen_columns)
            done.sha256, done.bytes = _measured(target)
        done.status = "cleaned"

    def unit(self, item: Item, form: str, index: int, unit: tuple[int, int]) -> UnitDone:
        """Clean one unit of a file of rows, and save the marks of its rows."""
        self._texts.taken()
        name = f"{item.key}.{index}"
        columns = self._cleaning.columns(form)
        done = UnitDone()
        self._cleaning.begin()
        try:
            with columns.marks.in_folder(self._work.parts):
                self._clean_unit(item, form, name, Unit(*unit), columns, done)
        except CannotClean as error:
            done.reason = error.reason
        done.found = self._texts.taken()
        self._work.write(name, done)
        give_back()
        return done

    def _clean_unit(self, item: Item, form: str, name: str, unit: Unit, columns: Columns, done: UnitDone) -> None:
        with guarded(), self._written(name) as part:
            check_unchanged(item)
            if form == long_text.FORM:
                done.removed = dict(self._cleaning.document("text", "", long_text.piece(Path(item.path), unit), part))
            else:
                _rows(form).clean_unit(Path(item.path), unit, columns, part)
            check_unchanged(item)
            done.sha256, _ = _measured(part)
        done.members = list(self._cleaning.set_aside)
        if self._cleaning.left_out:
            done.removed[MEMBER] = self._cleaning.left_out
        done.rows = columns.marks.rows
        if form == "json" and done.rows == 1:
            columns.marks.as_document()
        with self._written(f"{name}.marks") as file:
            columns.marks.save(file)
            done.marks_sha256, _ = _measured(file)
        done.dropped = dict(columns.taken())
        done.seen = sorted(columns.seen)

    def joined(self, item: Item, done: Done, kept: Sequence[bytes | None]) -> Done:
        """Join the cleaned units of a file; `kept` holds a flag a row, packed (numpy.packbits), or None where all stay."""
        with Parts([self._work.parts / f"{item.key}.{index}" for index in range(len(done.units))]) as parts:
            try:
                with guarded(), self._written(item.key) as target:
                    _rows(done.form).assemble(Path(item.path), parts, Flags(kept), target)
                    done.sha256, done.bytes = _measured(target)
                done.status = "cleaned"
            except CannotClean as error:
                done.status, done.reason = "set-aside", error.reason
        self._work.write(f"{item.key}.joined", done)
        return done

    @contextmanager
    def _written(self, name: str) -> Iterator[BinaryIO]:
        """Open a part for writing: it gets its name when it is finished; where it is not, nothing of it stays."""
        path = self._work.parts / name
        beside = path.with_name(f"{name}.{os.getpid()}.new")
        try:
            with beside.open("w+b") as file:
                yield file
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def _rows(form: str) -> Any:
    """Return the module that reads and writes a format of rows, ready for files of any size."""
    module = record_module(form)
    if RECORDS[form] == "arrow":
        hold_little()
    return module


def _measured(file: BinaryIO) -> tuple[str, int]:
    """Return digest and size of a file that has just been written."""
    file.flush()
    file.seek(0)
    digest = file_digest(file)
    return digest, file.tell()


_worker: Worker | None = None


def start(setup: Setup) -> None:
    """Make this process a worker: its memory bounded, its detector loaded."""
    global _worker  # noqa: PLW0603 (a process of a pool has no other place for what it is)
    # What was loaded before the fork stays: looking for garbage in it would only make a copy of each of its pages.
    gc.freeze()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = _MAX_ADDRESS_SPACE if hard == resource.RLIM_INFINITY else min(hard, _MAX_ADDRESS_SPACE)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    Thread(target=_end_with_parent, daemon=True).start()
    _worker = Worker(setup)


def _end_with_parent() -> None:
    """End at once when the run is killed, so that no worker writes where the next run is at work already.

    A signal at the parent's death (prctl(2)) would not come: the parent is the server that forks, which lives as long as its workers.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)


def run(task: str, arguments: tuple[object, ...]) -> object:
    """Do one task in a process that was started as a worker."""
    if _worker is None:
        raise RuntimeError("this process is no worker")
    return getattr(_worker, task)(*arguments)
