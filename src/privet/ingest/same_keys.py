"""Rows with equal keys come together, however many rows there are: a radix sort on disk.

Invariants:

- All rows of a key are in one bunch, in the order of their numbers.
- A bunch that does not fit in memory has one key alone, and is read piece by piece.

A row is eight bytes: what is left of its key where the bunch says the first bits, and its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from privet.errors import BadInput
from privet.ingest.stored import Stored

KEY_BITS: Final = 40
AT_ONCE: Final = 1 << 16
"""Rows that are sorted in memory."""
_BUNCH_BITS: Final = 8
_WORD_BITS: Final = 64
_TOO_LARGE: Final = 4
_MOST_ROWS: Final = 1 << 32
U64 = NDArray[np.uint64]
Piece = tuple[U64, U64]
"""keys, which tell rows of one bunch apart, in order, and the numbers of the rows"""


class SameKeys:
    """Takes numbered rows with their keys; gives those together whose keys are the same. Use it as a context manager.

    Args:
        folder: takes work files; None: memory does.
        rows: how many will be added at most.
        numbers: numbers of rows are below this.
        key_bits: keys are below 2 to this power.

    Raises:
        BadInput: more rows than can be numbered.

    """

    def __init__(self, folder: Path | None, rows: int, numbers: int, key_bits: int = KEY_BITS) -> None:
        if numbers > _MOST_ROWS:
            raise BadInput(f"there are more than {_MOST_ROWS} rows", hint="scrub them in several runs")
        self._folder = folder
        self._numbers = numbers
        self._key_bits = key_bits
        self._number_bits = np.uint64(max(1, (numbers - 1).bit_length()))
        self._bunch_bits = min(_BUNCH_BITS, key_bits, (rows // AT_ONCE).bit_length())
        self._stack = ExitStack()
        self._held: list[U64] = []
        self._bunch_of: list[NDArray[np.uint8]] = []
        self._waiting = 0
        self._file = self._stack.enter_context(Stored(folder, np.uint64)) if self._bunch_bits else None
        self._sizes: list[NDArray[np.int32]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def add(self, keys: U64, numbers: U64) -> None:
        """Take rows, whose numbers are higher than those of the rows before."""
        # The first bits of a key may be lost here where there are millions of rows: its bunch says them.
        self._held.append(keys << self._number_bits | numbers)
        if self._file is not None:
            self._bunch_of.append((keys >> np.uint64(self._key_bits - self._bunch_bits)).astype(np.uint8))
            self._waiting += len(keys)
            if self._waiting >= AT_ONCE:
                self._write(self._file)

    def _write(self, file: Stored) -> None:
        """Write what waits, bunch by bunch: few large pieces are read faster than many small ones, and there are fewer to know of."""
        bunch = np.concatenate(self._bunch_of)
        file.append(np.concatenate(self._held)[np.argsort(bunch, kind="stable")])
        self._sizes.append(np.bincount(bunch, minlength=1 << self._bunch_bits).astype(np.int32))
        self._held, self._bunch_of, self._waiting = [], [], 0

    def bunches(self) -> Iterator[Iterable[Piece]]:
        """Yield the rows: all of a key in one bunch. Most bunches have many keys and one piece."""
        if self._file is None:
            if self._held:
                yield [self._piece(np.concatenate(self._held))]
            return
        if self._waiting:
            self._write(self._file)
        sizes = np.array(self._sizes).reshape(-1, 1 << self._bunch_bits)
        blocks = np.concatenate(([0], np.cumsum(sizes.sum(axis=1))))[:-1]
        starts = blocks[:, None] + np.cumsum(sizes, axis=1) - sizes
        for each in range(1 << self._bunch_bits):
            bunch = _Bunch(self, self._file, starts[:, each], sizes[:, each])
            if bunch.rows <= _TOO_LARGE * AT_ONCE:
                yield [self._piece(np.concatenate(list(bunch.records()) or [np.zeros(0, np.uint64)]))]
            elif self._key_bits == self._bunch_bits:
                yield bunch
            else:
                yield from self._inner(bunch)

    def _inner(self, bunch: _Bunch) -> Iterator[Iterable[Piece]]:
        left = self._key_bits - self._bunch_bits
        most = np.uint64((1 << left) - 1)
        with SameKeys(self._folder, bunch.rows, self._numbers, left) as inner:
            for keys, numbers in bunch:
                inner.add(keys & most, numbers)
            yield from inner.bunches()

    def _piece(self, records: U64) -> Piece:
        records.sort()
        return records >> self._number_bits, records & ((np.uint64(1) << self._number_bits) - np.uint64(1))


class _Bunch:
    """The rows of one bunch, on disk."""

    def __init__(self, keys: SameKeys, file: Stored, starts: NDArray[Any], sizes: NDArray[Any]) -> None:
        self._keys = keys
        self._file = file
        self._places = [
            (start, start + size) for start, size in zip(starts.tolist(), sizes.tolist(), strict=True) if size
        ]
        self.rows = int(sizes.sum())

    def records(self) -> Iterator[U64]:
        """Yield the rows, those that were added at once at a time."""
        for start, end in self._places:
            yield self._file.read(start, end)

    def __iter__(self) -> Iterator[Piece]:
        waiting: list[U64] = []
        count = 0
        for records in self.records():
            waiting.append(records)
            count += len(records)
            if count >= AT_ONCE:
                yield self._keys._piece(np.concatenate(waiting))  # noqa: SLF001 (its own)
                waiting, count = [], 0
        if waiting:
            yield self._keys._piece(np.concatenate(waiting))  # noqa: SLF001 (its own)
