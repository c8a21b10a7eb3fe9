"""What is inside one file: its tables, whose rows are judged together, and its other members, kept until that is done.

Invariants:

- Rows of tables inside a file are judged as those of files of rows are (`repeats`): groups are counted among the tables of one folder
  inside it, copies are told among all. No row of another file counts, so more rows may go than in the same files unpacked, never fewer.
- A table of which no row can be taken out is refused where a row has to go; then the others are judged anew.
- Only cleaned content is kept here, in the work folder, and is gone with this object.
"""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Self

import numpy as np

from privet.ingest.formats import KEEP_ALL
from privet.ingest.marks import Marks
from privet.ingest.plan import PREFIX
from privet.ingest.record_file import Kept as Flags
from privet.ingest.repeats import Kept, kept_rows
from privet.metadata.job import CannotClean, Member, SetAside
from privet.policy import ScrubPolicy

_IN_MEMORY: Final = 4 * 1024 * 1024
_OF_DATABASE: Final = (
    "rows of it are in groups that are too small, and no row is taken out of a database: export its tables to CSV first"
)
_OF_DOCUMENT: Final = "it is a record in a group that is too small"


def refusal(form: str, rows: int) -> str:
    """Return why a file is set aside that has rows in groups that are too small; nothing where such rows are taken out.

    >>> refusal("csv", 1), refusal("json", 1)
    ('', 'it is a record in a group that is too small')
    """
    if form in KEEP_ALL:
        return _OF_DATABASE
    # One document is no row of a table: without it the file would be no JSON any more.
    return _OF_DOCUMENT if form == "json" and rows == 1 else ""


class Told(NamedTuple):
    """A member that is no table and holds none, as it came out: its name and where its content lies, or why it has no content."""

    name: str
    start: int
    length: int
    is_clean: bool
    refused: str
    removed: Counter[str]
    set_aside: Sequence[SetAside]


@dataclass(slots=True)
class Table:
    """A table inside a file: where its cleaned parts lie, how many rows each has, and what becomes of them."""

    form: str
    folder: str
    size: int
    reason: str = ""
    parts: list[tuple[int, int]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    marks: Path | None = None
    kept: Kept = field(default_factory=lambda: Kept(None))

    def flags(self) -> list[Flags]:
        """Return which rows of each part stay."""
        kept = self.kept.rows
        if kept is None:
            return [None] * len(self.parts)
        starts = np.cumsum([0, *self.rows])
        return [kept[start:end] for start, end in pairwise(starts)]


class Inside:
    """What is inside one file, in the order in which it is met. Use it as a context manager; `scratch` takes work files."""

    def __init__(self, scrub: ScrubPolicy, scratch: Path | None) -> None:
        self._scrub = scrub
        self._scratch = scratch
        self._stack = ExitStack()
        self._folder: Path | None = None
        self._stored: tempfile.SpooledTemporaryFile[bytes] | None = None
        self._told: list[Told | None] = []
        self._next: tuple[Iterator[Told | None], Iterator[Table]] = (iter(()), iter(()))
        self._tables: list[Table] = []
        self.is_again = False
        """whether the file is cleaned for the second time, without the rows that go"""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    @property
    def tables(self) -> int:
        """How many tables were met."""
        return len(self._tables)

    def keep_member(
        self, member: Member | None, refused: str, removed: Counter[str], notes: Sequence[SetAside]
    ) -> None:
        """Keep a member of the file itself that holds no table."""
        start, length = self._kept(member.content if member else b"")
        self._told.append(
            Told(member.name if member else "", start, length, member is not None, refused, removed, notes)
        )

    def keep_nothing(self) -> None:
        """Note a member of the file itself that is a table or holds one: it is made anew from its tables."""
        self._told.append(None)

    def next_member(self) -> tuple[Told, bytes] | None:
        """Return the next member of the file itself as it came out, or None where it is to be made anew."""
        told = next(self._next[0], None)
        return None if told is None else (told, self._at(told.start, told.length))

    def refuse(self, table: Table, reason: str) -> None:
        """Note a table that cannot be cleaned."""
        table.reason = reason
        self._tables.append(table)

    def keep_table(self, table: Table, parts: Sequence[io.BytesIO], marks: Marks) -> None:
        """Keep the cleaned parts of a table, and what is noted of its rows."""
        table.parts = [self._kept(part.getvalue()) for part in parts]
        is_document = table.form == "json" and marks.rows == 1
        if is_document:
            marks.as_document()
        if marks.rows and (self._scrub.quasi_identifiers or not is_document):
            table.marks = self._work_folder() / f"{len(self._tables)}.marks"
            with table.marks.open("wb") as file:
                marks.save(file)
        self._tables.append(table)

    def judge(self) -> bool:
        """Say of each table which rows stay; tell whether any goes, so that the file has to be made anew."""
        left = [table for table in self._tables if table.marks is not None]
        while left:
            parts = [(table.marks, table.folder) for table in left if table.marks is not None]
            for table, kept in zip(left, kept_rows(parts, self._scrub, self._work_folder()), strict=True):
                table.kept = kept
                rows = sum(table.rows)
                if kept.suppressed:
                    table.reason = refusal(table.form, rows)
                elif refusal(table.form, rows):
                    table.kept = Kept(None)
            still = [table for table in left if not table.reason]
            if len(still) == len(left):
                break
            left = still
        return any(table.reason or table.kept.packed is not None for table in self._tables if table.marks is not None)

    def counted(self) -> dict[str, int]:
        """Return how many rows the tables had that were cleaned, and how many went, by why."""
        out = Counter[str](read=0, written=0, duplicates=0, near_duplicates=0, suppressed=0)
        for table in self._tables:
            if not table.reason:
                kept, rows = table.kept, sum(table.rows)
                gone = kept.duplicates + kept.near_duplicates + kept.suppressed
                out.update(read=rows, written=rows - gone, duplicates=kept.duplicates)
                out.update(near_duplicates=kept.near_duplicates, suppressed=kept.suppressed)
        return dict(out)

    def begin_again(self) -> None:
        """Give what is kept from the first on."""
        self.is_again = True
        self._next = (iter(self._told), iter(self._tables))

    def next_table(self, form: str, size: int) -> tuple[list[BinaryIO], list[Flags]]:
        """Return the parts of the next table and which of their rows stay.

        Raises:
            CannotClean: it was refused.

        """
        table = next(self._next[1], None)
        if table is None or (table.form, table.size) != (form, size):
            raise CannotClean("its reader failed (what is in it changed)")
        if table.reason:
            raise CannotClean(table.reason)
        return [io.BytesIO(self._at(*part)) for part in table.parts], table.flags()

    def _work_folder(self) -> Path:
        if self._folder is None:
            made = tempfile.TemporaryDirectory(prefix=f"{PREFIX}-", dir=self._scratch)
            self._folder = Path(self._stack.enter_context(made))
        return self._folder

    def _store(self) -> tempfile.SpooledTemporaryFile[bytes]:
        if self._stored is None:
            made = tempfile.SpooledTemporaryFile(  # noqa: SIM115 (the stack closes it)
                _IN_MEMORY, prefix=f"{PREFIX}-", dir=str(self._scratch) if self._scratch else None
            )
            self._stored = self._stack.enter_context(made)
        return self._stored

    def _kept(self, content: bytes) -> tuple[int, int]:
        start = self._store().seek(0, io.SEEK_END)
        self._store().write(content)
        return start, len(content)

    def _at(self, start: int, length: int) -> bytes:
        self._store().seek(start)
        return self._store().read(length)
