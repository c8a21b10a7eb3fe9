"""Which record stands where: rows in the order in which they were read, and the runs on the disk that they belong to.

Invariants: a row keeps its number until everything is read anew; one that is gone keeps nothing but its number.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from privet.vault.segments import Stored


class Rows:
    """The rows of a vault."""

    def __init__(self) -> None:
        self.by_id: dict[str, int] = {}
        self.runs: list[Stored] = []
        self._ids: list[str] = []
        self._numbers = array("Q")
        self._offsets = array("Q")
        self._sizes = array("I")
        self._alive = bytearray()
        self._firsts: list[int] = []
        self._runs_of: dict[int, list[int]] = {}

    def __repr__(self) -> str:
        return f"Rows({len(self.by_id)} of {len(self)})"

    def __len__(self) -> int:
        """How many rows there are, those that are gone included."""
        return len(self._alive)

    def add(self, stored: Stored, ids: list[str], sizes: list[int], numbers: Iterable[int]) -> None:
        """Take the records of a run; sizes are those of their cold entries."""
        row = len(self)
        if stored.run.subject is not None:
            self._runs_of.setdefault(stored.run.subject, []).append(len(self.runs))
        self._firsts.append(row)
        self.runs.append(stored)
        self.by_id.update(zip(ids, range(row, row + len(ids)), strict=True))
        self._ids += ids
        self._numbers.extend(numbers)
        self._offsets.extend(list(accumulate(sizes, initial=0))[:-1])
        self._sizes.extend(sizes)
        self._alive.extend(b"\1" * len(ids))

    def remove(self, rows: Iterable[int]) -> None:
        """Take records out."""
        for row in rows:
            self._alive[row] = 0
            if self.by_id.get(self._ids[row]) == row:
                del self.by_id[self._ids[row]]
            self._ids[row] = ""

    def id_of(self, row: int) -> str:
        """Return the id of a record."""
        return self._ids[row]

    def subject_of(self, row: int) -> int | None:
        """Return the number of the subject whose record it is, None for nobody's."""
        return self.runs[self.run_of(row)].run.subject

    def number_of(self, row: int) -> int:
        """Return the number of a record, which it keeps for ever."""
        return self._numbers[row]

    def numbers_of(self, rows: Iterable[int]) -> bytes:
        """Return the numbers of records as they are written: 8 bytes each."""
        return np.array([self._numbers[row] for row in rows], dtype=">u8").tobytes()

    def with_numbers(self, numbers: bytes) -> list[int]:
        """Return the rows of records by their numbers, of those that are there."""
        wanted = np.frombuffer(numbers, dtype=">u8")
        known = np.array(self._numbers, dtype=np.uint64)
        order = np.argsort(known)
        places = np.searchsorted(known, wanted, sorter=order)
        found = (
            int(order[place])
            for place, number in zip(places, wanted, strict=True)
            if place < len(known) and known[order[place]] == number
        )
        return [row for row in found if self._alive[row]]

    def of_subject(self, number: int) -> list[int]:
        """Return the rows of a subject, and know the subject no more."""
        return [row for run in self._runs_of.pop(number, ()) for row in self.of_run(run)]

    def run_of(self, row: int) -> int:
        """Return the run that a row belongs to."""
        return bisect_right(self._firsts, row) - 1

    def of_run(self, run: int) -> list[int]:
        """Return the rows of a run that are there."""
        first = self._firsts[run]
        return [row for row in range(first, first + self.runs[run].run.count) if self._alive[row]]

    def place_of(self, row: int, run: int) -> int:
        """Return which record of its run a row is."""
        return row - self._firsts[run]

    def cold_of(self, row: int) -> tuple[int, int]:
        """Return where in its run the cold entry of a row begins, and its size."""
        return self._offsets[row], self._sizes[row]

    def stored_of(self, row: int) -> tuple[int, Stored, int, int]:
        """Return the run of a row, by number and as it is stored, and where in it the cold entry begins, and its size."""
        run = bisect_right(self._firsts, row) - 1
        return run, self.runs[run], self._offsets[row], self._sizes[row]

    @property
    def has_gaps(self) -> bool:
        """Whether a row is gone."""
        return len(self.by_id) < len(self)

    def mask(self) -> NDArray[np.bool_]:
        """Return which rows are there."""
        return np.frombuffer(bytes(self._alive), dtype=np.bool_)
