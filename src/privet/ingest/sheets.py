"""Sheets of workbooks as tables: which row holds the names of the columns, and the rows cleaned as those of any other table.

Invariants:

- What a column becomes is said by `Columns`, so a sheet and the same table saved as CSV come out with the same values.
- A sheet that is no table is cleaned as text. Where the policy lists columns every sheet is a table: what has no name in the list goes.
- A heading that is not plainly a name of a column is looked at for people too: what looks like a heading may be a row of a list.
- Groups are counted for each sheet by itself: a row that is alone among fewer rows is not less alone, so none stays that should go.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from statistics import median_low
from typing import Any, Final, NamedTuple

import numpy as np

from privet.detect.field_words import ORDINARY
from privet.detect.fields import hints_of_field, kind_of_field
from privet.ingest.columns import Columns, declared_columns
from privet.ingest.dialect import is_header
from privet.ingest.marks import Marks
from privet.ingest.record_file import distinct
from privet.ingest.repeats import kept_rows
from privet.ingest.texts import Texts
from privet.policy import EVERYTHING, Policy

_MAX_ROWS_ABOVE: Final = 10
_MAX_FORM_WIDTH: Final = 3
_LABELS: Final = 2
"""How many cells of the first column that are names of fields make a sheet a form: one record, written downwards."""
_MAX_LONE_WORDS: Final = 3
_MAX_LABEL_WORDS: Final = 5
_NUMBERED: Final = re.compile(r"column_\d+")


class Given(NamedTuple):
    """What tables of sheets are cleaned with."""

    policy: Policy
    texts: Texts
    columns: Callable[[], Columns]
    stored: Callable[[bytes], AbstractContextManager[Path]]
    """gives bytes a path"""


class SheetTable:
    """Cleans the rows of one sheet. Implements `job.Table`."""

    def __init__(self, given: Given, columns: Columns, first: Sequence[Sequence[str]], header: int) -> None:
        policy = given.policy
        self._policy = policy
        self._stored = given.stored
        self._columns = columns
        self.header = header
        self.keeps_rest = EVERYTHING in policy.scrub.columns
        row = list(first[header]) if header >= 0 else []
        self._names = distinct([_spaced(cell) or f"column_{at + 1}" for at, cell in enumerate(row)])
        self._shown = [self._heading(given.texts, name, old) for name, old in zip(self._names, row, strict=True)]
        # Without a row: what the policy names was seen, what is dropped is said, though no row may hold it.
        columns.clean({name: [] for name in self._names})
        grouping = policy.scrub.quasi_identifiers
        self.may_lose_rows = bool(grouping) and grouping <= set(self._names)
        # Neither copies nor near copies go: other rows and sheets refer to a row by its number.
        self._marks = Marks(policy.scrub, keeps_all=True)

    def _heading(self, texts: Texts, name: str, old: str) -> str | None:
        new = self._columns.kept_name(name)
        if new is None:
            return None
        if new != name:
            return new
        return old if not old or _is_plain(old) or kind_of_field(name) else texts.people([old], "column names")[0]

    def _name(self, at: int) -> str:
        if at >= len(self._names):
            more = [f"column_{number + 1}" for number in range(len(self._names), at + 1)]
            self._names = distinct([*self._names, *more])
        return self._names[at]

    def heading(self, at: int) -> str | None:
        """Return what a heading says now. See `job.Table`."""
        if at < len(self._shown):
            return self._shown[at]
        return None if self._columns.kept_name(self._name(at)) is None else ""

    def is_replaced(self, at: int) -> bool:
        """Tell whether a column's values go. See `job.Table`."""
        name = self._name(at)
        scrub = self._policy.scrub
        if self._columns.kept_name(name) is None or any(item.column == name for item in scrub.transform):
            return True
        if name in scrub.quasi_identifiers | scrub.sensitive:
            return False
        kind = kind_of_field(name)
        return not (hints_of_field(name) - {ORDINARY} if kind is None else {kind}).isdisjoint(self._policy.detect.kinds)

    def clean(self, columns: dict[int, list[str]]) -> dict[int, list[str]]:
        """Return the columns that are kept, cleaned, and note the rows. See `job.Table`."""
        rows = len(next(iter(columns.values()), ()))
        batch: dict[str, list[Any]] = {self._name(at): values for at, values in columns.items()}
        kept = [at for at in columns if self._columns.kept_name(self._name(at)) is not None]
        new = list(self._columns.clean(batch).items())
        if self.may_lose_rows:
            noted = dict(new)
            for name in self._policy.scrub.quasi_identifiers | self._policy.scrub.sensitive:
                noted.setdefault(name, [""] * rows)
            self._marks.add(noted, None)
        return {
            at: ["" if value is None else str(value) for value in values]
            for at, (_, values) in zip(kept, new, strict=True)
        }

    def kept(self) -> Sequence[bool] | None:
        """Return which of the rows stay. See `job.Table`."""
        if not self.may_lose_rows or not self._marks.rows:
            return None
        saved = io.BytesIO()
        self._marks.save(saved)
        scrub = replace(self._policy.scrub, duplicates="keep", near_duplicates="keep")
        with self._stored(saved.getvalue()) as path:
            (found,) = kept_rows([(path, "")], scrub, None)
        return None if found.packed is None else np.asarray(found.rows).tolist()


