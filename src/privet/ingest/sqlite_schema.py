"""What a SQLite database declares: tables, indexes, views, triggers, as text that can be run again without what does not belong there.

Invariants:

- Names reach SQL only quoted. Text of the schema is run only where it is one CREATE statement of the kind that it says it is.
- No comment passes, and no literal or quoted word that was not looked at.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""(?P<text>x?'(?:[^']|'')*+')|(?P<name>"(?:[^"]|"")*+"|`(?:[^`]|``)*+`|\[[^\]]*\])"""
    r"""|(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<number>(?<![\w.])\d{6,}(?![\w.]))""",
    re.DOTALL | re.IGNORECASE,
)
_WORDS: Final = re.compile(_TOKEN.pattern + r"|(?P<word>[^\W\d]\w*\d{3}\w*)", _TOKEN.flags)
_CREATE: Final = {
    "table": re.compile(r"\s*CREATE\s+TABLE\b", re.IGNORECASE),
    "virtual": re.compile(
        r"\s*CREATE\s+VIRTUAL\s+TABLE\b.*?\bUSING\s+(fts3|fts4|fts5|rtree|rtree_i32)\b", re.IGNORECASE | re.DOTALL
    ),
    "index": re.compile(r"\s*CREATE\s+(UNIQUE\s+)?INDEX\b", re.IGNORECASE),
    "view": re.compile(r"\s*CREATE\s+VIEW\b", re.IGNORECASE),
    "trigger": re.compile(r"\s*CREATE\s+TRIGGER\b", re.IGNORECASE),
}
_CONTENT: Final = re.compile(r"""\bcontent\s*=\s*(?P<of>"[^"]*"|'[^']*'|[^\s,)]*)""", re.IGNORECASE)


class Column(NamedTuple):
    """A stored column."""

    name: str
    is_row_number: bool
    """whether it is another name of the row's number: INTEGER PRIMARY KEY"""


class Table(NamedTuple):
    """A table whose rows are copied. `content` is, for full-text tables, where their text is: None here, "" nowhere, or in a table."""

    name: str
    sql: str
    kind: str
    columns: list[Column]
    has_row_numbers: bool
    content: str | None = None

    @property
    def number_column(self) -> str | None:
        """Return the column that is another name of the row's number, where there is one."""
        return next((column.name for column in self.columns if column.is_row_number), None)

    @property
    def row_number(self) -> str | None:
        """Return a name of the row's number that no column has taken, where the rows need one."""
        if not self.has_row_numbers or any(column.is_row_number for column in self.columns):
            return None
        taken = {column.name.lower() for column in self.columns}
        return next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), None)


class Declared(NamedTuple):
    """An index, a view or a trigger."""

    kind: str
    name: str
    sql: str


def quoted(name: str) -> str:
    """Return a name as SQL writes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def is_create(kind: str, sql: str) -> bool:
    """Whether a text is a CREATE statement of a kind."""
    return _CREATE[kind].match(sql) is not None


def tables_of(database: sqlite3.Connection) -> list[Table]:
    """Return the tables, in the order in which they were made. What serves a virtual table is made with it, and is not among them."""
    listed = {
        name: (kind, has_no_row_numbers)
        for name, kind, has_no_row_numbers in database.execute(
            "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main'"
        )
    }
    found: list[Table] = []
    for name, sql in database.execute("SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' ORDER BY rowid"):
        kind, has_no_row_numbers = listed.get(name, ("", 0))
        if name.lower().startswith("sqlite_") or kind not in {"table", "virtual"} or not is_create(kind, sql or ""):
            continue
        content = _CONTENT.search(sql) if kind == "virtual" else None
        found.append(
            Table(
                name,
                sql,
                kind,
                _columns(database, name),
                has_row_numbers=not has_no_row_numbers and "rtree" not in sql[: sql.find("(")].lower(),
                content=content["of"].strip("\"'") if content else None,
            )
        )
    return found


def _columns(database: sqlite3.Connection, table: str) -> list[Column]:
    rows = database.execute("SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)", (table,)).fetchall()
    keys = sum(1 for *_, key, _ in rows if key)
    return [
        Column(name, is_row_number=bool(key) and keys == 1 and kind.upper() == "INTEGER")
        for name, kind, key, hidden in rows
        if not hidden
    ]


def declared_of(database: sqlite3.Connection) -> list[Declared]:
    """Return indexes, views and triggers. Indexes that a table makes for itself have no text."""
    rows = database.execute("SELECT type, name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
    return [
        Declared(kind, name, sql)
        for kind, name, sql in rows
        if kind in {"index", "view", "trigger"} and is_create(kind, sql)
    ]


def rewritten(sql: str, clean: Callable[[list[str]], list[str]], name: Callable[[str], str] = str) -> str:
    """Return a text of SQL without comments, with its literals cleaned; `name` gives the new form of each quoted name.

    >>> rewritten("CREATE VIEW v AS SELECT 'a''b' -- c", lambda texts: [text.upper() for text in texts])
    "CREATE VIEW v AS SELECT 'A''B'  "
    """
    found = [match for match in _TOKEN.finditer(sql) if match["text"] or match["number"]]
    texts = [_literal(match[0]) for match in found]
    new = {match.start(): (old, text) for match, old, text in zip(found, texts, clean(texts), strict=True)}

    def replaced(match: re.Match[str]) -> str:
        if match["comment"]:
            return " "
        if match["name"]:
            word = _unquoted(match[0])
            return match[0] if (shown := name(word)) == word else quoted(shown)
        old, text = new[match.start()]
        return match[0] if old == text else "'" + text.replace("'", "''") + "'"

    return _TOKEN.sub(replaced, sql)


def words_of(sql: str) -> list[str]:
    r"""Return whatever in a text of SQL may hold an identifier: names, literals, numbers, words with a digit.

    >>> words_of("CREATE TABLE t1234 (\"a b\" DEFAULT 'c', d)")
    ['t1234', 'a b', 'c']
    """
    return [_unquoted(match[0]) if match["name"] else _literal(match[0]) for match in _WORDS.finditer(sql)]


def _unquoted(name: str) -> str:
    return name[1:-1].replace(name[-1] * 2, name[-1])


def _literal(token: str) -> str:
    if token[:1] in "xX":
        try:
            return bytes.fromhex(token[2:-1]).decode("utf-8", "replace")
        except ValueError:
            return token
    return token[1:-1].replace("''", "'") if token.startswith("'") else token
