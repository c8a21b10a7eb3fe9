"""Search in memory: a scan over vectors of 4 bits a dimension finds candidates, and those of 16 bits rank them.

Invariants:

- Scores are cosines. Vectors are stored as they were given and compared by their direction; one of length 0 has none: its cosine is 0, and
  a scan for candidates passes over it.
- What is searched is never on disk, and a vector that is taken out is gone from both.
- With `exact` every vector is compared, not candidates only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from privet.vault.locked import LockedMatrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BITS: Final = 4
_FEW: Final = 512
"""So few vectors are compared one by one, which is as fast."""
_CANDIDATES: Final = 8
_LEAST_CANDIDATES: Final = 64
_BLOCK: Final = 1 << 12
_SAMPLE: Final = 1024
_NOWHERE: Final = -1
_NEAR_ONE: Final = 1e-6
"""Lengths of vectors that their model has scaled: what float32 can say of 1 after a sum."""
_SHORT: Final = 1e-15
"""The squares of shorter vectors are at the end of what float32 can say."""


class Index:
    """Vectors of one size; rows are numbered in the order in which they came."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self._exact = LockedMatrix(dimensions)
        self._quick: Any = None
        self._added = 0
        # The quick index moves its last vector to where one was taken out: which row has which slot, and back.
        self._rows = np.zeros(0, np.int64)
        self._slots = np.zeros(0, np.int64)

    def __repr__(self) -> str:
        return f"Index({len(self)} vectors)"

    def __len__(self) -> int:
        """How many rows there are, those that were taken out included."""
        return self._exact.count

    @property
    def is_locked(self) -> bool:
        """Whether the vectors of 16 bits lie in locked memory. Those of 4 bits lie where their library puts them."""
        return self._exact.is_locked

    def reserve(self, count: int) -> None:
        """Make room for so many rows, so that none is moved on the way there."""
        self._exact.reserve(count)

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Add vectors, shape (n, dimensions)."""
        for start in range(0, len(vectors), _BLOCK):
            self._exact.append(unit(vectors[start : start + _BLOCK]))

    def take_out(self, rows: Iterable[int]) -> None:
        """Overwrite vectors; their rows are never found again, if the caller does not want them."""
        rows = list(rows)
        self._exact.clear(rows)
        for row in rows:
            if row < self._added and self._slots[row] != _NOWHERE:
                slot, last = int(self._slots[row]), len(self._quick) - 1
                self._quick.swap_remove(slot)
                moved = self._rows[last]
                self._rows[slot], self._slots[moved], self._slots[row] = moved, slot, _NOWHERE

    def search(
        self, queries: NDArray[np.float32], k: int, wanted: NDArray[np.bool_] | None = None, *, exact: bool = False
    ) -> tuple[list[NDArray[np.float32]], list[NDArray[np.int64]]]:
        """Return for each query the scores and rows of the `k` nearest vectors among the `wanted`, best first.

        Without `wanted` no row was taken out.
        """
        queries = unit(queries)
        if exact or len(self) <= _FEW or not self._has_quick():
            return self._compared(queries, k, wanted)
        count = min(max(_LEAST_CANDIDATES, _CANDIDATES * k), len(self._quick))
        mask = None if wanted is None else wanted[self._rows[: len(self._quick)]]
        _, slots = self._quick.search(queries, count, mask=mask)
        scores, rows = [], []
        for query, candidates in zip(queries, self._rows[slots.astype(np.int64, copy=False)], strict=True):
            exactly = self._exact.products(candidates, query)
            best = (-exactly).argsort(kind="stable")[:k]
            scores.append(exactly[best])
            rows.append(candidates[best])
        return scores, rows

    def wipe(self) -> None:
        """Overwrite the vectors."""
        self._exact.wipe()
        self._quick = None
        self._added = 0

    def _has_quick(self) -> bool:
        """Bring the quantised vectors up to date; tell whether there is a library for them."""
        if self._quick is None:
            try:
                from turbovec import TurboQuantIndex
            except ImportError:
                return False
            self._quick = TurboQuantIndex(self.dimensions, bit_width=_BITS)
            if len(self) >= _SAMPLE:
                sample = np.random.default_rng(0).choice(len(self), _SAMPLE, replace=False)
                self._quick.calibrate(self._exact.values(np.sort(sample)))
        while self._added < len(self):
            self._add_quick(self._added, min(len(self), self._added + _BLOCK))
        return True

    def _add_quick(self, start: int, end: int) -> None:
        """Add rows to the quick index, those of length 0 left out: they are like nothing, or were taken out."""
        values = self._exact.values(slice(start, end))
        held = np.flatnonzero(values.any(axis=1))
        first = len(self._quick)
        if len(held):
            self._quick.add(values if len(held) == len(values) else values[held])
        self._rows = _grown(self._rows, first + len(held))
        self._slots = _grown(self._slots, end)
        self._rows[first : first + len(held)] = start + held
        self._slots[start:end] = _NOWHERE
        self._slots[start + held] = np.arange(first, first + len(held))
        self._added = end

    def _compared(
        self, queries: NDArray[np.float32], k: int, wanted: NDArray[np.bool_] | None
    ) -> tuple[list[NDArray[np.float32]], list[NDArray[np.int64]]]:
        scores = np.full((len(queries), 0), 0, np.float32)
        rows = np.full((len(queries), 0), 0, np.int64)
        for start in range(0, len(self), _BLOCK):
            block = self._exact.values(slice(start, start + _BLOCK))
            found = queries @ block.T
            numbers = np.arange(start, start + len(block))
            if wanted is not None:
                inside = wanted[start : start + len(block)]
                found, numbers = found[:, inside], numbers[inside]
            scores = np.concatenate((scores, found), axis=1)
            rows = np.concatenate((rows, np.broadcast_to(numbers, found.shape)), axis=1)
            if scores.shape[1] > k:
                best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
                scores, rows = np.take_along_axis(scores, best, 1), np.take_along_axis(rows, best, 1)
        order = np.lexsort((rows, -scores), axis=1)
        return list(np.take_along_axis(scores, order, 1)), list(np.take_along_axis(rows, order, 1))


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors of length 1 in the same directions; those of length 0 stay."""
    with np.errstate(over="ignore"):  # looked for below
        lengths = np.sqrt(np.vecdot(vectors, vectors))
    shortest, longest = lengths.min(initial=1), lengths.max(initial=1)
    if shortest > 1 - _NEAR_ONE and longest < 1 + _NEAR_ONE:
        return vectors
    if shortest < _SHORT or longest == np.inf:
        vectors = vectors.astype(np.float64)
        lengths = np.sqrt(np.vecdot(vectors, vectors))
        lengths[lengths == 0] = 1
    scaled: NDArray[np.float32] = (vectors / lengths[:, None]).astype(np.float32, copy=False)
    return scaled


def _grown(values: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    if size <= len(values):
        return values
    grown = np.zeros(max(size, 2 * len(values)), np.int64)
    grown[: len(values)] = values
    return grown
