"""Checks that tables of rules do not reach on their own."""

from __future__ import annotations

import pytest

from privet.detect import checks
from privet.detect.rule import CONTEXT_CHARS, Candidate


def candidate(text: str, value: str) -> Candidate:
    data = text.encode()
    start = data.index(value.encode())
    return Candidate(data, start, start + len(value.encode()))


@pytest.mark.parametrize(
    ("number", "valid"),
    [("79927398713", True), ("79927398710", False), ("0", True), ("18", True), ("4111111111111111", True)],
)
def test_luhn(number: str, *, valid: bool) -> None:
    assert checks.luhn(number) is valid


@pytest.mark.parametrize(
    "text", ["1 42 x", "x 42 1", "3.42", "42.5", "v_42", "42_x", "a/42", "42%", "#42", "é1 42", "-42"]
)
def test_a_number_in_a_row_or_a_term_is_not_alone(text: str) -> None:
    assert not checks.alone(candidate(text, "42"))


@pytest.mark.parametrize("text", ["42", "is 42.", "(42)", "id=42,", "é42é", "42\n7", "a: 42;", '"42"', "は42です"])
def test_a_number_by_itself_is_alone(text: str) -> None:
    assert checks.alone(candidate(text, "42"))


@pytest.mark.parametrize(
    ("token", "random"),
    [
        ("9f8e7d6c5b4a3928", True),
        ("Zm9vYmFyYmF6cXV4MTIz", True),
        ("begin_of_sentence_1", False),
        ("1234567890123456", False),
        ("aaaaaaaaaaaaaa11", False),
    ],
)
def test_randomness(token: str, *, random: bool) -> None:
    assert checks.is_random(token) is random


def test_left_side_is_bounded_and_lower_case() -> None:
    hit = candidate("Ä" * 100 + " TEL 42", "42")
    assert hit.left == "ä" * (CONTEXT_CHARS - 5) + " tel "


def test_a_candidate_does_not_show_its_text() -> None:
    assert "secret" not in repr(candidate("secret", "secret"))
