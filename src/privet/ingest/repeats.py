"""Which rows stay: duplicates, near duplicates and rows in groups that are too small are told by their marks.

Invariants:

- Of rows that are the same the first stays, in the order of the files' names and of the rows in them; so it does of near duplicates,
  where a row near to one that is near to a third belongs with both.
- Near duplicates are found among rows that share a band of their signatures, and counted only where the whole signatures agree enough.
- Groups are counted last, over the rows that stay, for each folder by itself: its files are one table.
- Memory is bounded whatever the number of rows: keys are sorted by stretches of their range, signatures lie on disk.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from privet.ingest.marks import DIGEST_BYTES, load
from privet.ingest.signatures import BAND_BYTES, BANDS, SIGNATURE_BYTES, shared
from privet.policy import ScrubPolicy

_ROWS_AT_ONCE: Final = 250_000
_PAIRS_AT_ONCE: Final = 100_000
Flags = NDArray[np.bool_]


class Kept(NamedTuple):
    """Which rows of a part stay (None: all), and why the others go."""

    rows: Flags | None
    duplicates: int = 0
    near_duplicates: int = 0
    suppressed: int = 0


def kept_rows(parts: Sequence[tuple[Path, str]], scrub: ScrubPolicy, folder: Path) -> list[Kept]:
    """Return which rows of each part stay. `parts` are saved marks and the table they belong to; `folder` takes work files."""
    lengths = [len(load(path, "digests")["digests"]) for path, _ in parts]
    starts = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    total = int(starts[-1])
    double = np.zeros(total, bool)
    near = np.zeros(total, bool)
    small = np.zeros(total, bool)
    if scrub.duplicates == "drop" and total:
        with _stored(folder / "digests", (total, DIGEST_BYTES)) as digests:
            for start, (path, _) in zip(starts, parts, strict=False):
                rows = load(path, "digests")["digests"]
                digests.array[start : start + len(rows)] = rows
                digests.let_go()
            _mark_repeats(digests.array, double)
    if scrub.near_duplicates == "drop" and total:
        with _stored(folder / "bands", (BANDS, total, BAND_BYTES)) as bands:
            for start, (path, _) in zip(starts, parts, strict=False):
                rows = load(path, "signatures")["signatures"]
                bands.array[:, start : start + len(rows)] = rows.reshape(-1, BANDS, BAND_BYTES).swapaxes(0, 1)
                bands.let_go()
            _mark_near(bands, ~double, scrub.near_similarity, near)
    if scrub.quasi_identifiers and total:
        _mark_small(parts, starts, ~(double | near), scrub, small)
    out = []
    for start, end in pairwise(starts):
        part = slice(int(start), int(end))
        gone = double[part] | near[part] | small[part]
        counts = (int(flags[part].sum()) for flags in (double, near, small))
        out.append(Kept(~gone if gone.any() else None, *counts))
    return out


class _stored:  # noqa: N801 (a context manager that is used like a function)
    """An array on disk, which is gone at the end. `let_go` takes what was read or written of it out of this process's memory."""

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self._path = path
        self._shape = shape

    def __enter__(self) -> Self:
        with self._path.open("w+b") as file:
            file.truncate(prod(self._shape))
            self._pages = mmap.mmap(file.fileno(), prod(self._shape))
        self.array: NDArray[np.uint8] = np.frombuffer(self._pages, np.uint8).reshape(self._shape)
        return self

    def let_go(self) -> None:
        self._pages.madvise(mmap.MADV_DONTNEED)

    def __exit__(self, *_error: object) -> None:
        self._path.unlink(missing_ok=True)


