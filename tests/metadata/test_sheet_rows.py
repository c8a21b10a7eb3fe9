"""Rows laid out by columns, and what refers to columns that were replaced."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from privet.metadata.sheet_rows import MAX_COLUMNS, Replaced, Span, cleaned, in_order, place_of, spans_of

sys.path.append(str(Path(__file__).parent))

from sheet_tables import PlainTable

EVERYWHERE = Span(None)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("A1", [Span("", 0, 0)]),
        ("$C$2:B9", [Span("", 1, 2)]),
        ("SUM(C:D)", [Span("", 2, 3)]),
        ("2:3", [Span("")]),
        ("Data!C2", [Span("Data", 2, 2)]),
        ("'My ''Sheet'!$A1", [Span("My 'Sheet", 0, 0)]),
        ("Größe!A1", [Span("Größe", 0, 0)]),
        ("Jan:Dec!A1", [EVERYWHERE]),
        ("'[b.xlsx]S'!A1", [EVERYWHERE]),
        ('"A1"&B2', [Span("", 1, 1)]),
        ("LOG10(7)+A1B", []),
        ("offset(A1,1,1)", [EVERYWHERE]),
        ("Clients[phone]", [EVERYWHERE]),
        ("x.clients", []),
        ("", []),
    ],
)
def test_spans_of(formula: str, expected: list[Span]) -> None:
    assert spans_of(formula, {"clients"}) == expected


def replaced(table: PlainTable, *, sheet: str = "Data", width: int = 4) -> Replaced:
    made = Replaced()
    made.note(sheet, table, width)
    return made


def test_columns_that_are_replaced() -> None:
    made = replaced(PlainTable([["name", "phone", "n", "secret"]], 0))
    hits = {
        formula: made.holds(spans_of(formula, set()), "Other")
        for formula in ("Data!A1", "data!B9", "Data!A1:C3", "Data!D:D", "Data!C1", "Data!Z1", "B1", "Data!2:2")
    }
    assert [formula for formula, is_hit in hits.items() if is_hit] == ["data!B9", "Data!A1:C3", "Data!D:D", "Data!2:2"]
    assert made.holds(spans_of("B1", set()), "DATA")
    assert made.holds([Span("Data", 2, 2)], "", 1)
    assert made.on("data")
    assert not made.on("Other")


def test_what_is_not_known_is_a_hit_only_where_something_is_replaced() -> None:
    assert not replaced(PlainTable([["name", "n"]], 0), width=2).holds([EVERYWHERE], "")
    assert replaced(PlainTable([["name", "phone"]], 0), width=2).holds([EVERYWHERE], "")


def test_columns_without_a_name() -> None:
    made = replaced(PlainTable([["name", "n"]], 0, strict=True), width=2)
    assert [made.holds([Span("Data", at, at)], "") for at in (0, 1, 2, MAX_COLUMNS - 1)] == [False, False, True, True]


def test_a_sheet_that_loses_rows_or_all() -> None:
    losing = replaced(PlainTable([["name", "phone"]], 0, loses_rows=True), width=2)
    assert losing.holds([Span("Data", 0, 0)], "")
    assert not losing.holds([Span("Data", 0, 0)], "", rows=False)
    assert losing.holds([Span("Data", 1, 1)], "", rows=False)
    assert replaced(PlainTable([["1"]], -1, strict=True), width=0).holds([Span("Data", 0, 0)], "")


def test_two_sheets_of_one_name_count_as_one() -> None:
    made = replaced(PlainTable([["name", "phone"]], 0), width=2)
    made.note("DATA", PlainTable([["phone", "name"]], 0), 2)
    assert [made.holds([Span("Data", at, at)], "") for at in (0, 1, 2)] == [True, True, False]


def test_rows_are_laid_out_some_at_a_time() -> None:
    table = PlainTable([["name"]], 0)
    rows = [{0: "a", at: "b"} for at in range(1, 3000)]
    assert cleaned(table, rows) == rows
    assert len(table.seen) > 1
    assert all(len(columns) * len(next(iter(columns.values()))) <= 1_000_000 for columns in table.seen)
    assert cleaned(table, []) == []


def test_a_dropped_column_is_told() -> None:
    table = PlainTable([["name", "secret"]], 0)
    assert cleaned(table, [{0: "Jane", 1: "x"}, {1: "y"}]) == [{0: "[PERSON]", 1: None}, {1: None}]


def test_places() -> None:
    assert [place_of(letters) for letters in ("A", "z", "AA", "XFD")] == [0, 25, 26, MAX_COLUMNS - 1]
    assert in_order({}) == []
