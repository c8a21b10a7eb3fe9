"""How a table of text is written: delimiter, quotes, header. Told from its beginning, never from its name alone.

Invariants:

- Fields and their ends, joined, are the text again, whatever it holds: quotes that never close, NUL bytes, rows of any width.
- A wrong guess misplaces no text: every character is part of a field that is looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

_DELIMITERS: Final = (",", "\t", ";", "|", "\x01")
_QUOTES: Final = ('"', "'")
_MIN_SHARE: Final = 0.6
"""Share of rows that must have the same width for a delimiter to be believed."""
_MAX_NAME_CHARS: Final = 120
_DATA: Final = re.compile(r"^\s*$|^[\s+\-(]*\d[\d\s.,:/()+\-]*%?$|@|://")
"""Cells that are data, not the name of a column: empty, numbers, dates, addresses."""

_PROGRAM_NAME: Final = re.compile(r"[a-z][a-z0-9_.\-]*|[a-z]+(?:[A-Z][a-z0-9]*)+|[A-Z][A-Z0-9_]+")
_WORDS: Final = frozenset(
    """
    account address age amount answer article author body category city class code comment company content context conversation count
    country created currency customer date description document domain email entity file first gender group height id image index input
    instruction key kind label lang language last lat latitude length level link lng location lon longitude mail message messages metadata
    model name no note notes number order output patient payload phone price product prompt question rating reason region response
    result review role row score sentence sex source split ssn start state status street summary surname tag target text time timestamp
    title token topic total type updated url user username uuid value version weight word year zip
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
"""Words that columns are called by."""

Fields = list[tuple[str, str]]
"""Each field as it is written, with what ends it: a delimiter, a line end, or nothing at the end of the text."""