def _stretches(keys: NDArray[np.uint8]) -> Iterator[NDArray[np.int64]]:
    """Yield the places of all keys, (rows, bytes), those that begin alike at a time: equal keys come together."""
    bits = (len(keys) // _ROWS_AT_ONCE).bit_length()
    if not bits:
        yield np.arange(len(keys))
        return
    tops = (keys[:, 0].astype(np.uint16) << 8 | keys[:, 1]) >> (16 - bits)
    for top in range(1 << bits):
        yield np.flatnonzero(tops == top)


def _mark_repeats(digests: NDArray[np.uint8], double: Flags) -> None:
    for places in _stretches(digests):
        one, two = digests[places].view(np.uint64).T
        order = np.lexsort((two, one))
        ranked, one, two = places[order], one[order], two[order]
        # Rows of data and no text have no digest.
        same = (one[1:] == one[:-1]) & (two[1:] == two[:-1]) & ((one[1:] | two[1:]) != 0)
        # lexsort is stable and `places` rise, so the first of equal rows is the first of the data.
        double[ranked[1:][same]] = True


def _mark_near(stored: _stored, stays: Flags, similarity: float, near: Flags) -> None:
    bands = stored.array
    total = bands.shape[1]
    pairs = np.zeros(0, np.int64)
    # One standard error of the estimate: of pairs just at the threshold five in six are found, not one in two.
    least = similarity - (similarity * (1 - similarity) / SIGNATURE_BYTES) ** 0.5
    usable = stays & _has_words(stored)
    if usable.sum() <= 1:
        return
    for band in range(BANDS):
        found = [pairs]
        for left, right in _candidates(bands[band], usable):
            for at in range(0, len(left), _PAIRS_AT_ONCE):
                one, two = left[at : at + _PAIRS_AT_ONCE], right[at : at + _PAIRS_AT_ONCE]
                equal = np.zeros(len(one), np.int64)
                for other in range(BANDS):
                    equal += (bands[other, one] == bands[other, two]).sum(axis=1)
                    stored.let_go()
                alike = shared(equal) >= least
                found.append(one[alike] * total + two[alike])
        stored.let_go()
        if len(found) > 1:
            pairs = np.unique(np.concatenate(found))
    if not pairs.size:
        return
    # Here, as it takes longer to load than all of this takes where nothing is alike.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    left, right = np.divmod(pairs, total)
    graph = coo_array((np.ones(len(pairs), np.int8), (left, right)), shape=(total, total))
    _, labels = connected_components(graph, directed=False)
    members = np.union1d(left, right)
    _, firsts = np.unique(labels[members], return_index=True)
    near[members] = True
    near[members[firsts]] = False


def _has_words(stored: _stored) -> Flags:
    out = np.zeros(stored.array.shape[1], bool)
    for band in stored.array:
        out |= band.any(axis=1)
        stored.let_go()
    return out


def _candidates(band: NDArray[np.uint8], usable: Flags) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield pairs of rows that share a band: each with the first and with the one before it among those that do."""
    for places in _stretches(band):
        rows = places[usable[places]]
        wide = np.zeros((len(rows), 8), np.uint8)
        wide[:, :BAND_BYTES] = band[rows]
        keys = wide.view(np.uint64).reshape(-1)
        order = np.argsort(keys, kind="stable")
        ranked, sorted_keys = rows[order], keys[order]
        same = np.flatnonzero(sorted_keys[1:] == sorted_keys[:-1]) + 1
        if not len(same):
            continue
        begins = np.flatnonzero(np.concatenate(([True], sorted_keys[1:] != sorted_keys[:-1])))
        first = begins[np.searchsorted(begins, same, side="right") - 1]
        yield ranked[first], ranked[same]
        later = same[first < same - 1]
        yield ranked[later - 1], ranked[later]


def _mark_small(
    parts: Sequence[tuple[Path, str]], starts: NDArray[np.int64], stays: Flags, scrub: ScrubPolicy, small: Flags
) -> None:
    # Rows are judged in files that have all quasi-identifiers, those rows too that lack one; a list of postcodes is no table of people.
    files = {_file(path) for path, _ in parts if load(path, "has_all")["has_all"].any()}
    for table in dict.fromkeys(table for _, table in parts):
        at: list[NDArray[np.int64]] = []
        groups: list[NDArray[np.uint64]] = []
        values: list[NDArray[np.uint64]] = []
        for start, (path, of) in zip(starts, parts, strict=False):
            if of == table and _file(path) in files:
                held = load(path, "groups", "values")
                rows = np.flatnonzero(stays[start : start + len(held["groups"])] & (held["groups"] != 0))
                at.append(rows + start)
                groups.append(held["groups"][rows])
                values.append(held["values"][rows])
        if at:
            low = _is_small(np.concatenate(groups), np.concatenate(values), scrub)
            small[np.concatenate(at)[low]] = True


def _file(part: Path) -> str:
    """Return what the parts of one file have in common: their names up to the number of the unit."""
    return part.name.partition(".")[0]


def _is_small(groups: NDArray[np.uint64], values: NDArray[np.uint64], scrub: ScrubPolicy) -> Flags:
    """Tell for each row whether its group has too few rows, or too few values of a sensitive column."""
    _, member, counts = np.unique(groups, return_inverse=True, return_counts=True)
    low = counts < scrub.min_group_rows
    for column in values.T:
        different = np.unique(np.stack((member.astype(np.uint64), column)), axis=1)
        low |= np.bincount(different[0].astype(np.int64), minlength=len(counts)) < scrub.min_sensitive_values
    found: Any = low[member]
    return np.asarray(found, bool)
