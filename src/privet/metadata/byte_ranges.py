"""The bytes of a file that are kept, the pieces that replace others, and where each comes to lie.

Invariants:

- Every kept byte is written once, however many tables point at it, so what comes out is never larger than what came in.
- Only bytes inside the places where a format stores its bulk can be kept; a range outside is refused.
- Bytes are copied a piece at a time; what is held in memory is two numbers a range.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from privet.metadata.job import MIB, CannotClean

Places = NDArray[np.int64]
_COPIED_AT_ONCE: Final = 4 * MIB


def copy(source: BinaryIO, target: BinaryIO, start: int, size: int) -> None:
    """Copy `size` bytes from `start` on."""
    if size > 0:
        source.seek(start)
    while size > 0:
        piece = source.read(min(size, _COPIED_AT_ONCE))
        if not piece:
            raise CannotClean("truncated: the content ends early")
        target.write(piece)
        size -= len(piece)


def as_places(values: Any) -> Places:
    """Return whole numbers as an array; a number that no file is long enough for is refused."""
    numbers = np.asarray(values)
    if numbers.size and numbers.dtype.kind == "u" and int(numbers.max()) >= 2**62:
        raise CannotClean("damaged: a table points outside the file")
    return numbers.astype(np.int64)


class Stores(NamedTuple):
    """Where the places that hold bulk start and end, in order."""

    starts: Places
    ends: Places


def stores_of(places: Iterable[tuple[int, int]]) -> Stores:
    """Return the places that hold bulk."""
    both = np.array(sorted(places), np.int64).reshape(-1, 2)
    return Stores(both[:, 0].copy(), both[:, 1].copy())


@dataclass(slots=True)
class ByteRanges:
    """What of a file is kept. `keep` and `add` first, then `place`, then `write`."""

    stores: Stores
    _starts: list[Places] = field(default_factory=list)
    _ends: list[Places] = field(default_factory=list)
    _pieces: list[bytes] = field(default_factory=list)
    _added: int = 0
    _settled: tuple[Places, Places, Places] | None = None

    def keep(self, starts: Any, sizes: Any) -> None:
        """Keep ranges of the file; a range of no bytes is none."""
        begin, length = as_places(starts), as_places(sizes)
        some = length > 0
        begin, end = begin[some], (begin + length)[some]
        if not len(begin):
            return
        opens, closes = self.stores
        at = np.searchsorted(opens, begin, side="right") - 1
        if not len(opens) or (at < 0).any() or (end > closes[at]).any() or (end < begin).any():
            raise CannotClean("truncated: content lies outside the file or where none belongs")
        self._starts.append(begin)
        self._ends.append(end)

    def add(self, piece: bytes) -> int:
        """Add a piece of new bytes; its place, once settled, is `pieces_at` and this number."""
        at = self._added
        self._pieces.append(piece)
        self._added += len(piece)
        return at

    def settle(self) -> tuple[Places, Places, Places]:
        """Return the starts and ends of the kept ranges, merged, and where each comes to lie."""
        if self._settled is None:
            if not self._starts:
                empty = np.zeros(0, np.int64)
                self._settled = empty, empty, empty
            else:
                starts, ends = np.concatenate(self._starts), np.concatenate(self._ends)
                order = np.argsort(starts, kind="stable")
                starts, ends = starts[order], np.maximum.accumulate(ends[order])
                fresh = np.concatenate(([True], starts[1:] > ends[:-1]))
                last = np.concatenate((fresh[1:], [True]))
                starts, ends = starts[fresh], ends[last]
                new = np.concatenate(([0], np.cumsum(ends - starts)[:-1]))
                self._settled = starts, ends, new
        return self._settled

    def place(self, old: Any) -> Places:
        """Return where bytes that lay at `old` come to lie, counted from the first byte written; nought for what is not kept."""
        starts, ends, new = self.settle()
        places = as_places(old)
        if not len(starts):
            return np.zeros_like(places)
        at = np.maximum(np.searchsorted(starts, places, side="right") - 1, 0)
        within = (places >= starts[at]) & (places < ends[at])
        return np.where(within, places - starts[at] + new[at], 0)

    @property
    def pieces_at(self) -> int:
        """Where the added pieces start."""
        starts, ends, _ = self.settle()
        return int((ends - starts).sum())

    @property
    def size(self) -> int:
        """How many bytes `write` writes."""
        return self.pieces_at + self._added

    def write(self, source: BinaryIO, target: BinaryIO) -> None:
        """Write what is kept, then what was added."""
        starts, ends, _ = self.settle()
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            copy(source, target, start, end - start)
        target.writelines(self._pieces)