class Dialect(NamedTuple):
    """How fields are told apart. `quote` is "" where quotes are plain characters; `escape` is what stands before a quote, or ""."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""

    def fields(self, text: str) -> Fields:
        """Return all fields of a text. Its last row is complete where the last end is no delimiter and not ""."""
        found = _pattern(self).findall(text)
        # The pattern also matches the nothing after the last field.
        if len(found) > 1 and found[-2][1] != self.delimiter:
            found.pop()
        return found if text else []

    def value(self, field: str) -> str:
        """Return what a field says.

        >>> Dialect().value('"a ""b"" c"')
        'a "b" c'
        """
        quote = self.quote
        if not quote or field[:1] != quote:
            return field
        inner = field[1:-1]
        if len(field) > 1 and field[-1] == quote and not self.escape and quote not in inner.replace(quote * 2, ""):
            return inner.replace(quote * 2, quote)
        match = _quoted(self).match(field)
        body, rest = (match[1], match[2]) if match else (field[1:], "")
        if self.escape:
            body = re.sub(re.escape(self.escape) + "(.)", r"\1", body, flags=re.DOTALL)
        return body.replace(quote * 2, quote) + rest

    def written(self, value: object, old: str) -> str:
        """Return a field that says something else, quoted where it must be or the old one was. None is an empty field."""
        text = "" if value is None else str(value)
        quote = self.quote
        if not quote:
            return re.sub(f"[{re.escape(self.delimiter)}\r\n]", " ", text)
        if not (old[:1] == quote or re.search(f"[{re.escape(self.delimiter + quote)}\r\n]", text)):
            return text
        if self.escape:
            text = text.replace(self.escape, self.escape * 2)
        return quote + text.replace(quote, (self.escape or quote) + quote) + quote


@lru_cache(maxsize=32)
def _pattern(dialect: Dialect) -> re.Pattern[str]:
    delimiter = re.escape(dialect.delimiter)
    plain = rf"[^{delimiter}\r\n]*+"
    field = plain
    if dialect.quote:
        # A quote that never closes takes the rest of the text.
        field = rf"{_body(dialect)}(?:{dialect.quote}{plain}|\Z)|{plain}"
    return re.compile(rf"({field})({delimiter}|\r\n|\n|\r|\Z)", re.DOTALL)


@lru_cache(maxsize=32)
def _quoted(dialect: Dialect) -> re.Pattern[str]:
    return re.compile(rf"{dialect.quote}({_body(dialect)[len(dialect.quote) :]}){dialect.quote}(.*)", re.DOTALL)


def _body(dialect: Dialect) -> str:
    quote = dialect.quote
    if not dialect.escape:
        return rf"{quote}(?:[^{quote}]++|{quote}{quote})*+"
    escape = re.escape(dialect.escape)
    return rf"{quote}(?:[^{quote}{escape}]++|{escape}(?:.|\Z)|{quote}{quote})*+"


def rows_of(fields: Fields, delimiter: str) -> list[list[tuple[str, str]]]:
    """Return the fields by rows."""
    rows: list[list[tuple[str, str]]] = []
    row: list[tuple[str, str]] = []
    for field in fields:
        row.append(field)
        if field[1] != delimiter:
            rows.append(row)
            row = []
    if row:
        rows.append(row)
    return rows


def is_blank(row: Sequence[tuple[str, str]]) -> bool:
    """Whether a row is an empty line: it is no record."""
    return len(row) == 1 and not row[0][0]


def dialect_of(text: str, suffix: str = "") -> Dialect:
    r"""Return the dialect in which most rows of a text have the same number of fields.

    >>> dialect_of('a;b\n1,5;"x;y"\n')
    Dialect(delimiter=';', quote='"', escape='')
    """
    best, best_score = Dialect("\t" if suffix in {".tsv", ".tab"} else ","), (0.0, 0.0, 0)
    delimiters = sorted(_DELIMITERS, key=lambda delimiter: delimiter != best.delimiter)
    for delimiter in delimiters:
        if delimiter not in text:
            continue
        for quote, escape in (('"', ""), ('"', "\\"), ("", ""), ("'", "")):
            if (escape and '\\"' not in text) or (quote and quote not in text and quote != '"'):
                continue
            score = _score(text, Dialect(delimiter, quote, escape))
            if score > best_score:
                best, best_score = Dialect(delimiter, quote, escape), score
    return best


def _score(text: str, dialect: Dialect) -> tuple[float, float, int]:
    rows = [row for row in rows_of(dialect.fields(text), dialect.delimiter) if not is_blank(row)]
    if not rows:
        return (0.0, 0.0, 0)
    width, count = Counter(map(len, rows)).most_common(1)[0]
    share = count / len(rows)
    if width < 2 or share < _MIN_SHARE:
        return (0.0, 0.0, 0)
    quote = dialect.quote
    clean, quoted = 1.0, 0
    if quote:
        begun = [field for row in rows for field, _ in row if field[:1] == quote]
        quoted = len(begun)
        odd = sum(not _is_whole(field, dialect) for field in begun)
        clean = 1.0 - odd / max(1, quoted)
    elif any(field[:1] == '"' and field[-1:] == '"' and len(field) > 1 for row in rows for field, _ in row):
        clean = 0.5  # quotes around fields are quotes, unless that makes the rows unequal
    if quote == "'" and not quoted:
        return (0.0, 0.0, 0)
    return (round(share, 3), clean, width)


def _is_whole(field: str, dialect: Dialect) -> bool:
    match = _quoted(dialect).match(field)
    return match is not None and not match[2]


def is_header(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether a first row holds names of columns, and not values, in which people could be.

    It does where a cell is a word that columns are called by, where all are written like names in a program, or where cells below it
    are numbers or dates and it is not. The first cell may be empty where those below are not: an index, as pandas writes it. Others may
    be empty where all that are not hold such words.

    >>> is_header(["name", "born"], [["Ada", "1815"]]), is_header(["Ada", "1815"], [["Bob", "1901"]])
    (True, False)
    >>> is_header(["Ada Lovelace", "London"], [["Alan Turing", "London"]]), is_header(["Ort", "Jahr"], [["Ulm", "1879"]])
    (False, True)
    >>> is_header(["id", "mail", "", ""], [["1", "", "a", "b"]]), is_header(["Ada", "note", ""], [["Bob", "x", "y"]])
    (True, False)
    """
    if len(first) > 1 and not first[0].strip() and others and all(row[:1] and row[0].strip() for row in others):
        return is_header(first[1:], [row[1:] for row in others])
    named = [cell for cell in first if cell.strip()]
    if any(_DATA.search(cell) or len(cell) > _MAX_NAME_CHARS or "\n" in cell for cell in named):
        return False
    if len(named) < len(first):
        # A row of people may lack a value too, so nothing but known words makes it a header.
        return len(named) > 1 and all(map(_has_known_word, named))
    if not others or all(_PROGRAM_NAME.fullmatch(cell) for cell in first):
        return True
    if any(map(_has_known_word, first)):
        return True
    columns = ([row[at] for row in others if at < len(row)] for at in range(len(first)))
    return any(sum(_DATA.search(cell) is not None for cell in column) * 2 > len(column) for column in columns)


def _has_known_word(cell: str) -> bool:
    return not _WORDS.isdisjoint(re.findall(r"[a-z]+", cell.lower()))
