"""Rows of numbers on disk: appended, then read in order or by their places, so that a process holds only what it is looking at.

Invariants:

- The file has no name: however the run ends, nothing of it is left.
- What is mapped to look at single rows is let go again after a few megabytes.
- Space is taken by writing, never by mapping: a full disk is an error and no signal.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

_MAPPED_BYTES: Final = 2 * 1024 * 1024
Places = npt.NDArray[Any]


class Stored:
    """An array that lies in a file without a name in a folder, or in memory. A context manager: append rows, then look at them."""

    def __init__(self, folder: Path | None, dtype: npt.DTypeLike, width: tuple[int, ...] = ()) -> None:
        self.rows = 0
        self.width = width
        self.dtype = np.dtype(dtype)
        self._row_bytes = prod(width) * self.dtype.itemsize
        self._rows_mapped = max(1, _MAPPED_BYTES // max(1, self._row_bytes))
        if folder is None:
            self._file = os.fdopen(os.memfd_create("privet", os.MFD_CLOEXEC), "w+b")
        else:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed by __exit__)
        self._pages: mmap.mmap | None = None
        self._mapped: npt.NDArray[Any] = np.zeros(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._mapped, self._pages = np.zeros(0), None
        self._file.close()

    def append(self, rows: npt.NDArray[Any]) -> None:
        """Write rows behind those that are there.

        Raises:
            OSError: the disk is full.

        """
        self._file.write(np.ascontiguousarray(rows, self.dtype).data)
        self.rows += len(rows)

    def read(self, start: int, end: int) -> npt.NDArray[Any]:
        """Return rows that lie one behind the other."""
        self._file.flush()
        out = np.empty((max(0, min(end, self.rows) - start), *self.width), self.dtype)
        if out.size:
            os.preadv(self._file.fileno(), [out.data], start * self._row_bytes)
        return out

    def take(self, places: Places) -> npt.NDArray[Any]:
        """Return the rows at places, in the order of these."""
        out = np.empty((len(places), *self.width), self.dtype)
        for at, rows in self._by_place(places):
            out[at] = self._mapped[rows]
            self._let_go()
        return out

    def put(self, places: Places, rows: npt.NDArray[Any]) -> None:
        """Replace the rows at places, of which no two are the same."""
        for at, there in self._by_place(places):
            self._mapped[there] = rows[at]
            self._let_go()

    def _by_place(self, places: Places) -> Iterator[tuple[Places, Places]]:
        """Yield places that lie near each other, and where among all they stand."""
        if not len(places):
            return
        if self._pages is None:
            self._file.flush()
            self._pages = mmap.mmap(self._file.fileno(), self.rows * self._row_bytes)
            self._mapped = np.frombuffer(self._pages, self.dtype).reshape(-1, *self.width)
        order = np.argsort(places)
        ordered = places[order]
        steps = np.flatnonzero(np.diff(ordered // np.asarray(self._rows_mapped, ordered.dtype))) + 1
        for start, end in pairwise((0, *steps.tolist(), len(places))):
            yield order[start:end], ordered[start:end]

    def _let_go(self) -> None:
        if self._pages is not None:
            self._pages.madvise(mmap.MADV_DONTNEED)
