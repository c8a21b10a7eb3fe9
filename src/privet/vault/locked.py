"""Memory for what was decrypted: locked, so that it is never swapped, and left out of core dumps, where the system allows.

Invariants: what was in it is overwritten before it is given back; where it could not be locked, `is_locked` says so.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Final

import numpy as np
from numpy.typing import NDArray

_DONT_DUMP: Final = 16
"""`MADV_DONTDUMP` of Linux, madvise(2)."""


class LockedMatrix:
    """Rows of half floats that grow. Rows are reached through `rows`, which is another array after each growth."""

    def __init__(self, columns: int, capacity: int = 1024) -> None:
        self._columns = columns
        self.count = 0
        self.is_locked = True
        self._pages = self._mapped(capacity)
        self._all = self._matrix(self._pages)

    def __repr__(self) -> str:
        return f"LockedMatrix({self.count} rows)"

    @property
    def rows(self) -> NDArray[np.float16]:
        """The rows that are filled, shape (count, columns)."""
        return self._all[: self.count]

    def reserve(self, capacity: int) -> None:
        """Make room for so many rows."""
        if capacity <= len(self._all):
            return
        pages = self._mapped(capacity)
        grown = self._matrix(pages)
        grown[: self.count] = self.rows
        self._wipe()
        self._pages, self._all = pages, grown

    def append(self, rows: NDArray[np.float32]) -> None:
        """Add rows, shape (n, columns)."""
        needed = self.count + len(rows)
        if needed > len(self._all):
            self.reserve(max(needed, 2 * len(self._all)))
        self._all[self.count : needed] = rows
        self.count = needed

    def wipe(self) -> None:
        """Overwrite everything and give the memory back."""
        self._wipe()
        self.count = 0
        self._pages = self._mapped(1)
        self._all = self._matrix(self._pages)

    def _wipe(self) -> None:
        self._all[: self.count] = 0

    def _mapped(self, capacity: int) -> mmap.mmap:
        pages = mmap.mmap(-1, max(1, capacity * self._columns * 2), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if sys.platform == "linux":
            pages.madvise(_DONT_DUMP)
        self.is_locked = _lock(pages) and self.is_locked
        return pages

    def _matrix(self, pages: mmap.mmap) -> NDArray[np.float16]:
        values = np.frombuffer(pages, dtype=np.float16)
        return values[: len(values) // self._columns * self._columns].reshape(-1, self._columns)


def _lock(pages: mmap.mmap) -> bool:
    """Lock pages in memory; tell whether the system did (RLIMIT_MEMLOCK may be too small)."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        return bool(library.mlock(ctypes.c_void_p(start), ctypes.c_size_t(len(pages))) == 0)
    except (OSError, AttributeError, TypeError, ValueError):
        return False
