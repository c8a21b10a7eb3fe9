"""Columns that were dropped by name, on the side where only some are taken by theirs.

Invariant: only a function whose columns are other ones than before, or are named now, says that a column is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from privet.check.facts import Unit, UnitKind

TAKEN: Final = "code:python-columns"
COLUMN: Final = "code:python-column"
_DROPS: Final = frozenset(("drop", "drop_columns", "remove_columns"))
_Key = tuple[str, str]


class Columns:
    """What functions of both sides take by name."""

    def __init__(self, base: Sequence[Unit], head: Sequence[Unit]) -> None:
        before, after = _taken(base), _taken(head)
        self._new: dict[str, list[frozenset[str]]] = {}
        for key, columns in after.items():
            if columns and before.get(key) != columns:
                self._new.setdefault(key[0], []).append(columns)

    def is_left_out(self, guard: Unit) -> bool:
        """Tell whether a column that is no longer dropped is not among those that its module takes now."""
        callee, _, column = guard.name.partition(" ")
        lists = self._new.get(guard.path, [])
        return callee in _DROPS and bool(column) and bool(lists) and all(column not in columns for columns in lists)


def _taken(units: Sequence[Unit]) -> Mapping[_Key, frozenset[str]]:
    return {
        (unit.path, unit.name): frozenset(fact.value or "" for fact in unit.facts if fact.name == COLUMN)
        for unit in units
        if unit.kind is UnitKind.DEFAULT and any(fact.name == TAKEN and fact.value == "named" for fact in unit.facts)
    }
