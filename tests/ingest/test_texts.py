"""Cells and whole values, through the detector and the policy as scrubbing uses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from privet.ingest.texts import Texts
from privet.policy import DEFAULT, Policy, Transform

KEY = bytes(range(32))


def texts(policy: Policy = DEFAULT) -> Texts:
    return Texts(policy, "names", KEY)


def with_transform(transform: Transform) -> Policy:
    return replace(DEFAULT, scrub=replace(DEFAULT.scrub, transform=frozenset((transform,))))


def test_cells_are_cleaned_and_each_place_counts() -> None:
    cleaner = texts()
    values = ["Kim Lee", "red", "Kim Lee", "write to jane@example.com", "", "red"]
    assert cleaner.cells(values, "owner", "owner") == [
        "[PERSON]",
        "red",
        "[PERSON]",
        "write to [EMAIL_ADDRESS]",
        "",
        "red",
    ]
    assert cleaner.taken() == {"owner": {"EMAIL_ADDRESS": 1, "PERSON": 2}}


def test_an_unchanged_cell_is_the_very_same_object() -> None:
    cleaner = texts()
    values = ["".join(("re", "d" * at)) for at in range(1, 60)] + ["two " * 40]
    for _ in range(2):
        assert all(new is old for new, old in zip(cleaner.cells(values, "status", "status"), values, strict=True))
    assert cleaner.taken() == {}


def test_a_cell_does_not_depend_on_what_was_cleaned_before() -> None:
    values = ["frank", "Kim Lee", "Amber", "2024-03-01", "xlopez", "123456789", "Brown, Jasmine"]
    columns = ["shade", "name", "created_at", "user", "passport", "value"]
    once = texts()
    for column in columns:
        together = once.cells(values, column, column)
        assert together == [texts().cells([value], column, column)[0] for value in values]
        assert together == once.cells(values[::-1], column, column)[::-1]


def test_cells_of_cells_are_the_same() -> None:
    cleaner = texts()
    values = [
        "Kim Lee, born 1985-03-12",
        "call +49 30 901820 or jane@example.com",
        "Dra. Ana Ruiz",
        "Peer Roht",
        "Neustadt am See",
    ]
    for column in ("note", "name", "x", "city"):
        once = cleaner.cells(values, column, "p")
        assert cleaner.cells(once, column, "p") == once


@pytest.mark.parametrize("how", ["pseudonym", "token", "realistic", "mask"])
def test_cells_give_way_as_the_policy_says(how: str) -> None:
    cleaner = texts(with_transform(Transform(kind="PERSON", how=how)))
    first, second, other = cleaner.cells(["Kim Lee", "Kim Lee", "Ana Ruiz"], "name", "name")
    assert first == second != "Kim Lee"
    assert "Kim Lee" not in first
    assert how == "mask" or first != other
    assert cleaner.cells([first, other], "name", "name") == [first, other]


def test_a_long_cell_is_a_text() -> None:
    cleaner = texts()
    long = "Kim Lee wrote to us about the order and asked us to call her back at noon, or to write to jane@example.com."
    (cell,) = cleaner.cells([long], "status", "p")
    assert cell == cleaner.rewrite([long], "p")[0]
    assert "Kim Lee" not in cell


@pytest.mark.parametrize("value", ["", " ", "-", "?", "[PERSON]", "n/a", "NULL", "NaN", "None", "true", "FALSE"])
def test_what_is_no_value_stays_in_a_column_of_identifiers(value: str) -> None:
    cleaner = texts()
    (made,) = cleaner.whole([value], "PERSON", "name")
    assert made is value
    assert cleaner.taken() == {}


def test_whole_values_give_way_whatever_they_hold() -> None:
    cleaner = texts()
    values: Sequence[str] = ["zq", "Null", "17", "a b\nc"]
    assert cleaner.whole(values, "PERSON", "name") == ["[PERSON]"] * 4
    assert cleaner.taken() == {"name": {"PERSON": 4}}
