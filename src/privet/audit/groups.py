"""How alike people are in a table: k-anonymity, l-diversity and t-closeness over declared quasi-identifiers.

Invariants:

- what is kept is counts under hashes of the values, never values; only the order of numbers is kept, for t-closeness.
- Figures are those of pycanon: k is the smallest class (Sweeney 2002), l the fewest distinct sensitive values of a class
  (Machanavajjhala et al. 2007), t the largest distance of a class's sensitive values from those of the whole (Li et al. 2007):
  ordered distance for numbers, equal distance for everything else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from privet.audit.record import Record
from privet.errors import BadInput


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """k, l and t of the rows that have the quasi-identifiers; l and t are None without a sensitive column."""

    rows: int
    classes: int
    k: int
    l: int | None  # noqa: E741 (its name everywhere)
    t: float | None
    below: int


class _Class:
    """One class of rows: how many, and of each sensitive column how often each value."""

    __slots__ = ("counts", "rows")

    def __init__(self, columns: int) -> None:
        self.rows = 0
        self.counts: tuple[Counter[Any], ...] = tuple(Counter() for _ in range(columns))


class Groups:
    """Counts the classes of rows, one pass."""

    def __init__(self, quasi_identifiers: Sequence[str], sensitive: Sequence[str]) -> None:
        self._names = quasi_identifiers
        self._sensitive = sensitive
        self._numeric = [True] * len(sensitive)
        self._classes: dict[bytes, _Class] = {}
        self.rows = 0
        self.without = 0

    def saw(self, record: Record) -> bool:
        """Count a row and tell whether it is one; what lacks a quasi-identifier's column is not of the table."""
        fields = record.fields
        if fields is None or not all(name in fields for name in self._names):
            self.without += 1
            return False
        self.rows += 1
        hashed = blake2b(digest_size=16)
        for name in self._names:
            value = repr(fields[name]).encode("utf-8", "surrogatepass")
            hashed.update(len(value).to_bytes(8, "big") + value)
        group = self._classes.get(hashed.digest())
        if group is None:
            group = self._classes[hashed.digest()] = _Class(len(self._sensitive))
        group.rows += 1
        for at, name in enumerate(self._sensitive):
            group.counts[at][self._value(at, fields.get(name))] += 1
        return True

    def _value(self, at: int, value: Any) -> Any:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
        self._numeric[at] = False
        return blake2b(repr(value).encode("utf-8", "surrogatepass"), digest_size=8).digest()

    def figures(self, k: int) -> GroupFigures:
        """Return the figures; `below` counts the rows in classes of fewer than k."""
        sizes = [group.rows for group in self._classes.values()]
        columns = range(len(self._sensitive))
        diversity = min((len(counts) for group in self._classes.values() for counts in group.counts), default=None)
        closeness = max(map(self._closeness, columns), default=None)
        small = sum(size for size in sizes if size < k)
        return GroupFigures(self.rows, len(sizes), min(sizes), diversity, closeness, small)

    def _closeness(self, at: int) -> float:
        whole: Counter[Any] = Counter()
        for group in self._classes.values():
            whole.update(group.counts[at])
        values = sorted(whole) if self._numeric[at] else list(whole)
        worst = 0.0
        for group in self._classes.values():
            counts = group.counts[at]
            differences = [counts[value] / group.rows - whole[value] / self.rows for value in values]
            worst = max(worst, _ordered(differences) if self._numeric[at] else sum(map(abs, differences)) / 2)
        return worst


def worst(tables: Sequence[GroupFigures]) -> GroupFigures:
    """Return the figures of several tables: of each figure the worst, of rows and classes the sum.

    Raises:
        BadInput: there is no table.

    """
    if not tables:
        raise BadInput(
            "no row of the dataset has all the columns declared as quasi-identifiers",
            hint="columns are named as at the top level of a row; check the spelling",
        )
    return GroupFigures(
        rows=sum(each.rows for each in tables),
        classes=sum(each.classes for each in tables),
        k=min(each.k for each in tables),
        l=min((each.l for each in tables if each.l is not None), default=None),
        t=max((each.t for each in tables if each.t is not None), default=None),
        below=sum(each.below for each in tables),
    )


def _ordered(differences: Sequence[float]) -> float:
    """Return the earth mover's distance over values in a row, each step worth one part of the whole way (Li et al. 2007)."""
    if len(differences) < 2:
        return 0.0
    running, total = 0.0, 0.0
    for difference in differences:
        running += difference
        total += abs(running)
    return total / (len(differences) - 1)
