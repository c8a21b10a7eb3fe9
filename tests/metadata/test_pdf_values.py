"""Values of a PDF are read whatever stands there."""

from __future__ import annotations

import pytest
from pikepdf import Array, Dictionary, Name, Object, String

from privet.metadata.pdf_values import integer, number, spelled, written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Name.Form, "/Form"),
        (Object.parse(b"/A#20B"), "/A B"),
        (Object.parse(b"/#ba#cb"), "/\udcba\udccb"),
        (String("text"), "text"),
        (3, "3"),
    ],
)
def test_a_name_as_keys_are_spelled(value: object, text: str) -> None:
    assert spelled(value) == text


def test_a_string_that_breaks_its_encoding_is_read() -> None:
    assert written(String("J\u00e4ne")) == "J\u00e4ne"
    assert written(Object.parse(b"<efbbbfff41>")).endswith("A")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, Name.A, String("x"), Array([]), Dictionary(), "", "1.0.0"])
def test_what_is_no_number_is_zero(value: object) -> None:
    assert number(value) == integer(value) == 0


def test_numbers() -> None:
    assert number(Object.parse(b"1.5")) == 1.5
    assert integer(Object.parse(b"7")) == 7
    assert integer(10**30) == 0
