"""Formulas: texts in them are rewritten, names follow, and what reads another file is given up."""

from __future__ import annotations

import time

import pytest

from privet.edits import Edit
from privet.metadata.job import Job
from privet.metadata.ooxml_formula import Names


def names() -> Names:
    def edits(texts: list[str], _place: str) -> list[list[Edit]]:
        return [[Edit(text.index("Jane"), text.index("Jane") + 4, "[X]")] if "Jane" in text else [] for text in texts]

    made = Names(Job(edits=edits))  # type: ignore[arg-type]
    made.keep(["X"])
    return made


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SUM(A1:B2)", "SUM(A1:B2)"),
        ("$A$1*1.5E+3", "$A$1*1.5E+3"),
        ('IF(A1="Jane","a ""b""",C1)', 'IF(A1="[X]","a ""b""",C1)'),
        ("'Jane D''oe'!A1", "'X Doe'!A1"),
        ("Jane!A1+X!A1", "X_2!A1+X!A1"),
        ("'Jane'!A1:'Jane'!B2", "X_2!A1:X_2!B2"),
        ("SUM('a:Jane'!A1)", "SUM(a:X_2!A1)"),
        ("Table[[#All],[a]:[b]]", "Table[[#All],[a]:[b]]"),
        ("[1]Sheet!A1", None),
        ("'[Book.xlsx]Sheet'!A1", None),
        ("'C:\\dir\\[Book.xlsx]Sheet'!A1", None),
        ("[1]!Name", None),
        ('ISNUMBER(SEARCH("x",A1))', 'ISNUMBER(SEARCH("x",A1))'),
        ("_xlfn.UNIQUE(A1:A9)", "_xlfn.UNIQUE(A1:A9)"),
        ("#REF!+1", "#REF!+1"),
    ],
)
def test_formula(old: str, new: str | None) -> None:
    assert names().formula(old) == new


def test_tables_that_are_gone_take_the_formulas_along() -> None:
    made = names()
    made.gone.add("t")
    assert made.formula("SUM(T[a])") is None
    assert made.formula("[@a]+1") is None
    assert made.formula("T2[a]") == "T2[a]"


def test_names_are_renamed_to_what_a_program_accepts() -> None:
    made = names()
    assert made.name("Jane_Doe") == "_X_Doe"
    assert made.formula("Jane_Doe+jane_doe+Other") == "_X_Doe+_X_Doe+Other"
    assert made.name("Other") == "Other"


@pytest.mark.parametrize(
    "old", ["[" * 100_000, "'" * 100_001, '"' * 100_001, "A1+" * 50_000, "[[" * 4000, "'a" * 4000, "((" * 4000]
)
def test_hostile_formulas_take_little_time(old: str) -> None:
    start = time.perf_counter()
    names().formula(old)
    assert time.perf_counter() - start < 2