def tables(given: Given) -> Callable[[Sequence[Sequence[str]]], SheetTable | None]:
    """Return what tells tables from other sheets, and cleans them. See `job.Tables`."""
    declared = declared_columns(given.policy)
    needs_all = EVERYTHING not in given.policy.scrub.columns or any(map(_NUMBERED.fullmatch, declared))

    def table(first: Sequence[Sequence[str]]) -> SheetTable | None:
        header = header_of(first, declared)
        return SheetTable(given, given.columns(), first, header) if header >= 0 or needs_all else None

    return table


def fields(columns: Callable[[], Columns]) -> Callable[[Sequence[tuple[str, str]]], list[str]]:
    """Return what cleans values by what stands before them, as it cleans columns by their names. See `job.Fields`."""

    def cleaned(pairs: Sequence[tuple[str, str]]) -> list[str]:
        out = [value for _, value in pairs]
        at: dict[str, list[int]] = {}
        names = {label: _spaced(label).rstrip(" :") for label, _ in pairs}
        known = {
            label: name
            for label, name in names.items()
            if len(name.split()) <= _MAX_LABEL_WORDS and _names_a_field(name)
        }
        for index, (label, _) in enumerate(pairs):
            if label in known:
                at.setdefault(known[label], []).append(index)
        for name, places in at.items():
            new = next(iter(columns().clean({name: [out[index] for index in places]}).values()), [None] * len(places))
            for index, value in zip(places, new, strict=True):
                out[index] = "" if value is None else str(value)
        return out

    return cleaned


def header_of(rows: Sequence[Sequence[str]], declared: frozenset[str] = frozenset()) -> int:
    """Return which of the first rows of a sheet holds the names of its columns, or -1 where none does.

    Titles above the table are narrower than it. A form, whose first column holds the names, is no table.

    >>> header_of([["Clients of 2024"], ["name", "phone"], ["Ada", "5550100"], ["Bob", "5550101"]])
    1
    >>> header_of([["Name", "Ada Lovelace"], ["Phone", "5550100"], ["E-Mail", "ada@example.com"]])
    -1
    """
    first = rows[: _MAX_ROWS_ABOVE + 1]
    known = [len(declared.intersection(_names(row).values())) for row in first]
    if any(known):
        return max(range(len(first)), key=lambda at: (known[at], len(_names(first[at])), -at))
    widths = [len(_names(row)) for row in rows]
    usual = median_low(widths) if widths else 0
    at = next((at for at, width in enumerate(widths[: len(first)]) if _is_wide(width, usual)), -1)
    if (
        at < 0
        or at + 1 == len(rows)
        or _is_form(rows[at:])
        or (usual == 1 and not any(map(_is_lone_name, _names(rows[at]).values())))
    ):
        return -1
    if (
        at + 2 < len(rows)
        and _fields_in(rows[at + 1]) >= max(2, _fields_in(rows[at]) + 1)
        and _is_header_at(rows, at + 1)
    ):
        # Names of groups of columns stand above those of the columns.
        return at + 1
    return at if _is_header_at(rows, at) else -1


def _names(row: Sequence[str]) -> dict[int, str]:
    return {place: _spaced(cell) for place, cell in enumerate(row) if cell.strip()}


def _is_wide(width: int, usual: int) -> bool:
    """Tell whether a row is no title: it has cells for two columns in three."""
    return width * 3 >= usual * 2 and (width > 1 or usual == 1)


def _is_lone_name(name: str) -> bool:
    return len(name.split()) <= _MAX_LONE_WORDS and (kind_of_field(name) is not None or _is_plain(name))


def _fields_in(row: Sequence[str]) -> int:
    return sum(map(_names_a_field, _names(row).values()))


def _is_header_at(rows: Sequence[Sequence[str]], at: int) -> bool:
    names = _names(rows[at])
    others = [[row[place] if place < len(row) else "" for place in names] for row in rows[at + 1 :]]
    return is_header(list(names.values()), others)


def _is_form(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether rows, from the first that could hold headings, are one record written downwards."""
    if not 1 < max(len(_names(row)) for row in rows) <= _MAX_FORM_WIDTH:
        return False
    labels = [row[0] for row in rows if row and row[0].strip()]
    named = [label.rstrip().endswith(":") or _names_a_field(_spaced(label)) for label in labels]
    return bool(labels) and named[0] and sum(named) >= _LABELS and sum(named) * 2 >= len(named)


def _names_a_field(name: str) -> bool:
    return kind_of_field(name) is not None or bool(hints_of_field(name) - {ORDINARY})


def _spaced(cell: str) -> str:
    """Return a heading as one line: Excel breaks long ones."""
    return " ".join(cell.split())


def _is_plain(cell: str) -> bool:
    """Tell whether a cell is a name of a column by itself: a word that columns are called by, or written like a name in a program."""
    return len(cell.split()) <= _MAX_LONE_WORDS and is_header([cell], [["x"]])
