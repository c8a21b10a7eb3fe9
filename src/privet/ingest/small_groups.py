"""Rows in groups that are too small: told for each table by itself, whatever the number of its rows.

Invariants:

- Rows are judged in files that have all quasi-identifiers, those rows too that lack one; a list of postcodes is no table of people.
- A group is too small where it has too few rows, or too few different values of one of the sensitive columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from privet.ingest.marks import load, pieces
from privet.ingest.same_keys import KEY_BITS, Piece, SameKeys
from privet.ingest.stored import Stored
from privet.policy import ScrubPolicy

_ROWS_AT_ONCE: Final = 1 << 14
_GROUP, _ROW, _VALUES = 0, 1, 2
"""Columns of what is noted of each row."""
Flags = NDArray[np.bool_]
U64 = NDArray[np.uint64]


def rows(
    parts: Sequence[tuple[Path, str]],
    starts: Sequence[int],
    stays: Callable[[int, int], Flags],
    scrub: ScrubPolicy,
    folder: Path | None,
) -> Iterator[U64]:
    """Yield the numbers of rows in groups that are too small; `stays` tells which of the rows from one to another are there still."""
    files = {_file(path) for path, _ in parts if load(path, "has_all")["has_all"].any()}
    for table in dict.fromkeys(table for _, table in parts):
        with Stored(folder, np.uint64, (_VALUES + len(scrub.sensitive),)) as people:
            for start, (path, of) in zip(starts, parts, strict=False):
                if of == table and _file(path) in files:
                    _collect(path, start, stays, people)
            with SameKeys(folder, people.rows, people.rows) as same:
                for start in range(0, people.rows, _ROWS_AT_ONCE):
                    groups = people.read(start, start + _ROWS_AT_ONCE)[:, _GROUP]
                    numbers = np.arange(start, start + len(groups), dtype=np.uint64)
                    same.add(groups >> np.uint64(64 - KEY_BITS), numbers)
                for bunch in same.bunches():
                    yield from _of_bunch(bunch, people, scrub)


def _file(part: Path) -> str:
    """Return what the parts of one file have in common: their names up to the number of the unit."""
    return part.name.partition(".")[0]


def _collect(path: Path, start: int, stays: Callable[[int, int], Flags], people: Stored) -> None:
    at = start
    columns: list[Iterator[NDArray[Any]]] = [pieces(path, "groups", _ROWS_AT_ONCE)]
    if people.width[0] > _VALUES:
        columns.append(pieces(path, "values", _ROWS_AT_ONCE))
    for groups, *values in zip(*columns, strict=True):
        told = np.flatnonzero(stays(at, at + len(groups)) & (groups != 0))
        numbers = (told + at).astype(np.uint64)
        people.append(np.column_stack([groups[told], numbers, *(held[told] for held in values)]))
        at += len(groups)


def _of_bunch(bunch: Iterable[Piece], people: Stored, scrub: ScrubPolicy) -> Iterator[U64]:
    if isinstance(bunch, list):
        for _, numbers in bunch:
            found = people.take(numbers)
            yield found[_is_small(found, scrub), _ROW]
        return
    low = _low_groups((people.take(numbers) for _, numbers in bunch), scrub)
    for _, numbers in bunch if low else ():
        found = people.take(numbers)
        yield found[np.isin(found[:, _GROUP], low), _ROW]


def _is_small(found: U64, scrub: ScrubPolicy) -> Flags:
    """Tell for each row whether its group is too small; all rows of the groups are here."""
    _, member, counts = np.unique(found[:, _GROUP], return_inverse=True, return_counts=True)
    low = counts < scrub.min_group_rows
    for column in found.T[_VALUES:]:
        different = np.unique(np.stack((member.astype(np.uint64), column)), axis=1)
        low |= np.bincount(different[0].astype(np.int64), minlength=len(counts)) < scrub.min_sensitive_values
    small: Any = low[member]
    return np.asarray(small, bool)


def _low_groups(some: Iterable[U64], scrub: ScrubPolicy) -> list[int]:
    """Return the groups that are too small, of a few groups whose rows come piece by piece."""
    counts = Counter[int]()
    different: dict[int, list[set[int]]] = {}
    for found in some:
        for group in np.unique(found[:, _GROUP]).tolist():
            its = found[found[:, _GROUP] == group]
            counts[group] += len(its)
            seen = different.setdefault(group, [set() for _ in its.T[_VALUES:]])
            for known, column in zip(seen, its.T[_VALUES:], strict=True):
                if len(known) < scrub.min_sensitive_values:
                    known.update(np.unique(column)[: scrub.min_sensitive_values].tolist())
    return [
        group
        for group, count in counts.items()
        if count < scrub.min_group_rows or any(len(known) < scrub.min_sensitive_values for known in different[group])
    ]
