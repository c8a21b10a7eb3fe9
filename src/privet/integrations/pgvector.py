"""PostgreSQL: a vault whose sealed records lie in a table. Needs `psycopg`; pgvector only for `obfuscated_search`.

    with PostgresVault.open("postgresql://app@db.example.com/app", "notes", keys="keys", filter_fields=["ward"]) as vault:
        vault.add(ids, vectors, documents=texts, metadata=fields, subject=patients)
        vault.search(queries, k=5, where={"ward": "B"})

Invariants:

- A write is one transaction. The table has keyed names, sealed bytes and keyed tokens; no statement holds anything else.
- Without `obfuscated_search` no vector is in the database but as sealed bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, LiteralString, Self

from privet.errors import BadInput, PrivetError, Unprotected
from privet.vault.key_source import KeySource, source_of
from privet.vault.obfuscation import ObfuscatedSearch
from privet.vault.remote import RemoteVault
from privet.vault.remote_opening import Wanted
from privet.vault.remote_state import RemoteState
from privet.vault.remote_table import HEADER_KEY, Groups, SealedRow, Version, damaged_header

if TYPE_CHECKING:
    import numpy as np
    import psycopg
    from numpy.typing import NDArray
    from psycopg import sql

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,50}(\.[A-Za-z_][A-Za-z0-9_]{0,50})?")
_ROWS: Final = 2000
_COLUMNS: Final = "key, generation, tokens, vector, content"
_CREATE: Final = """
CREATE TABLE IF NOT EXISTS {table} (
    key bytea PRIMARY KEY, generation bigint NOT NULL, tokens bytea[] NOT NULL, vector bytea NOT NULL, content bytea NOT NULL {search});
