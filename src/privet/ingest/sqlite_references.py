"""Which columns of a database refer to which others, and what became of the values they refer to.

Invariants:

- A value that refers to a row still does: it becomes what became of the value that it refers to, a surrogate number included.
- A reference is followed only where the database declares it (FOREIGN KEY) to one column that has an index of its own; where the policy
  says something of the referring column, the policy holds.
- What refers to nothing is cleaned like any other value.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from privet.ingest.sqlite_schema import Table, quoted


class Reference(NamedTuple):
    """A column, and the table and column that it refers to."""

    column: str
    table: str
    target: str


def references_of(database: sqlite3.Connection, tables: Sequence[Table]) -> dict[str, list[Reference]]:
    """Return the references of each table that are followed."""
    by_name = {table.name.lower(): table for table in tables if table.kind == "table"}
    found: dict[str, list[Reference]] = {}
    for table in by_name.values():
        own = {column.name.lower(): column.name for column in table.columns}
        keys: dict[int, list[tuple[str, str, str | None]]] = {}
        for key, *pair in database.execute(
            'SELECT id, "from", "table", "to" FROM pragma_foreign_key_list(?)', (table.name,)
        ):
            keys.setdefault(key, []).append((pair[0], pair[1], pair[2]))
        for pairs in keys.values():
            source, parent, target = pairs[0]
            other = by_name.get(parent.lower())
            if len(pairs) == 1 and other is not None and source.lower() in own:
                name = _key_of(database, other, target)
                found.setdefault(table.name, []).extend(
                    [Reference(own[source.lower()], other.name, name)] if name else []
                )
    return found


def _key_of(database: sqlite3.Connection, table: Table, name: str | None) -> str | None:
    """Return the column that a reference means, or None where it means none that can be looked up: no name is the primary key."""
    rows = database.execute("SELECT name, pk FROM pragma_table_xinfo(?)", (table.name,)).fetchall()
    primary = [column for column, key in rows if key]
    unique = primary if len(primary) == 1 else []
    for index in database.execute(
        'SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial', (table.name,)
    ).fetchall():
        columns = [row[0] for row in database.execute("SELECT name FROM pragma_index_info(?)", index)]
        unique = [*unique, *(columns if len(columns) == 1 and columns[0] is not None else [])]
    wanted = (primary[0] if len(primary) == 1 else "") if name is None else name
    known = {column.name for column in table.columns}
    return next((column for column in unique if column.lower() == wanted.lower() and column in known), None)


def in_order(tables: Sequence[Table], references: dict[str, list[Reference]]) -> list[Table]:
    """Return tables so that what is referred to comes first, as far as they do not refer to each other in a circle."""
    left = dict.fromkeys(table.name for table in tables)
    by_name = {table.name: table for table in tables}
    out: list[Table] = []
    while left:
        free = [name for name in left if not any(r.table in left and r.table != name for r in references.get(name, ()))]
        # In a circle the first one goes first.
        for name in free or [next(iter(left))]:
            del left[name]
            out.append(by_name[name])
    return out


@dataclass(slots=True)
class Keys:
    """What became of the values that others refer to. `filled` are the tables that have their rows."""

    old: sqlite3.Connection
    references: dict[str, list[Reference]]
    filled: list[str] = field(default_factory=list)
    _became: dict[tuple[str, str], dict[Any, Any]] = field(default_factory=dict, repr=False)

    def watched(self, table: Table) -> list[str]:
        """Return the columns of a table whose values may be asked for: those that others refer to, and the rows' numbers."""
        listed = [one.target for each in self.references.values() for one in each if one.table == table.name]
        return list(dict.fromkeys([*listed, *([table.number_column] if table.number_column else [])]))

    def note(self, table: str, column: str, before: Any, after: Any) -> None:
        """Note what a value has become."""
        if before != after or type(before) is not type(after):
            self._became.setdefault((table, column), {}).setdefault(before, after)

    def became(self, table: str, column: str, value: Any) -> Any:
        """Return what a value of a watched column is now."""
        return self._became.get((table, column), {}).get(value, value)

    def early(self, table: str) -> list[Reference]:
        """Return the references to tables that are filled already."""
        return [one for one in self.references.get(table, ()) if one.table in self.filled]

    def late(self, table: str) -> list[Reference]:
        """Return the references to tables that were filled after this one, and to itself."""
        done = self.filled[: self.filled.index(table)]
        return [one for one in self.references.get(table, ()) if one.table not in done]

    def followed(self, reference: Reference, values: Sequence[Any], cleaned: Sequence[Any]) -> list[Any]:
        """Return what became of the values that a column refers to; where they refer to nothing, the cleaned ones."""
        known = self._became.get((reference.table, reference.target), {})
        target = quoted(reference.target)
        find = f"SELECT {target} FROM main.{quoted(reference.table)} WHERE {target} = ?"  # noqa: S608 - names are quoted
        out = []
        for value, new in zip(values, cleaned, strict=True):
            row = None if value is None else self.old.execute(find, (value,)).fetchone()
            out.append(new if row is None else known.get(row[0], value))
        return out
