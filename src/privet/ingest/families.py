"""Which rows belong together, told by pairs, on disk: a forest in which the root of each row is the first row of its family.

Invariants:

- No row has a root with a higher number than its own; a row that is its own root is the first of its family.
- The order of the pairs does not count.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from privet.ingest.stored import Stored

_AT_ONCE: Final = 1 << 16
Rows = NDArray[Any]


class Families:
    """Families of the rows 0 to `rows`, each of its own at first. Use it as a context manager."""

    def __init__(self, folder: Path | None, rows: int) -> None:
        self._above = Stored(folder, np.uint32)
        for start in range(0, rows, _AT_ONCE):
            self._above.append(np.arange(start, min(rows, start + _AT_ONCE), dtype=np.uint32))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._above.__exit__(*error)

    def roots(self, rows: Rows) -> Rows:
        """Return the first row of the family of each."""
        out = self._above.take(rows)
        moving, steps = np.arange(len(rows)), 0
        while len(moving):
            next_up = self._above.take(out[moving])
            moved = next_up != out[moving]
            moving = moving[moved]
            out[moving] = next_up[moved]
            steps += 1
        # One step finds the root of most, another that it is one.
        if steps > 2:
            known, at = np.unique(rows, return_index=True)
            self._above.put(known, out[at])
        return out

    def unite(self, left: Rows, right: Rows) -> None:
        """Make one family of two, for each pair of their roots."""
        roots, places = np.unique(np.concatenate((left, right)), return_inverse=True)
        one, two = places[: len(left)], places[len(left) :]
        # Each takes the lowest that it has heard of, and asks that one in turn (Shiloach, Vishkin 1982).
        lowest = np.arange(len(roots))
        while (lowest[one] != lowest[two]).any():
            low = np.minimum(lowest[one], lowest[two])
            for side in (one, two):
                np.minimum.at(lowest, lowest[side], low)
                np.minimum.at(lowest, side, low)
            lowest = lowest[lowest]
        self._above.put(roots, roots[lowest])

    def is_later(self, start: int, end: int) -> NDArray[np.bool_]:
        """Tell for rows one behind the other whether they have an earlier one in their family."""
        return np.asarray(self._above.read(start, end) != np.arange(start, end))
