"""Guards that are gone → whether what they did is done in another way: by another of its kind, by one call for many, for nobody any more.

Invariant: one new guard makes good for one that is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from privet.check.code_ratchet import SCRUB
from privet.check.columns import Columns
from privet.check.facts import Unit, UnitKind
from privet.check.scanners import OF_SOME

_KEEPS_OUT: Final = " keeps out "
"""What stands in the name of a guard between an ignore file and its pattern."""


class Guards:
    """The guards of both sides."""

    def __init__(
        self,
        base: Sequence[Unit],
        head: Sequence[Unit],
        pairs: Mapping[int, int],
        fallen: Collection[tuple[str, str]],
        judged: Collection[int],
    ) -> None:
        """Take what is compared, which guards have fallen asleep, and which are judged by what they protect."""
        self._base = base
        self._head = head
        self._fallen = fallen
        self._judged = judged
        self._columns = Columns(base, head)
        self._new = Counter(_guard_of(head[number]) for number in range(len(head)) if number not in pairs)
        self._known = {(unit.guard, unit.name) for unit in base if unit.kind is UnitKind.GUARD}

    def is_kept(self, number: int, is_kept_in_code: Callable[[Unit], bool]) -> bool:
        """Tell whether the loss of a guard that is gone is none, or is told elsewhere."""
        unit = self._base[number]
        is_kept = _went_along(unit, self._base, self._head) or (
            unit.guard == SCRUB
            and (unit.guard, unit.name) not in self._fallen
            and (is_kept_in_code(unit) or self._columns.is_left_out(unit))
        )
        kind = _guard_of(unit) if self._new[_guard_of(unit)] else unit.guard
        is_renamed = not is_kept and bool(self._new[kind] or _is_covered(unit, self._head, self._known))
        # One that is judged by what it protects takes a new one of its kind along, if there is one.
        self._new[kind] -= self._new[kind] > 0 if number in self._judged else is_renamed
        return is_kept or is_renamed or number in self._judged


def _guard_of(unit: Unit) -> str:
    """Return what kind of guard a unit is: one of some files only is no substitute for one of all."""
    return unit.guard + OF_SOME if unit.name.endswith(OF_SOME) else unit.guard


def _went_along(guard: Unit, base: Sequence[Unit], head: Sequence[Unit]) -> bool:
    """Tell whether what a guard protected by name is gone as well."""
    protected = {name for unit in base for name in unit.provides}.intersection(guard.parents)
    return bool(protected) and protected.isdisjoint(name for unit in head for name in unit.provides)


def _is_covered(unit: Unit, head: Sequence[Unit], known: Collection[tuple[str, str]]) -> bool:
    """Tell whether a column that is no longer dropped by name is dropped by a call that names others, or keeps only some."""
    callee, _, column = unit.name.partition(" ")
    whole = {callee, "select_columns"} if column else set()
    file, keeps, bare = unit.name.partition(_KEEPS_OUT)
    if keeps and any(
        other.guard == unit.guard
        and other.path == unit.path
        and fnmatchcase(bare, other.name.removeprefix(file + keeps))
        for other in head
    ):
        return True
    if unit.guard == SCRUB:  # where each column had its own call, one call in a loop does it now
        whole |= {name for name in _beginnings(unit.name) if (unit.guard, name) not in known}
    return any(other.guard == unit.guard and other.path == unit.path and other.name in whole for other in head)


def _beginnings(name: str) -> Iterator[str]:
    words = name.split(" ")
    return (" ".join(words[:count]) for count in range(1, len(words)))
