"""What a vault in a database holds, as it lies in memory: names, ids, vectors to search. Documents stay in the database.

Invariants: `rows` tells the set of all rows of the database, those of forgotten subjects included; `by_id` has only those that can be read.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from privet.vault.index import Index
from privet.vault.remote_anchor import RowSet
from privet.vault.remote_rows import Opened
from privet.vault.remote_table import SealedRow, Version
from privet.vault.where import Columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ELEMENT = 32
_BLOCK = 4096


class RemoteContents:
    """The records of a table. Not for several threads at once: the vault has a lock."""

    def __init__(self, *, has_vectors: bool) -> None:
        self.rows = RowSet()
        self.by_id: dict[str, int] = {}
        self.by_key: dict[bytes, int] = {}
        self.dimensions = 0
        self.index: Index | None = None
        self.filters: Columns | None = None
        self._has_vectors = has_vectors
        self._ids: list[str] = []
        self._keys: list[bytes] = []
        self._generations = array("Q")
        self._subjects = array("q")
        self._elements = bytearray()
        self._alive = bytearray()

    def __repr__(self) -> str:
        return f"RemoteContents({len(self.by_id)} records)"

    def __len__(self) -> int:
        """How many rows there are, those that are gone included."""
        return len(self._keys)

    @property
    def dead(self) -> int:
        """How many rows are gone."""
        return len(self._keys) - len(self.by_key)

    def take(self, rows: Iterable[tuple[SealedRow, Opened, bytes]], generation: int) -> list[int]:
        """Add rows with their elements; one of the same name goes. Return those that can be read."""
        vectors: list[NDArray[np.float32]] = []
        readable: list[int] = []
        added: list[bytes] = []
        for row, opened, element in rows:
            if row.key in self.by_key:
                self.remove([self.by_key[row.key]], generation)
            number = len(self._keys)
            self.by_key[row.key] = number
            self._keys.append(row.key)
            self._ids.append(opened.id)
            self._generations.append(row.generation)
            self._subjects.append(opened.subject)
            self._elements += element
            self._alive.append(opened.vector is not None)
            added.append(element)
            if opened.vector is not None:
                self.by_id[opened.id] = number
                self.dimensions = len(opened.vector)
                readable.append(number)
            if self._has_vectors:
                vectors.append(opened.vector if opened.vector is not None else np.zeros(0, np.float32))
                if len(vectors) == _BLOCK:
                    self._searched(vectors)
                    vectors = []
        self._searched(vectors)
        self.rows = self.rows.changed(generation, added, ())
        return readable

    def _searched(self, vectors: list[NDArray[np.float32]]) -> None:
        """Add vectors to what is searched; a row without one has zeros, which are like nothing."""
        if not vectors or not self.dimensions:
            return
        if self.index is None:
            self.index = Index(self.dimensions)
            missing = len(self._keys) - len(vectors)
            if missing:
                self.index.add(np.zeros((missing, self.dimensions), np.float32))
        nothing = np.zeros(self.dimensions, np.float32)
        self.index.add(np.stack([each if len(each) else nothing for each in vectors]))

    def remove(self, rows: Iterable[int], generation: int) -> None:
        """Take rows out."""
        rows = [row for row in rows if self.by_key.get(self._keys[row]) == row]
        for row in rows:
            del self.by_key[self._keys[row]]
            if self.by_id.get(self._ids[row]) == row:
                del self.by_id[self._ids[row]]
            self._alive[row] = 0
            self._ids[row] = ""
        if rows and self.index is not None:
            self.index.take_out(row for row in rows if self.index is not None and row < len(self.index))
        self.rows = self.rows.changed(generation, (), (self.element(row) for row in rows))

    def hide(self, rows: Iterable[int]) -> None:
        """Make rows unreadable that stay in the database, as those of somebody who was forgotten."""
        rows = list(rows)
        # It holds the values of all rows in one table, which is made again when it is asked for.
        self.filters = None
        for row in rows:
            self.by_id.pop(self._ids[row], None)
            self._alive[row] = 0
            self._ids[row] = ""
        if self.index is not None:
            self.index.take_out(rows)

    def wipe(self) -> None:
        """Overwrite the vectors that are in memory."""
        if self.index is not None:
            self.index.wipe()

    def element(self, row: int) -> bytes:
        """Return what a row adds to the set."""
        return bytes(self._elements[row * _ELEMENT : (row + 1) * _ELEMENT])

    def id_of(self, row: int) -> str:
        """Return the id of a record."""
        return self._ids[row]

    def key_of(self, row: int) -> bytes:
        """Return the name that a row has in the database."""
        return self._keys[row]

    def subject_of(self, row: int) -> int:
        """Return whose a record is."""
        return self._subjects[row]

    def version_of(self, row: int) -> Version:
        """Return which version of which row it is."""
        return self._keys[row], self._generations[row]

    def of_subject(self, number: int) -> list[int]:
        """Return the rows of a subject that are in the database."""
        found = np.flatnonzero(np.array(self._subjects, dtype=np.int64) == number).tolist()
        return [row for row in found if self.by_key.get(self._keys[row]) == row]

    def unreadable(self) -> list[int]:
        """Return the rows in the database of those who were forgotten."""
        if len(self.by_id) == len(self.by_key):
            return []
        return [row for row in self.by_key.values() if not self._alive[row]]

    def mask(self, keys: Iterable[bytes] | None = None) -> NDArray[np.bool_]:
        """Return which rows can be read, of those of these names."""
        alive = np.frombuffer(bytes(self._alive), dtype=np.bool_)
        if keys is None:
            return alive
        found = np.zeros(len(alive), np.bool_)
        found[[self.by_key[key] for key in keys if key in self.by_key]] = True
        return found & alive

    def filtered_by(self, metadata: Mapping[int, Mapping[str, Any] | None]) -> Columns:
        """Add the metadata of rows that are not yet in the filters; return them."""
        if self.filters is None:
            self.filters = Columns()
        self.filters.add(metadata.get(row) for row in range(self.filters.count, len(self)))
        return self.filters
