"""SQLite databases: what is a row is cleaned, what is none is gone, and the source's schema does nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from privet.ingest import sqlite
from privet.metadata.job import CannotClean

Scrub = Callable[..., bytes]
EMAIL = "jane@example.com"


@contextmanager
def _database(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as database:
        yield database
        database.commit()


def _cleaned(scrubbed: Scrub, source: Path, *more: Any) -> tuple[bytes, sqlite3.Connection]:
    out = scrubbed(sqlite, source, *more)
    made = source.with_name("cleaned.db")
    made.write_bytes(out)
    database = sqlite3.connect(made)
    database.execute("PRAGMA ignore_check_constraints = ON")  # a label is no address
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return out, database


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a b?#.db"
    with _database(path) as database:
        database.executescript("""
            PRAGMA user_version = 7; PRAGMA application_id = 99;
            CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, mail TEXT UNIQUE, -- SECRET-COMMENT
                age INT DEFAULT 30 CHECK (age < 200), CHECK (mail LIKE '%@%'));
            CREATE TABLE keyed (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID;
            CREATE TABLE strict_one (n INT, double_n INT GENERATED ALWAYS AS (n * 2) STORED) STRICT;
            CREATE TABLE plain (rowid TEXT, a);
            CREATE INDEX by_age ON people (age) WHERE age > 3;
            CREATE VIEW hers AS SELECT * FROM people WHERE mail = 'jane@example.com' /* SECRET-COMMENT */;
            CREATE TRIGGER born AFTER INSERT ON people BEGIN UPDATE people SET age = 1; END;
            CREATE VIRTUAL TABLE words USING fts5(body);
            INSERT INTO words VALUES ('hello world'), ('write to jane@example.com');
            INSERT INTO keyed VALUES ('a', x'00ff'), ('jane@example.com', 'to jane@example.com');
            INSERT INTO strict_one (n) VALUES (4);
            INSERT INTO plain VALUES ('x', 1.5), (NULL, 'y');
        """)
        database.executemany(
            "INSERT INTO people (mail, age) VALUES (?, ?)", [(f"SECRET-DELETED-{i}@", i % 99) for i in range(900)]
        )
        database.execute("DELETE FROM people WHERE id > 5")
        database.execute("UPDATE people SET mail = 'ok@' || id")
        database.execute("UPDATE people SET mail = 'jane@example.com' WHERE id = 2")
        database.execute("UPDATE people SET mail = 'x jane@example.com' WHERE id = 4")
        database.execute("DELETE FROM people WHERE id = 3")
        database.execute("ANALYZE")
    return path


def test_rows_are_cleaned_and_the_schema_stays(source: Path, scrubbed: Scrub) -> None:
    out, database = _cleaned(scrubbed, source)
    with closing(database):
        assert [row[:2] for row in database.execute("SELECT id, mail FROM people ORDER BY id")] == [
            (1, "ok@1"), (2, "[EMAIL]"), (4, "x [EMAIL]"), (5, "ok@5"),
        ]  # fmt: skip
        assert database.execute("SELECT * FROM keyed").fetchall() == [("[EMAIL]", "to [EMAIL]"), ("a", b"\x00\xff")]
        assert database.execute("SELECT * FROM strict_one").fetchall() == [(4, 8)]
        assert database.execute("SELECT * FROM plain").fetchall() == [("x", 1.5), (None, "y")]
        assert database.execute("SELECT rowid, body FROM words WHERE words MATCH 'world'").fetchall() == [
            (1, "hello world")
        ]
        assert database.execute("SELECT id FROM hers").fetchall() == [(2,)]
        declared = "SELECT name FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql > '' ORDER BY name"
        assert database.execute(declared).fetchall() == [("born",), ("by_age",)]
        assert database.execute("PRAGMA user_version").fetchall() == [(7,)]
        assert database.execute("PRAGMA application_id").fetchall() == [(99,)]
        assert database.execute("SELECT seq FROM sqlite_sequence").fetchall() == [(900,)]
    assert b"SECRET" not in out
    assert EMAIL.encode() not in out
    assert out == scrubbed(sqlite, source)


def test_columns_and_tables_get_new_names_and_others_are_left_out(
    scrubbed: Scrub, cleaner: Any, tmp_path: Path
) -> None:
    source = tmp_path / "a.db"
    with _database(source) as database:
        script = """
            CREATE TABLE "t {EMAIL}" (id INTEGER PRIMARY KEY, "{EMAIL}" TEXT, gone TEXT, key_gone TEXT UNIQUE NOT NULL);
            CREATE INDEX i ON "t {EMAIL}" (gone);
            CREATE INDEX j ON "t {EMAIL}" ("{EMAIL}");
            CREATE VIEW v AS SELECT "{EMAIL}" FROM "t {EMAIL}";
            INSERT INTO "t {EMAIL}" VALUES (1, 'a', 'secret', 'secret1'), (2, 'b', 'secret', 'secret2');
        """
        database.executescript(script.replace("{EMAIL}", EMAIL))
    out, database = _cleaned(scrubbed, source, lambda: cleaner(left_out=("gone", "key_gone")))
    with closing(database):
        assert database.execute('SELECT id, "[EMAIL]" FROM "t [EMAIL]"').fetchall() == [(1, "a"), (2, "b")]
        assert database.execute("SELECT * FROM v").fetchall() == [("a",), ("b",)]
        assert database.execute("SELECT name FROM sqlite_schema WHERE name = 'j'").fetchall()
    assert b"secret" not in out
    assert EMAIL.encode() not in out


def test_whatever_else_the_schema_says_is_cleaned(scrubbed: Scrub, tmp_path: Path) -> None:
    source = tmp_path / "a.db"
    with _database(source) as database:
        script = """
            CREATE TABLE "{EMAIL}" (a);
            CREATE TABLE "b {EMAIL}" (a "x {EMAIL}", b DEFAULT "y {EMAIL}", CONSTRAINT [c {EMAIL}] CHECK (a > 0));
            CREATE TABLE c (a, "{EMAIL}" DEFAULT 1);
            CREATE INDEX "i {EMAIL}" ON c (a) WHERE a <> "z {EMAIL}";
            CREATE INDEX "j {EMAIL}" ON c (a);
            CREATE VIEW "v {EMAIL}" AS SELECT a AS "w {EMAIL}" FROM c;
            CREATE TRIGGER "t {EMAIL}" AFTER INSERT ON c BEGIN SELECT "z {EMAIL}"; END;
            INSERT INTO "{EMAIL}" VALUES (1);
            INSERT INTO "b {EMAIL}" VALUES (2, 3);
            INSERT INTO c VALUES (4, 5);
        """
        database.executescript(script.replace("{EMAIL}", EMAIL))
    out, database = _cleaned(scrubbed, source)
    with closing(database):
        assert EMAIL.encode() not in out
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_schema")}
        assert {"[EMAIL]", "b [EMAIL]", "c", "j [EMAIL]", "v [EMAIL]"} <= names
        assert database.execute('SELECT * FROM "[EMAIL]"').fetchall() == [(1,)]
        assert database.execute('SELECT * FROM "b [EMAIL]"').fetchall() == [(2, 3)]
        assert database.execute('SELECT a, "[EMAIL]" FROM c').fetchall() == [(4, 5)]


@pytest.mark.parametrize(
    "sql",
    [
        'CREATE VIRTUAL TABLE f USING fts5(a, "{EMAIL}")',
        "CREATE VIRTUAL TABLE f USING fts5(a, tokenize=\"unicode61 tokenchars '{EMAIL}'\")",
        'CREATE TABLE t ("{EMAIL}" TEXT, b DEFAULT "{EMAIL}")',
    ],
)
def test_a_table_whose_declaration_stays_unclean_is_refused(sql: str, scrubbed: Scrub, tmp_path: Path) -> None:
    source = tmp_path / "a.db"
    with _database(source) as database:
        database.execute(sql.replace("{EMAIL}", EMAIL))
    with pytest.raises(CannotClean, match="an identifier"):
        scrubbed(sqlite, source)


def test_where_no_column_is_kept_no_name_of_a_table_is(scrubbed: Scrub, cleaner: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.db"
    with _database(source) as database:
        database.execute(f'CREATE TABLE "{EMAIL}" (gone)')
    out, database = _cleaned(scrubbed, source, lambda: cleaner(left_out=("gone", "text")))
    database.close()
    assert EMAIL.encode() not in out


def test_a_number_behind_a_value_is_that_of_its_row_whatever_tables_stand_before(
    scrubbed: Scrub, tmp_path: Path
) -> None:
    source = tmp_path / "a.db"
    with _database(source) as database:
        for name, more in (("a", ""), ("b", " WITHOUT ROWID")):
            database.execute(f"CREATE TABLE {name} (mail TEXT PRIMARY KEY){more}")
            database.executescript(f"INSERT INTO {name} VALUES ('jane@example.com'), ('[EMAIL]')")  # noqa: S608
    _, database = _cleaned(scrubbed, source)
    with closing(database):
        assert {mail for (mail,) in database.execute("SELECT mail FROM a")} == {"[EMAIL]", "[EMAIL]-2"}
        assert {mail for (mail,) in database.execute("SELECT mail FROM b")} == {"[EMAIL]", "[EMAIL]-2"}


def test_unique_values_stay_unique(scrubbed: Scrub, tmp_path: Path) -> None:
    source = tmp_path / "a.db"
    with _database(source) as database:
        database.executescript("""
            CREATE TABLE t (mail TEXT COLLATE NOCASE PRIMARY KEY, n INT NOT NULL);
            CREATE TABLE s (card INT UNIQUE NOT NULL) STRICT;
            CREATE TABLE w (mail TEXT);
            CREATE UNIQUE INDEX u ON w (mail);
            INSERT INTO t VALUES ('jane@example.com', 1), ('JANE@example.com', 2) ON CONFLICT DO NOTHING;
            INSERT INTO t VALUES ('[EMAIL]', 3);
            INSERT INTO s VALUES (4111111111111111), (2);
            INSERT INTO w VALUES ('jane@example.com'), ('[EMAIL]');
        """)
    out, database = _cleaned(scrubbed, source)
    with closing(database):
        assert database.execute("SELECT mail, n FROM t ORDER BY n").fetchall() == [("[EMAIL]", 1), ("[EMAIL]-2", 3)]
        assert database.execute("SELECT count(*), count(card) FROM s").fetchone() == (2, 2)
        assert database.execute("SELECT mail FROM w").fetchall() == [("[EMAIL]",), ("[EMAIL]",)]
    assert EMAIL.encode() not in out


def test_a_write_ahead_log_is_read_and_not_carried_over(scrubbed: Scrub, tmp_path: Path) -> None:
    live = tmp_path / "live.db"
    with closing(sqlite3.connect(live)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE t (a)")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.executemany("INSERT INTO t VALUES (?)", [("SECRET-GONE " * 400,)] * 40)
        database.commit()
        database.execute("DELETE FROM t")
        database.execute("INSERT INTO t VALUES ('only in the log')")
        database.commit()
        database.execute("INSERT INTO t VALUES ('SECRET not committed')")
        for name in ("live.db", "live.db-wal"):
            shutil.copy(tmp_path / name, tmp_path / name.replace("live", "copy"))
    before = sorted(path.name for path in tmp_path.iterdir())
    out, database = _cleaned(scrubbed, tmp_path / "copy.db")
    with closing(database):
        assert database.execute("SELECT * FROM t").fetchall() == [("only in the log",)]
    assert b"SECRET" not in out
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "cleaned.db") == before


def test_a_file_without_a_name_is_read(source: Path, scrubbed: Scrub) -> None:
    handle = os.memfd_create("db")
    os.write(handle, source.read_bytes())
    assert scrubbed(sqlite, Path(f"/proc/self/fd/{handle}")) == scrubbed(sqlite, source)
    os.close(handle)


def test_a_hostile_schema_does_nothing(scrubbed: Scrub, tmp_path: Path) -> None:
    source = tmp_path / "a.db"
    victim = tmp_path / "victim.db"
    with _database(source) as database:
        database.execute('CREATE TABLE "x""; DROP TABLE y; --" ("a"" b", [c d])')
        database.execute('INSERT INTO "x""; DROP TABLE y; --" VALUES (1, 2)')
        database.execute("CREATE TABLE y (a)")
        database.execute("INSERT INTO y VALUES (1)")
        database.execute(
            "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        )
        database.execute("CREATE VIRTUAL TABLE places USING rtree(id, x1, x2)")
        database.execute("INSERT INTO places VALUES (1, 2.0, 3.0)")
        database.execute("PRAGMA writable_schema = ON")
        database.execute(
            "INSERT INTO sqlite_schema VALUES ('trigger', 'z', 'y', 0, ?)",
            (f"CREATE TRIGGER z AFTER INSERT ON y BEGIN SELECT writefile('{victim}', 'x'); END",),
        )
    _, database = _cleaned(scrubbed, source)
    with closing(database):
        assert database.execute('SELECT * FROM "x""; DROP TABLE y; --"').fetchall() == [(1, 2)]
        assert database.execute("SELECT * FROM y").fetchall() == [(1,)]
        assert database.execute("SELECT * FROM places").fetchall() == [(1, 2.0, 3.0)]
    assert not victim.exists()


def test_encrypted_damaged_and_unfinished_databases_are_refused(source: Path, scrubbed: Scrub, tmp_path: Path) -> None:
    content = source.read_bytes()
    broken = tmp_path / "b.db"
    for data, reason in (
        (os.urandom(8192), "encrypted"),
        (content[:3000], "damaged"),
        (content[:4096] + b"\xff" * (len(content) - 4096), "damaged"),
    ):
        broken.write_bytes(data)
        with pytest.raises(CannotClean, match=reason):
            scrubbed(sqlite, broken)
    broken.write_bytes(content)
    Path(f"{broken}-journal").write_bytes(bytes.fromhex("d9d505f920a163d7") + bytes(600))
    with pytest.raises(CannotClean, match="unfinished transaction"):
        scrubbed(sqlite, broken)
