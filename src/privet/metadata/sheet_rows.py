"""Rows of sheets as a table's columns, and what elsewhere in a workbook repeats the cells of columns that were replaced.

Invariants:

- However wide or empty rows are, what is laid out at a time is bounded.
- What refers to a sheet or column in a way that is not understood counts as repeating what was replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from privet.metadata.job import Table

FIRST_ROWS: Final = 51
"""how many rows that hold anything are looked at to tell whether a sheet is a table"""
MAX_COLUMNS: Final = 16_384
LABEL: Final = re.compile(r"[^\d@]{2,60}")
"""a cell that may be the name of a field, of what stands beside it"""
_MAX_LAID_OUT: Final = 1_000_000

Row = dict[int, str]
"""the texts of a row's cells by their places, 0 for the first; no empty ones"""


def in_order(row: Row) -> list[str]:
    """Return the cells of a row from the first place on.

    >>> in_order({1: "b"})
    ['', 'b']
    """
    return [row.get(at, "") for at in range(max(row, default=-1) + 1)]


def cleaned(table: Table, rows: Sequence[Row]) -> list[dict[int, str | None]]:
    """Return what each cell says now; None: its column is dropped."""
    out: list[dict[int, str | None]] = []
    for chunk, places in _chunks(rows):
        new = table.clean({at: [row.get(at, "") for row in chunk] for at in sorted(places)})
        out += [{at: new[at][index] if at in new else None for at in row} for index, row in enumerate(chunk)]
    return out


def _chunks(rows: Sequence[Row]) -> Iterator[tuple[list[Row], set[int]]]:
    chunk: list[Row] = []
    places: set[int] = set()
    for row in rows:
        more = places | row.keys()
        if chunk and (len(chunk) + 1) * len(more) > _MAX_LAID_OUT:
            yield chunk, places
            chunk, more = [], set(row)
        chunk.append(row)
        places = more
    if chunk:
        yield chunk, places


def place_of(letters: str) -> int:
    """Return the place of a column by its letters.

    >>> place_of("A"), place_of("AB")
    (0, 27)
    """
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


class Span(NamedTuple):
    """Columns that something refers to, from `first` to `last`. `sheet` is "" for the sheet on which it stands, None for more than one."""

    sheet: str | None
    first: int = 0
    last: int = MAX_COLUMNS - 1


class Replaced:
    """Which columns of which sheets say something else now than they did."""

    def __init__(self) -> None:
        self._columns: dict[str, set[int]] = {}
        self._from: dict[str, int] = {}
        self._sheets: set[str] = set()
        self.names: set[str] = set()
        """defined names and tables that lead there, in small letters"""

    def note(self, sheet: str, table: Table, width: int) -> None:
        """Note what becomes of a sheet's table."""
        places = {at for at in range(width) if table.is_replaced(at)}
        if table.may_lose_rows or (not table.keeps_rest and table.header < 0):
            self._sheets.add(sheet.lower())
        if places or table.is_replaced(width):
            beyond = width if table.is_replaced(width) else MAX_COLUMNS
            self._columns.setdefault(sheet.lower(), set()).update(places)
            self._from[sheet.lower()] = min(beyond, self._from.get(sheet.lower(), MAX_COLUMNS))

    def __bool__(self) -> bool:
        return bool(self._columns or self._sheets)

    def on(self, sheet: str) -> bool:
        """Tell whether anything on a sheet is replaced."""
        return sheet.lower() in self._columns or sheet.lower() in self._sheets

    def holds(self, spans: Iterable[Span], here: str, spread: int = 0, *, rows: bool = True) -> bool:
        """Tell whether something that stands on the sheet `here` refers to what is replaced.

        `spread` columns beside count too. `rows` says that it may repeat any row of a sheet that loses some.
        """
        return any(self._is_hit(span, here, spread, rows=rows) for span in spans)

    def _is_hit(self, span: Span, here: str, spread: int, *, rows: bool) -> bool:
        if span.sheet is None:
            return bool(self)
        sheet = (span.sheet or here).lower()
        if rows and sheet in self._sheets:
            return True
        columns = self._columns.get(sheet)
        if columns is None:
            return False
        first, last = span.first - spread, span.last + spread
        return last >= self._from[sheet] or any(first <= at <= last for at in columns)


_TEXTS: Final = re.compile(r'"(?:[^"]|"")*"')
_REFERENCE: Final = re.compile(
    r"""(?<![\w.])(?:(?P<sheet>'(?:[^']|'')+'|[\w.]+(?::[\w.]+)?)!)?
    (?:\$?(?P<one>[A-Z]{1,3})\$?[0-9]{1,7}(?::\$?(?P<two>[A-Z]{1,3})\$?[0-9]{1,7})?
    |\$?(?P<from>[A-Z]{1,3}):\$?(?P<to>[A-Z]{1,3})
    |\$?[0-9]{1,7}:\$?[0-9]{1,7})(?![\w(.!])""",
    re.VERBOSE | re.IGNORECASE,
)
_FAR: Final = re.compile(r"\b(?:INDIRECT|OFFSET|GETPIVOTDATA|CELL)\s*\(", re.IGNORECASE)
_NAME: Final = re.compile(r"[^\W\d][\w.]*")


def spans_of(formula: str, names: set[str]) -> list[Span]:
    """Return what a formula of Excel refers to; `names` lead to what is not known.

    >>> spans_of("SUM(Data!C2:D9,'x'!A:A)+B1", set())
    [Span(sheet='Data', first=2, last=3), Span(sheet='x', first=0, last=0), Span(sheet='', first=1, last=1)]
    """
    bare = _TEXTS.sub('""', formula)
    if _FAR.search(bare) or (names and any(word.lower() in names for word in _NAME.findall(bare))):
        return [Span(None)]
    return [_span(found) for found in _REFERENCE.finditer(bare)]


def is_copy(formula: str) -> bool:
    """Tell whether a formula of Excel is nothing but another cell.

    >>> is_copy("Data!$C$2"), is_copy("C2+1")
    (True, False)
    """
    return _REFERENCE.fullmatch(formula.strip().lstrip("=+")) is not None


def _span(found: re.Match[str]) -> Span:
    sheet = found["sheet"] or ""
    name = sheet[1:-1].replace("''", "'") if sheet[:1] == "'" else sheet
    if ":" in name or "[" in name:
        return Span(None)
    one, two = found["one"] or found["from"], found["two"] or found["to"] or found["one"]
    if one is None or two is None:
        return Span(name)
    first, last = sorted((place_of(one), place_of(two)))
    return Span(name, first, last)
