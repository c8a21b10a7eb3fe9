"""What refers to a row of another table still does once both are cleaned."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from privet.ingest import sqlite
from privet.ingest.columns import Columns
from privet.ingest.record_file import Unit
from privet.ingest.sqlite_references import Reference, in_order, references_of
from privet.ingest.sqlite_schema import tables_of
from privet.ingest.texts import Texts
from privet.metadata.job import Limits
from privet.policy import DEFAULT

Scrub = Callable[..., bytes]


def _rows(scrubbed: Scrub, cleaner: Any, tmp_path: Path, sql: str, ruled: str = "") -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of a cleaned database; columns ending in `_id` are emptied, and those ending in `mail` labelled."""

    class Labels(cleaner):  # type: ignore[misc]
        def clean(self, batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
            self.seen |= batch.keys() & {ruled}
            out = dict(batch)
            for name, values in batch.items():
                if name.endswith("_id"):
                    out[name] = [None] * len(values)
                if name.endswith("mail"):
                    out[name] = [value if value is None else "[EMAIL]" for value in values]
            return out

    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.executescript(sql)
    (tmp_path / "b.db").write_bytes(scrubbed(sqlite, tmp_path / "a.db", Labels))
    with closing(sqlite3.connect(tmp_path / "b.db")) as database:
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()]
        return {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608


def test_a_number_that_stays_is_referred_to_by_itself(scrubbed: Scrub, cleaner: Any, tmp_path: Path) -> None:
    rows = _rows(
        scrubbed, cleaner, tmp_path,
        """CREATE TABLE orders (n INTEGER PRIMARY KEY, customer_id INT NOT NULL REFERENCES customers);
        CREATE TABLE customers (id INTEGER PRIMARY KEY, mail TEXT);
        INSERT INTO customers VALUES (7, 'a@example.com'), (9, 'b@example.com');
        INSERT INTO orders VALUES (1, 9), (2, 7), (3, 9)""",
    )  # fmt: skip
    assert rows["orders"] == [(1, 9), (2, 7), (3, 9)]
    assert rows["customers"] == [(7, "[EMAIL]"), (9, "[EMAIL]")]


def test_what_was_replaced_is_replaced_alike(scrubbed: Scrub, cleaner: Any, tmp_path: Path) -> None:
    rows = _rows(
        scrubbed, cleaner, tmp_path,
        """CREATE TABLE people (mail TEXT PRIMARY KEY);
        CREATE TABLE visits (who TEXT, FOREIGN KEY (who) REFERENCES People (Mail));
        CREATE TABLE users (user_id INTEGER PRIMARY KEY);
        CREATE TABLE profiles (user_id INTEGER PRIMARY KEY REFERENCES users (user_id));
        CREATE TABLE pictures (user_id INT REFERENCES profiles);
        INSERT INTO people VALUES ('a@example.com'), ('b@example.com');
        INSERT INTO visits VALUES ('b@example.com'), ('a@example.com'), (NULL), ('b@example.com');
        INSERT INTO users VALUES (30), (40), (50);
        INSERT INTO profiles VALUES (50), (40);
        INSERT INTO pictures VALUES (50), (40), (50)""",
    )  # fmt: skip
    a, b = (mail for (mail,) in rows["people"])
    assert a != b
    assert rows["visits"] == [(b,), (a,), (None,), (b,)]
    assert rows["users"] == [(1,), (2,), (3,)]
    assert rows["profiles"] == [(2,), (3,)]
    assert rows["pictures"] == [(3,), (2,), (3,)]


def test_tables_that_refer_to_themselves_and_in_a_circle(scrubbed: Scrub, cleaner: Any, tmp_path: Path) -> None:
    rows = _rows(
        scrubbed, cleaner, tmp_path,
        """CREATE TABLE staff (staff_id INTEGER PRIMARY KEY, boss_id INT REFERENCES staff, team_id INT REFERENCES teams);
        CREATE TABLE teams (n INTEGER PRIMARY KEY, lead_id INT REFERENCES staff);
        INSERT INTO staff VALUES (10, 30, 5), (20, 10, NULL), (30, NULL, 6);
        INSERT INTO teams VALUES (5, 30), (6, 20)""",
    )  # fmt: skip
    assert rows["staff"] == [(1, 3, 5), (2, 1, None), (3, None, 6)]
    assert rows["teams"] == [(5, 3), (6, 2)]


def test_what_refers_to_nothing_or_has_a_rule_is_cleaned(scrubbed: Scrub, cleaner: Any, tmp_path: Path) -> None:
    sql = """CREATE TABLE customers (id INTEGER PRIMARY KEY);
        CREATE TABLE orders (n INTEGER PRIMARY KEY, customer_id INT {});
        INSERT INTO customers VALUES (7);
        INSERT INTO orders VALUES (1, 7)"""
    assert _rows(scrubbed, cleaner, tmp_path, sql.format(""))["orders"] == [(1, None)]
    (tmp_path / "a.db").unlink()
    ruled = _rows(scrubbed, cleaner, tmp_path, sql.format("REFERENCES customers (id)"), "customer_id")
    assert ruled["orders"] == [(1, None)]


@pytest.mark.parametrize(
    ("parent", "reference", "expected"),
    [
        ("a INTEGER PRIMARY KEY", "REFERENCES p", "a"),
        ("a TEXT UNIQUE, b INT", "REFERENCES p (A)", "a"),
        ("a TEXT, b INT", "REFERENCES p (a)", None),
        ("a INT, b INT, PRIMARY KEY (a, b)", "REFERENCES p (a)", None),
        ("a TEXT", "REFERENCES missing (a)", None),
    ],
)
def test_a_reference_is_followed_where_it_can_be_looked_up(parent: str, reference: str, expected: str | None) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(f"CREATE TABLE c (x {reference}); CREATE TABLE p ({parent})")
        tables = tables_of(database)
        found = references_of(database, tables)
        assert found.get("c", []) == ([Reference("x", "p", expected)] if expected else [])
        assert [table.name for table in in_order(tables, found)] == (["p", "c"] if expected else ["c", "p"])


def cleaned_with(tmp_path: Path, *statements: str) -> sqlite3.Connection:
    """Return the cleaned copy of a database made by these statements."""
    raw = tmp_path / "raw.db"
    with closing(sqlite3.connect(raw)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
    key = bytes(32)
    texts = Texts(DEFAULT, "patterns", key)
    columns = Columns(DEFAULT, texts, key=key, nested=lambda _name, _content: None, limits=Limits())
    with (tmp_path / "clean.db").open("w+b") as part:
        sqlite.clean_unit(raw, Unit(0, raw.stat().st_size), columns, part)
    return sqlite3.connect(tmp_path / "clean.db")


def test_only_what_must_be_unique_is_told_apart_and_references_hold(tmp_path: Path) -> None:
    with closing(
        cleaned_with(
            tmp_path,
            "CREATE TABLE customer (email TEXT PRIMARY KEY, phone TEXT)",
            "CREATE TABLE account (id INTEGER PRIMARY KEY, login TEXT UNIQUE, owner TEXT REFERENCES customer (email), phone TEXT)",
            "INSERT INTO customer VALUES ('a@example.com', '415-555-0100'), ('b@example.com', '415-555-0101')",
            "INSERT INTO account VALUES (1, 'x@example.com', 'a@example.com', '415-555-0100'), "
            "(2, 'y@example.com', 'b@example.com', '415-555-0101'), (3, 'z@example.com', 'a@example.com', '415-555-0102')",
        )
    ) as database:
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        joined = "SELECT account.id FROM account JOIN customer ON owner = email ORDER BY 1"
        assert database.execute(joined).fetchall() == [(1,), (2,), (3,)]
        owners = dict(database.execute("SELECT id, owner FROM account"))
        assert owners[1] == owners[3] != owners[2]
        assert {row[0] for row in database.execute("SELECT phone FROM account")} == {"[PHONE_NUMBER]"}
        assert {row[0] for row in database.execute("SELECT phone FROM customer")} == {"[PHONE_NUMBER]"}
        assert len({row[0] for row in database.execute("SELECT login FROM account")}) == 3


def test_a_table_without_numbers_that_refers_to_itself_still_does(tmp_path: Path) -> None:
    with closing(
        cleaned_with(
            tmp_path,
            "CREATE TABLE emp (email TEXT PRIMARY KEY, boss TEXT REFERENCES emp (email), n INTEGER) WITHOUT ROWID",
            "INSERT INTO emp VALUES ('a@example.com', NULL, 1), ('b@example.com', 'a@example.com', 2), "
            "('c@example.com', 'b@example.com', 3)",
        )
    ) as database:
        bosses = database.execute(
            "SELECT one.n, boss.n FROM emp AS one JOIN emp AS boss ON one.boss = boss.email ORDER BY 1"
        )
        assert bosses.fetchall() == [(2, 1), (3, 2)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
