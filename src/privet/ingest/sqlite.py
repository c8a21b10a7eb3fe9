"""SQLite databases: every table cleaned row by row into a new file.

Invariants:

- What is not in a row of a table does not pass: deleted rows, free pages, statistics, comments, the log beside the file.
- The source is never written, locked or run: its views, triggers and extensions do nothing here.
- Text that a constraint wants unique stays unique, and what refers to a row still does (`sqlite_references`).
- A column that cannot be taken out of its table is emptied.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from privet.ingest.record_file import Kept, Records, Unit, is_changed, new_names
from privet.ingest.sqlite_files import opened, written_to
from privet.ingest.sqlite_references import Keys, Reference, in_order, references_of
from privet.ingest.sqlite_schema import Table, declared_of, is_create, quoted, rewritten, tables_of, words_of
from privet.metadata.job import CannotClean

_BATCH_ROWS: Final = 256
_BATCH_BYTES: Final = 1 << 22
_WORD: Final = "text"
_NOTHING: Final = object()
_DENIED: Final = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA))


def units(source: Path, unit_bytes: int) -> list[Unit]:  # noqa: ARG001 - rows of a database refer to each other
    """Return the database as one unit."""
    return [Unit(0, source.stat().st_size)]


def clean_unit(source: Path, unit: Unit, records: Records, part: BinaryIO) -> None:  # noqa: ARG001 - always the whole
    """Write the cleaned database.

    Raises:
        CannotClean: encrypted or damaged.

    """
    try:
        with (
            closing(opened(source, records.limits)) as old,
            written_to(part) as path,
            closing(sqlite3.connect(path, isolation_level=None)) as new,
        ):
            _Copy(old, new, records).run()
    except (sqlite3.Error, OverflowError) as error:
        raise CannotClean("damaged: it cannot be read as a SQLite database") from error


def assemble(source: Path, parts: Sequence[BinaryIO], kept: Sequence[Kept], target: BinaryIO) -> None:  # noqa: ARG001
    """Copy the cleaned database. No row of it is left out: others may refer to it."""
    for part in parts:
        part.seek(0)
        shutil.copyfileobj(part, target, 1 << 20)


class _Copy:
    """Copies a database, cleaned, to a new one."""

    def __init__(self, old: sqlite3.Connection, new: sqlite3.Connection, records: Records) -> None:
        self._old = old
        self._new = new
        self._records = records
        self._word_column: str | None = None
        self._known: set[str] = set()
        """names of tables and columns, which get new ones at the end, so that all that refers to them follows"""
        self._given: dict[str, str] = {}
        self._keys = Keys(old, {})

    def run(self) -> None:
        """Make the tables, fill them, and make what stands on them."""
        self._prepare()
        tables = tables_of(self._old)
        every_name = dict.fromkeys([_WORD, *(column.name for table in tables for column in table.columns)])
        self._word_column = next((name for name in every_name if self._records.clean({name: []})), None)
        self._known = {name.lower() for name in (*(table.name for table in tables), *every_name)}
        self._new.execute("BEGIN")
        # Where no column is kept, no row is; nor then a table, whose name nothing could look into.
        tables = tables if self._word_column is not None else []
        made = [table for table in tables if self._make(table)]
        names = {table.name: new_names(self._records, [column.name for column in table.columns]) for table in made}
        self._keys.references = self._followed(made, names)
        made = in_order(made, self._keys.references)
        is_tidy = True
        renames: list[tuple[str, str, str]] = []
        for table in made:
            gone = self._taken_out(table, names[table.name])
            is_tidy = is_tidy and not gone
            self._fill(table, names[table.name], gone)
            renames += [(table.name, old, new) for old, new in names[table.name].items() if old != new]
        self._refer(made)
        self._declare()
        is_tidy = self._rename(renames, made) and is_tidy
        is_tidy = self._look_again() and is_tidy
        self._number(made)
        self._new.execute("COMMIT")
        if not is_tidy:
            self._new.execute("VACUUM")

    def _followed(self, tables: list[Table], names: dict[str, dict[str, str]]) -> dict[str, list[Reference]]:
        """Return the references between columns that are kept, but where the policy says what becomes of one."""
        return {
            table: [
                one
                for one in each
                if one.column in names[table]
                and one.target in names[one.table]
                and one.column not in self._records.seen
            ]
            for table, each in references_of(self._old, tables).items()
        }

    def _refer(self, tables: list[Table]) -> None:
        """Set the values that refer to tables filled later, or to their own."""
        for table in tables:
            for reference in self._keys.late(table.name):
                number = quoted(table.number_column) if table.number_column else table.row_number
                # A table without numbers that refers to itself is found by what it is referred to by.
                if not number and reference.table != table.name:
                    continue
                key = table.number_column if number else reference.target
                number = number or quoted(reference.target)
                column = quoted(reference.column)
                rows = self._old.execute(f"SELECT {number}, {column} FROM main.{quoted(table.name)}")  # noqa: S608 - names are quoted
                update = f"UPDATE {quoted(table.name)} SET {column} = ? WHERE {number} = ?"  # noqa: S608
                while batch := rows.fetchmany(_BATCH_ROWS):
                    values = [value for _, value in batch]
                    news = self._keys.followed(reference, values, [_NOTHING] * len(values))
                    for (at, _), new in zip(batch, news, strict=True):
                        if new is not _NOTHING:
                            with suppress(sqlite3.IntegrityError):
                                self._new.execute(update, (new, self._keys.became(table.name, key or "", at)))

    def _prepare(self) -> None:
        for name in ("page_size", "encoding", "user_version", "application_id"):
            value = self._old.execute(f"PRAGMA main.{name}").fetchone()[0]
            self._new.execute(f"PRAGMA {name} = {quoted(value) if isinstance(value, str) else int(value)}")
        for setting in (
            "journal_mode = MEMORY",
            "synchronous = OFF",
            "secure_delete = ON",
            "ignore_check_constraints = ON",
            "foreign_keys = OFF",
            "trusted_schema = OFF",
        ):
            self._new.execute(f"PRAGMA {setting}").fetchall()

    def _words(self, texts: list[str]) -> list[str]:
        """Return texts of the schema, cleaned; nothing of them where the policy keeps no column in which they could stand."""
        if self._word_column is None or not texts:
            return [""] * len(texts)
        cleaned = self._records.clean({self._word_column: [{_WORD: text} for text in texts]})
        values = next(iter(cleaned.values()))
        return [str(value.get(_WORD) or "") if isinstance(value, dict) else "" for value in values]

    def _quoted(self, name: str) -> str:
        """Return a quoted name without identifiers: of a constraint, a type, an index, or a text in the wrong quotes."""
        return name if name.lower() in self._known else self._name(name)

    def _name(self, name: str) -> str:
        """Return a name without identifiers, which no other has."""
        if name not in self._given and self._word_column is not None:
            cleaned = next(iter(self._records.clean({self._word_column: [{name: None}]}).values()))[0]
            new = next(iter(cleaned), name) if isinstance(cleaned, dict) else name
            number, free = 2, new
            while new != name and free.lower() in self._known:
                number, free = number + 1, f"{new}_{number}"
            self._known.add(free.lower())
            self._given[name] = free
        return self._given.get(name, name)

    def _look_again(self) -> bool:
        """Drop whatever is declared with an identifier in it all the same. Return whether there was nothing.

        Raises:
            CannotClean: it is a table.

        """
        is_tidy = True
        declared = self._new.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
        for kind, name, sql in declared:
            if all(self._name(word) == word for word in dict.fromkeys((name, *words_of(sql)))):
                continue
            if kind == "table":
                raise CannotClean("what it says of a table holds an identifier that cannot be taken out")
            self._new.execute(f"DROP {kind} IF EXISTS {quoted(name)}")
            is_tidy = False
        return is_tidy

    def _make(self, table: Table) -> bool:
        is_virtual = table.kind != "table"
        sql = rewritten(table.sql, list) if is_virtual else rewritten(table.sql, self._words, self._quoted)
        if not is_create(table.kind, sql):
            return False
        if table.kind == "table":
            # A table made from a SELECT would run what the source says.
            self._new.set_authorizer(lambda action, *_: sqlite3.SQLITE_DENY if action in _DENIED else sqlite3.SQLITE_OK)
        try:
            self._new.execute(sql)
        except sqlite3.Error:
            if table.kind == "table":
                raise
            return False
        finally:
            self._new.set_authorizer(None)
        return True

    def _taken_out(self, table: Table, names: dict[str, str]) -> set[str]:
        """Take the columns that are not kept out of a table, and return which could be."""
        gone: set[str] = set()
        if table.kind == "table" and names:
            for column in table.columns:
                if column.name not in names:
                    with suppress(sqlite3.Error):
                        self._new.execute(f"ALTER TABLE {quoted(table.name)} DROP COLUMN {quoted(column.name)}")
                        gone.add(column.name)
        return gone

    def _fill(self, table: Table, names: dict[str, str], gone: set[str]) -> None:
        if table.content is not None:
            if table.content:
                with suppress(sqlite3.Error):
                    self._new.execute(f"INSERT INTO {quoted(table.name)}({quoted(table.name)}) VALUES ('rebuild')")  # noqa: S608
            return
        columns = [column.name for column in table.columns]
        written = [name for name in columns if name not in gone]
        if not names or not columns:
            return
        number = table.row_number
        places = [*([number] if number else []), *map(quoted, written)]
        marks = ", ".join("?" * len(places))
        insert = f"INSERT INTO {quoted(table.name)} ({', '.join(places)}) VALUES ({marks})"  # noqa: S608 - names are quoted
        watched = [
            (name, written.index(name), name == table.number_column)
            for name in self._keys.watched(table)
            if name in written
        ]
        filled = 0
        for rows in self._rows(table, columns, number):
            # Rows without a number of their own are counted from 1, as those with one are.
            numbers = [filled + at + 1 if row[0] is None else row[0] for at, row in enumerate(rows)]
            filled += len(rows)
            values = {name: [row[at + 1] for row in rows] for at, name in enumerate(columns)}
            new = self._records.clean(values)
            if list(new) != list(names.values()):
                raise CannotClean("columns cannot be told apart")
            self._records.add(new)
            cells = {name: new[names[name]] if name in names else [None] * len(rows) for name in written}
            for reference in self._keys.early(table.name):
                if reference.column in cells:
                    cells[reference.column] = self._keys.followed(
                        reference, values[reference.column], cells[reference.column]
                    )
            refers = {reference.column for reference in self._keys.early(table.name)}
            changed = {name: set(is_changed(cells[name], values[name])) for name in written}
            for at, row in enumerate(zip(*cells.values(), strict=True)):
                head = [numbers[at]] if number else []
                final, last = self._insert(
                    insert,
                    head,
                    list(row),
                    [(name, at in changed[name] and name not in refers) for name in written],
                    numbers[at],
                )
                for name, place, is_number in watched:
                    now = last if is_number and final[place] is None else final[place]
                    self._keys.note(table.name, name, values[name][at], now)
        self._keys.filled.append(table.name)

    def _rows(self, table: Table, columns: list[str], number: str | None) -> Iterator[list[tuple[Any, ...]]]:
        order = f" ORDER BY {number}" if number else ""
        chosen = ", ".join([number or "NULL", *map(quoted, columns)])
        cursor = self._old.execute(f"SELECT {chosen} FROM main.{quoted(table.name)}{order}")  # noqa: S608 - names are quoted
        rows: list[tuple[Any, ...]] = []
        size = 0
        for row in cursor:
            rows.append(row)
            size += sum(len(value) for value in row if isinstance(value, (str, bytes)))
            if len(rows) >= _BATCH_ROWS or size > _BATCH_BYTES:
                yield rows
                rows, size = [], 0
        if rows:
            yield rows

    def _insert(
        self, insert: str, head: list[Any], row: list[Any], free: Sequence[tuple[str, bool]], number: Any
    ) -> tuple[list[Any], int | None]:
        """Insert a row; where a cleaned value breaks a constraint, with one that does not. Return its values and its number.

        `free` has the name of each column, and whether its value was cleaned and refers to no other.
        """
        tried = list(row)
        ways = [[f"{value}-{number}", number] if isinstance(value, str) else [number] for value in row]
        while True:
            try:
                stored = list(map(_storable, tried))
                return stored, self._new.execute(insert, (*head, *stored)).lastrowid
            except sqlite3.IntegrityError as error:
                at = _to_change(str(error), free, ways)
                if at is None:
                    raise CannotClean("a cleaned value breaks a constraint of its table") from None
                tried[at] = ways[at].pop(0)

    def _declare(self) -> None:
        """Make indexes, views and triggers. What stands on a column that is gone is left out; what is no longer unique may be so."""
        for item in declared_of(self._old):
            sql = rewritten(item.sql, self._words, self._quoted)
            if not is_create(item.kind, sql):
                continue
            try:
                self._new.execute(sql)
            except sqlite3.IntegrityError:
                with suppress(sqlite3.Error):
                    self._new.execute(sql.replace(sql.split(None, 2)[1], "", 1))
            except sqlite3.Error:
                continue

    def _rename(self, columns: list[tuple[str, str, str]], tables: list[Table]) -> bool:
        """Give columns and tables names without identifiers; whatever refers to them follows. Return whether there was nothing to do."""
        virtual = {table.name for table in tables if table.kind == "virtual"}
        if any(table in virtual for table, _, _ in columns):
            raise CannotClean("a column of a full-text or spatial table has an identifier for a name")
        steps = [
            f"ALTER TABLE {quoted(table)} RENAME COLUMN {quoted(old)} TO {quoted(new)}" for table, old, new in columns
        ]
        steps += [
            f"ALTER TABLE {quoted(table.name)} RENAME TO {quoted(new)}"
            for table in tables
            if (new := self._name(table.name)) != table.name
        ]
        for step in steps:
            try:
                self._new.execute(step)
            except sqlite3.Error:
                # A view or a trigger that no longer fits stands in the way.
                for kind, name in self._new.execute(
                    "SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'trigger')"
                ).fetchall():
                    self._new.execute(f"DROP {kind} {quoted(name)}")
                self._new.execute(step)
        return not steps

    def _number(self, tables: list[Table]) -> None:
        """Let tables that count their rows go on where the source was."""
        with suppress(sqlite3.Error):
            for name, last in self._old.execute("SELECT name, seq FROM main.sqlite_sequence").fetchall():
                if any(table.name == name for table in tables):
                    self._new.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (last, name))
                    self._new.execute(
                        "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2"
                        " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
                        (name, last),
                    )


def _storable(value: Any) -> Any:
    """Return a value as SQLite stores it."""
    return value if value is None or isinstance(value, (str, int, float, bytes)) else str(value)


def _to_change(said: str, free: Sequence[tuple[str, bool]], ways: Sequence[list[Any]]) -> int | None:
    """Return the place of the value to change where SQLite says that a constraint failed: a cleaned one of the columns that it names.

    "UNIQUE constraint failed: people.email, people.team" names them; of an index over expressions it says no column.
    """
    named = {part.rpartition(".")[2] for part in said.partition("failed: ")[2].split(", ")}
    can = [at for at, left in enumerate(ways) if left]
    blamed = [at for at in can if free[at][0] in named]
    return next(
        iter([
            *(at for at in blamed if free[at][1] and len(ways[at]) > 1),
            *(at for at in blamed if free[at][1]),
            *(at for at in can if free[at][1] and not blamed),
            *(at for at in blamed if len(ways[at]) > 1),
        ]),
        None,
    )  # fmt: skip
