"""What a format of records is given and what it gives: units, cleaned parts, and one file made of them.

Invariants:

- A unit is cleaned without a look at the others, so two processes can clean two units, and a killed run repeats only the units it lacks.
- The same source gives the same file, however it was cut into units.
- A format looks for no identifiers: `Records` says what a value becomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from operator import is_
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from privet.metadata.job import CannotClean, Limits

Kept: TypeAlias = NDArray[np.bool_] | None
"""one flag for each row of a part, in its order; None: every row is kept"""


class Missing(Enum):
    """The type of `MISSING`."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
"""A row without this column: JSON lines whose keys differ, short rows of a table."""


class Unit(NamedTuple):
    """A piece of a file that is cleaned on its own; what is counted is the format's own business: bytes, rows, row groups."""

    start: int
    stop: int


class Records(Protocol):
    """Cleans columns of values, and notes the rows as they are written."""

    limits: Limits
    seen: set[str]
    """which of the columns that the policy names there were, once they were given"""

    def clean(self, batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Return the cleaned columns, of the same length and in the same order.

        An unchanged value is the very same object, MISSING stays. Columns that the policy does not declare are left out; a column's
        name may change. Values are str, int, float, bool, None, bytes, Decimal, date, datetime, time, timedelta, list and dict.
        """
        ...

    def add(self, batch: dict[str, list[Any]], identities: Sequence[bytes] | None = None) -> None:
        """Note the cleaned rows in the order in which they are written to the part.

        `identities` holds, for each row, the bytes that make two rows equal; None: the values do.
        """
        ...


class RecordFile(Protocol):
    """What the module of each format offers."""

    def units(self, source: Path, unit_bytes: int) -> list[Unit]:
        """Return the units of a file, at least one, in order. It never holds the file in memory."""
        ...

    def clean_unit(self, source: Path, unit: Unit, records: Records, part: BinaryIO) -> None:
        """Write the cleaned rows of a unit to `part`, in a layout of the format's own."""
        ...

    def assemble(self, source: Path, parts: Sequence[BinaryIO], kept: Sequence[Kept], target: BinaryIO) -> None:
        """Join the parts of all units to the cleaned file, without the rows whose flag is False."""
        ...


def new_names(records: Records, columns: Sequence[str]) -> dict[str, str]:
    """Return the new name of each column that is kept, in order.

    The columns are cleaned without a row: where some are left out, one by one, to see which.
    """
    names = list(records.clean({name: [] for name in columns}))
    kept = columns if len(names) == len(columns) else [name for name in columns if records.clean({name: []})]
    if len(kept) != len(names):
        raise CannotClean("columns cannot be told apart")
    return dict(zip(kept, names, strict=True))


def is_changed(new: Sequence[object], old: Sequence[object]) -> list[int]:
    """Return where two columns differ: the places at which the objects are not the same."""
    if len(new) != len(old):
        raise CannotClean("a cleaned column is not as long as it was")
    if new is old or all(map(is_, new, old)):
        return []
    return [at for at, (left, right) in enumerate(zip(new, old, strict=True)) if left is not right]


def distinct(names: Sequence[str]) -> list[str]:
    """Return names of which no two are equal, so that they can be keys.

    >>> distinct(["a", "b", "a"])
    ['a', 'b', 'a_2']
    """
    taken = set(names)
    seen: set[str] = set()
    out: list[str] = []
    for name in names:
        free, number = name, 2
        while free in seen or (free != name and free in taken):
            free, number = f"{name}_{number}", number + 1
        seen.add(free)
        out.append(free)
    return out