ALTER TABLE {table} ALTER COLUMN vector SET STORAGE EXTERNAL, ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX IF NOT EXISTS {by_generation} ON {table} (generation);
CREATE INDEX IF NOT EXISTS {by_token} ON {table} USING gin (tokens);
"""
_HEADER: Final = """
INSERT INTO {table} (key, generation, tokens, vector, content) VALUES (%s, 0, '{{}}', %s, '') ON CONFLICT (key) DO NOTHING
"""


class PostgresVault(RemoteVault):
    """A vault in a table of PostgreSQL."""

    @classmethod
    def open(
        cls,
        dsn: str,
        table: str,
        keys: KeySource | Path | str,
        *,
        filter_fields: Sequence[str] | None = None,
        obfuscated_search: ObfuscatedSearch | None = None,
        accept_older: bool = False,
        read_only: bool = False,
    ) -> Self:
        """Open the vault of a table, or make it where there is none.

        Args:
            dsn: how to reach the database, as libpq takes it.
            table: its name, with a schema before a dot or without.
            keys: a private folder for keys, made with mode 0700 on first use, or another `KeySource`. All processes that use the table
                share it.
            filter_fields: metadata fields whose equality the database may see, through keyed tokens. Settled when the vault is made.
            obfuscated_search: search in the database over rotated vectors, which is no encryption; see `privet.vault.obfuscation`.
            accept_older: open rows that are older than what was written last. A forgotten subject stays forgotten.
            read_only: never write.

        Raises:
            BadInput: the database cannot be reached; the keys are not its keys; it was made in another way; there is nothing to read.
            Damaged: a row, the key table or the anchor is not what was written.
            RolledBack: rows are missing, or older than what was acknowledged.
            Unprotected: the key folder is not private, or the database refused a write.

        """
        source = source_of(keys)
        dimensions = None if obfuscated_search is None else obfuscated_search.dimensions
        rows = PostgresTable(dsn, table, dimensions)
        try:
            wanted = Wanted(None if filter_fields is None else tuple(filter_fields), obfuscated_search is not None)
            state = RemoteState(rows, source, wanted, accept_older=accept_older, read_only=read_only)
            return cls(state, read_only=read_only, obfuscated=obfuscated_search)
        except BaseException:
            rows.close()
            raise


class PostgresTable:
    """The table, as `privet.vault.remote_table` has it."""

    def __init__(self, dsn: str, table: str, dimensions: int | None) -> None:
        try:
            from psycopg import sql
        except ImportError as error:
            raise Unprotected("the library psycopg is missing", hint="pip install 'privet[postgres]'") from error
        if not _NAME.fullmatch(table):
            raise BadInput("expected the name of a table, such as notes or app.notes", hint="letters, digits and _")
        self._dimensions = dimensions
        self._table = table
        self._dsn = dsn
        self._identifier = sql.Identifier(*table.split("."))
        self._connection: psycopg.Connection[Any] | None = None

    def __repr__(self) -> str:
        return "PostgresTable(...)"

    @property
    def name(self) -> str:
        """What it is called, for messages."""
        return f"table {self._table}"

    def header(self) -> bytes | None:
        """Return the header, None where there is no table. It is made with the table, so there is none without."""
        with self._cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s) IS NULL", (self._identifier.as_string(),))
            if _one(cursor)[0]:
                return None
        try:
            with self._cursor() as cursor:
                # All columns, to tell another program's table from a vault's.
                cursor.execute(
                    self._sql("SELECT vector, key, generation, tokens, content FROM {table} WHERE key = %s"),
                    (HEADER_KEY,),
                )
                found = cursor.fetchone()
        except Unprotected as error:
            raise BadInput(f"the {self.name} is no vault", hint="name another one") from error
        if found is None:
            raise damaged_header(self.name, "is missing")
        return bytes(found[0])

    def made(self, header: bytes) -> bytes:
        """Make the table where it is missing, with this header; return the header that it has."""
        from psycopg import sql

        # Checked before it stands in the statement: the size of a column cannot be a parameter.
        search = "" if self._dimensions is None else f", search vector({int(self._dimensions)})"
        plain = self._table.rpartition(".")[2]
        with self._cursor() as cursor, cursor.connection.transaction():
            # Two that make it at the same time wait for each other.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"privet {self._table}",))
            names = {
                "by_generation": sql.Identifier(f"{plain}_by_gen"),
                "by_token": sql.Identifier(f"{plain}_by_token"),
                "search": sql.SQL(search),
            }
            for statement in _CREATE.strip().split(";\n"):
                cursor.execute(sql.SQL(statement.rstrip(";")).format(table=self._identifier, **names))
            cursor.execute(self._sql(_HEADER), (HEADER_KEY, header))
        return self.header() or header

    def is_empty(self) -> bool:
        """Whether it has no row but the header."""
        with self._cursor() as cursor:
            cursor.execute(self._sql("SELECT NOT EXISTS (SELECT FROM {table} WHERE generation > 0)"))
            return bool(_one(cursor)[0])

    def write(self, rows: Sequence[SealedRow], gone: Sequence[Version]) -> None:
        """Remove versions of rows and add others, in one transaction."""
        columns = ["bytea", "int8", "bytea[]", "bytea", "bytea"]
        with self._cursor() as cursor, cursor.connection.transaction():
            if gone:
                keys, generations = [key for key, _ in gone], [generation for _, generation in gone]
                cursor.execute(
                    self._sql(
                        "DELETE FROM {table} USING unnest(%s::bytea[], %s::bigint[]) AS gone(key, generation)"
                        " WHERE {table}.key = gone.key AND {table}.generation = gone.generation"
                    ),
                    (keys, generations),
                )
            if rows and self._dimensions is None:
                with cursor.copy(self._sql(f"COPY {{table}} ({_COLUMNS}) FROM STDIN (FORMAT BINARY)")) as copy:
                    copy.set_types(columns)
                    for row in rows:
                        copy.write_row(row[:5])
            elif rows:
                self._write_searchable(cursor, rows, columns)

    def _write_searchable(self, cursor: psycopg.Cursor[Any], rows: Sequence[SealedRow], columns: list[str]) -> None:
        from pgvector import Vector

        with cursor.copy(self._sql(f"COPY {{table}} ({_COLUMNS}, search) FROM STDIN (FORMAT BINARY)")) as copy:
            copy.set_types([*columns, "vector"])
            for row in rows:
                if row.search is not None:
                    copy.write_row((*row[:5], Vector(row.search)))

    def settle(self) -> None:
        """Wait until a write of somebody who is gone is over: the database may still be at it, and commit it then."""
        with self._cursor() as cursor, cursor.connection.transaction():
            cursor.execute(self._sql("LOCK TABLE {table} IN SHARE MODE"))

    def changed(self, after: int) -> Generator[SealedRow]:
        """Yield the rows of later generations, without `cold`."""
        from psycopg import sql

        # COPY takes no parameters; the number stands in the statement.
        statement = sql.SQL(
            "COPY (SELECT key, generation, tokens, vector FROM {table} WHERE generation > {after} ORDER BY generation)"
            " TO STDOUT (FORMAT BINARY)"
        ).format(table=self._identifier, after=sql.Literal(after))
        with self._cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(["bytea", "int8", "bytea[]", "bytea"])
            for key, generation, tokens, hot in copy.rows():
                yield SealedRow(key, generation, tokens, hot, b"")

    def rows(self, keys: Sequence[bytes] | None) -> Generator[SealedRow]:
        """Yield whole rows: those of these names, or all."""
        from psycopg import sql

        if keys is None:
            statement = self._sql(
                "COPY (SELECT key, generation, tokens, vector, content FROM {table} WHERE generation > 0)"
                " TO STDOUT (FORMAT BINARY)"
            )
            with self._cursor() as cursor, cursor.copy(statement) as copy:
                copy.set_types(["bytea", "int8", "bytea[]", "bytea", "bytea"])
                yield from (SealedRow(*row) for row in copy.rows())
            return
        chosen = self._sql("SELECT key, generation, tokens, vector, content FROM {table} WHERE key = ANY(%s)")
        for start in range(0, len(keys), _ROWS):
            with self._cursor() as cursor:
                cursor.execute(sql.Composed([chosen]), (list(keys[start : start + _ROWS]),))
                yield from (SealedRow(*row) for row in cursor)

    def versions(self) -> Iterator[Version]:
        """Yield the versions of all rows."""
        statement = self._sql(
            "COPY (SELECT key, generation FROM {table} WHERE generation > 0) TO STDOUT (FORMAT BINARY)"
        )
        with self._cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(["bytea", "int8"])
            yield from copy.rows()

    def matching(self, groups: Groups) -> set[bytes]:
        """Return the names of the rows that have the tokens."""
        statement = "SELECT key FROM {table} WHERE generation > 0" + _tests(groups)  # noqa: S608 - fixed texts
        with self._cursor() as cursor:
            cursor.execute(self._sql(statement), groups)
            return {row[0] for row in cursor}

    def nearest(self, query: NDArray[np.float32], k: int, groups: Groups) -> list[tuple[bytes, float]]:
        """Return names and cosines of the rows nearest to a rotated query, best first."""
        from pgvector import Vector

        order = " ORDER BY search <=> %s LIMIT %s"
        statement = "SELECT key, 1 - (search <=> %s) FROM {table} WHERE generation > 0" + _tests(groups) + order  # noqa: S608 - fixed texts
        with self._cursor() as cursor:
            vector = Vector(query)
            cursor.execute(self._sql(statement), (vector, *groups, vector, k))
            # Of a vector of zeros pgvector says NaN, and sorts it last; its cosine is 0.
            found = [(row[0], 0.0 if math.isnan(row[1]) else float(row[1])) for row in cursor]
            return sorted(found, key=lambda each: -each[1])

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _sql(self, statement: LiteralString) -> sql.Composed:
        from psycopg import sql

        # The statements are those above; names of tables go in as identifiers, values as parameters.
        return sql.SQL(statement).format(table=self._identifier)

    @contextmanager
    def _cursor(self) -> Iterator[psycopg.Cursor[Any]]:
        """Lend a cursor; errors of the database become errors of this package, without what they quote."""
        import psycopg

        if self._connection is None or self._connection.closed:
            self._connection = self._connected()
        try:
            with self._connection.cursor(binary=True) as cursor:
                yield cursor
        except PrivetError:
            raise
        except psycopg.Error as error:
            code = error.sqlstate or "connection lost"
            raise Unprotected(
                f"the database refused ({code})", hint="look up the code in PostgreSQL's list; nothing is half done"
            ) from error

    def _connected(self) -> psycopg.Connection[Any]:
        import psycopg

        try:
            made = psycopg.connect(self._dsn, autocommit=True)
        except (psycopg.Error, UnicodeError) as error:
            raise BadInput(
                "the database cannot be reached", hint="check address, user and password; psql says more"
            ) from error
        if self._dimensions is not None:
            from pgvector.psycopg import register_vector

            try:
                register_vector(made)
            except psycopg.Error as error:
                made.close()
                raise BadInput(
                    "the database has no pgvector", hint="CREATE EXTENSION vector, as its administrator"
                ) from error
        return made


def _tests(groups: Iterable[list[bytes]]) -> LiteralString:
    return "".join(" AND tokens && %s::bytea[]" for _ in groups)


def _one(cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    row: tuple[Any, ...] = cursor.fetchone() or (None,)
    return row
