"""Memory for what was decrypted: locked, so that it is never swapped, and left out of core dumps, where the system allows.

Invariants:

- What was in it is overwritten before it is given back; where it could not be locked, `is_locked` says so.
- A value is kept to 1/65534 of the largest one of its row: at most half a step of 16 bits, and in rows of length 1 finer than half floats.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_DONT_DUMP: Final = 16
"""`MADV_DONTDUMP` of Linux, madvise(2)."""
_LARGEST: Final = 32767
_SCALE_COLUMNS: Final = 2
_BLOCK: Final = 128
"""So many rows are turned at a time: what is between two steps stays in the processor's cache."""


class LockedMatrix:
    """Rows of numbers of 16 bits that grow, behind each the float32 that they are multiples of."""

    def __init__(self, columns: int, capacity: int = 1024) -> None:
        self._columns = columns
        # An even number, so that the scale lies where a float32 may.
        self._width = columns + columns % 2 + _SCALE_COLUMNS
        self.count = 0
        self.is_locked = True
        self._pages = self._mapped(capacity)
        self._all = self._matrix(self._pages)

    def __repr__(self) -> str:
        return f"LockedMatrix({self.count} rows)"

    def reserve(self, capacity: int) -> None:
        """Make room for so many rows."""
        if capacity <= len(self._all):
            return
        pages = self._mapped(capacity)
        grown = self._matrix(pages)
        grown[: self.count] = self._all[: self.count]
        self._wipe()
        self._pages, self._all = pages, grown

    def append(self, rows: NDArray[np.float32]) -> None:
        """Add rows, shape (n, columns), all finite."""
        needed = self.count + len(rows)
        if needed > len(self._all):
            self.reserve(max(needed, 2 * len(self._all)))
        scales = self._all.view(np.float32)[:, -1]
        numbers = np.empty((min(_BLOCK, len(rows)), self._columns), np.float32)
        for start in range(0, len(rows), _BLOCK):
            part = rows[start : start + _BLOCK]
            first, end = self.count + start, self.count + start + len(part)
            largest = np.maximum(part.max(axis=1), -part.min(axis=1))
            scales[first:end] = largest / _LARGEST
            largest[largest == 0] = 1
            turned = np.multiply(part, (_LARGEST / largest)[:, None], out=numbers[: len(part)])
            self._all[first:end, : self._columns] = np.rint(turned, out=turned)
        self.count = needed

    def clear(self, rows: Sequence[int]) -> None:
        """Overwrite rows with zeros."""
        self._all[rows] = 0

    def values(self, rows: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Return rows, shape (n, columns)."""
        found = self._all[: self.count][rows]
        values = found[:, : self._columns].astype(np.float32)
        values *= found.view(np.float32)[:, -1:]
        return values

    def products(self, rows: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the inner products of rows with a vector."""
        found = self._all.take(rows, axis=0)
        products: NDArray[np.float32] = found[:, : self._columns].astype(np.float32) @ query
        products *= found.view(np.float32)[:, -1]
        return products

    def wipe(self) -> None:
        """Overwrite everything and give the memory back."""
        self._wipe()
        self.count = 0
        self._pages = self._mapped(1)
        self._all = self._matrix(self._pages)

    def _wipe(self) -> None:
        self._all[: self.count] = 0

    def _mapped(self, capacity: int) -> mmap.mmap:
        pages = mmap.mmap(-1, max(1, capacity * self._width * 2), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if sys.platform == "linux":
            pages.madvise(_DONT_DUMP)
        self.is_locked = _lock(pages) and self.is_locked
        return pages

    def _matrix(self, pages: mmap.mmap) -> NDArray[np.int16]:
        values = np.frombuffer(pages, dtype=np.int16)
        return values[: len(values) // self._width * self._width].reshape(-1, self._width)


def _lock(pages: mmap.mmap) -> bool:
    """Lock pages in memory; tell whether the system did (RLIMIT_MEMLOCK may be too small)."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        return bool(library.mlock(ctypes.c_void_p(start), ctypes.c_size_t(len(pages))) == 0)
    except (OSError, AttributeError, TypeError, ValueError):
        return False
