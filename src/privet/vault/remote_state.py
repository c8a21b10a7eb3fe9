"""The rows of a database, kept in step with memory and with the anchor.

Invariants:

- Memory never has rows whose set is not the anchor's, unless older ones were accepted in so many words.
- A write that was cut short is settled before anything else: finished where all new rows are there, else undone.
- After a failed write nothing is believed: everything is read again before the next call.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from privet.errors import RolledBack
from privet.vault.remote_anchor import RowSet, listed
from privet.vault.remote_contents import RemoteContents
from privet.vault.remote_opening import RemoteKeys, Wanted, scope_of
from privet.vault.remote_rows import Opened, RowSeals
from privet.vault.remote_table import SealedRow, Table, Version
from privet.vault.remote_tokens import Tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from privet.vault.key_source import KeySource


class RemoteState:
    """Table, keys, anchor and memory of one vault. Not for several threads at once."""

    def __init__(self, table: Table, source: KeySource, wanted: Wanted, *, accept_older: bool, read_only: bool) -> None:
        self.table = table
        self._read_only = read_only
        self._accept_older = accept_older
        self._wanted = wanted
        self._is_stale = False
        self.keys = RemoteKeys(source, scope_of(table, source, read_only=read_only))
        with self.keys.locked(shared=read_only):
            self._anchor, marks = self.keys.load(
                wanted, is_empty=table.is_empty(), can_write=not read_only, accept_older=accept_older
            )
            self.tokens = Tokens(self.keys.subjects.data_key, marks.fields)
            self.seals = RowSeals(self.keys.scope, self.keys.subjects, table.name)
            self.contents = RemoteContents(has_vectors=not wanted.is_obfuscated)
            self._marks = marks
            self.load()

    def __repr__(self) -> str:
        return "RemoteState(...)"

    def close(self) -> None:
        """Let go of everything."""
        self.contents.wipe()
        self.table.close()

    def load(self) -> None:
        """Read all rows anew. The caller holds the lock.

        Raises:
            Damaged: a row is not what was written.
            RolledBack: rows are missing or older, and that was not accepted.

        """
        skipped = self._settle()
        contents = RemoteContents(has_vectors=not self._wanted.is_obfuscated)
        generation = self._marks.rows.generation
        rows = (row for row in self.table.changed(0) if (row.key, row.generation) not in skipped)
        contents.take(self._opened(rows), generation)
        if contents.dead or not contents.rows.is_same_as(self._marks.rows):
            if not self._accept_older:
                contents.wipe()
                raise self._older(len(contents), self._marks.rows.size)
            newest = max((contents.version_of(row)[1] for row in contents.by_key.values()), default=0)
            # Later than anything that was acknowledged: no generation comes twice.
            generation = max(newest, generation, self._marks.coming.generation if self._marks.coming else 0)
            contents.rows = contents.rows._replace(generation=generation)
            self._marks = msgspec.structs.replace(self._marks, rows=contents.rows, coming=None, gone=b"")
            if not self._read_only:
                self._anchor.write(self._marks)
        self.contents.wipe()
        self.contents, self._is_stale = contents, False
        # It was accepted once; whoever writes has a new anchor now.
        self._accept_older = self._accept_older and self._read_only

    def _settle(self) -> set[Version]:
        """Finish or undo a write that was cut short; return the versions that are to be passed over."""
        marks = self._marks
        if marks.coming is None:
            return set()
        if not self._read_only:
            self.table.settle()
        elements = [((row.key, row.generation), self.seals.element(row)) for row in self.table.changed(0)]
        going, coming = marks.going, marks.coming.generation
        after = [element for version, element in elements if version not in going]
        before = [element for version, element in elements if version[1] != coming]
        if RowSet().changed(0, after, ()).is_same_as(marks.coming):
            rows, extra = marks.coming, {version for version, _ in elements if version in going}
        elif RowSet().changed(0, before, ()).is_same_as(marks.rows):
            # Its generation is not used again.
            rows, extra = marks.rows._replace(generation=coming), {each for each, _ in elements if each[1] == coming}
        else:
            return set()
        if not self._read_only:
            if extra:
                self.table.write([], sorted(extra))
            marks = msgspec.structs.replace(marks, rows=rows, coming=None, gone=b"")
            self._anchor.write(marks)
            self._marks = marks
        else:
            self._marks = msgspec.structs.replace(marks, rows=rows)
        return extra

    def refresh(self) -> None:
        """Read what others wrote.

        Raises:
            Damaged: a row is not what was written.
            RolledBack: rows are missing, or older than they were.

        """
        with self.keys.locked(shared=self._read_only):
            self._refresh()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock of those who share the keys, with everything read that the others wrote."""
        with self.keys.locked(shared=False):
            self._refresh()
            yield

    def _refresh(self) -> None:
        if self.keys.reread(can_write=not self._read_only):
            self.seals = RowSeals(self.keys.scope, self.keys.subjects, self.table.name)
            gone = {
                number
                for number in {self.contents.subject_of(row) for row in self.contents.by_id.values()}
                if number >= 0 and self.keys.subjects.key_of(number) is None
            }
            for number in gone:
                self.contents.hide(self.contents.of_subject(number))
        marks = self._anchor.read()
        if marks is not None:
            self._marks = marks
        if self._is_stale or self._accept_older or self._marks.coming is not None:
            self.load()
            return
        rows = self._marks.rows
        if rows == self.contents.rows:
            return
        contents = self.contents
        contents.take(self._opened(self.table.changed(contents.rows.generation)), rows.generation)
        if not contents.rows.is_same_as(rows):
            there = set(self.table.versions())
            contents.remove(
                [row for row in contents.by_key.values() if contents.version_of(row) not in there], rows.generation
            )
        if not contents.rows.is_same_as(rows):
            self._is_stale = True
            raise self._older(len(contents.by_key), rows.size)

    def numbers_for(self, names: Iterable[str]) -> dict[str, int]:
        """Return the numbers of subjects; those that have no key get one."""
        numbers = self.keys.subjects.numbers_for(names)
        self.keys.written()
        return numbers

    def write(
        self,
        make: Callable[[int], list[tuple[SealedRow, Opened]]],
        gone: Sequence[int],
        metadata: Sequence[Mapping[str, Any] | None],
    ) -> None:
        """Add rows that `make` gives for a generation, and remove others, all or none.

        Raises:
            Unprotected: the database or the key folder refused.

        """
        contents = self.contents
        generation = self._marks.rows.generation + 1
        made = make(generation)
        rows = [row for row, _ in made]
        elements = [self.seals.element(row) for row in rows]
        coming = self._marks.rows.changed(generation, elements, (contents.element(row) for row in gone))
        versions = [contents.version_of(row) for row in gone]
        self._is_stale = True
        self._anchor.write(msgspec.structs.replace(self._marks, coming=coming, gone=listed(versions)))
        self.table.write(rows, versions)
        marks = msgspec.structs.replace(self._marks, rows=coming)
        self._anchor.write(marks)
        self._marks, self._is_stale = marks, False
        contents.remove(gone, generation)
        contents.take(((*each, element) for each, element in zip(made, elements, strict=True)), generation)
        if contents.filters is not None and contents.filters.count == len(contents) - len(rows):
            contents.filters.add(metadata)

    def compact(self) -> None:
        """Remove the rows of the forgotten that an earlier call could not remove, and what is gone from memory."""
        self._remove_unreadable()
        self.load()

    def forget(self, subject: str) -> int:
        """Destroy a key, then remove the rows; return how many records could be read until then."""
        number = self.keys.subjects.forget(subject)
        count = 0
        if number is not None:
            self.keys.written()
            rows = self.contents.of_subject(number)
            count = len(rows)
            self.contents.hide(rows)
        # Those too that an earlier call could not remove.
        self._remove_unreadable()
        return count

    def _remove_unreadable(self) -> None:
        left = self.contents.unreadable()
        if left:
            self.write(lambda _: [], left, [])

    def verify(self) -> None:
        """Read and authenticate every row, whole."""
        self.keys.check_header(self.table)
        with self.keys.locked(shared=self._read_only):
            self._refresh()
            elements = []
            with closing(self.seals.opened(self.table.rows(None))) as rows:
                for row, opened in rows:
                    elements.append(self.seals.element(row))
                    if opened.vector is not None:
                        self.seals.content(row, opened.subject)
            found = RowSet().changed(0, elements, ())
            if not found.is_same_as(self._marks.rows):
                raise self._older(found.size, self._marks.rows.size)

    def sample(self, count: int) -> NDArray[np.float32]:
        """Return the vectors of some records."""
        keys = [self.contents.key_of(row) for row in list(self.contents.by_id.values())[:count]]
        if not keys:
            return np.zeros((0, 0), np.float32)
        rows = self.table.rows(keys)
        vectors = [opened.vector for _, opened in self.seals.opened(rows) if opened.vector is not None]
        return np.stack(vectors) if vectors else np.zeros((0, 0), np.float32)

    def _opened(self, rows: Generator[SealedRow]) -> Iterator[tuple[SealedRow, Opened, bytes]]:
        for row, opened in self.seals.opened(rows):
            yield row, opened, self.seals.element(row)

    def _older(self, found: int, expected: int) -> RolledBack:
        return RolledBack(
            f"the rows of {self.table.name} are not those that were written last (expected {expected}, found {found}): "
            "some were removed or put back behind the vault",
            hint="restore the newest backup; accept_older=True opens these, without those who were forgotten since",
        )
