"""Checks that tables of rules do not reach on their own."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

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


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="a1 \t\n.,;:-/\\_=+*#%$é", max_size=4), st.text(alphabet="a1 \t\n.,;:-/\\_=+*#%$é", max_size=4))
def test_alone_is_told_by_two_bytes_at_either_side(left: str, right: str) -> None:
    before, after = left.encode()[-2:], right.encode()[:2]
    number = len(before) > 1 and before[1:] in b" \t,;:" and before[:1].isdigit()
    joined = before[-1:].isalnum() or (before and before[-1:] in b"./\\-_+*#%$")
    goes_on = after[:1].isalnum() or (after and after[:1] in b"_%\\/*+")
    further = len(after) > 1 and after[:1] in b" \t.,-:" and after[1:].isdigit()
    data = left.encode() + b"42" + right.encode()
    place = len(left.encode())
    assert checks.alone(Candidate(data, place, place + 2)) is not bool(number or joined or goes_on or further)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(["version", "Ver", "v", "x", "at", "OID", "snmp", " ", ":", ".", "\n", "'", "2"]), max_size=5
    )
)
@example(["at", " ", "."])
@example(["."])
@example(["2", "\n"])
def test_a_version_is_no_address(parts: list[str]) -> None:
    left = "".join(parts)
    is_version = re.search(
        r"(?:\b(?:version|ver|release|rel|v|oid|snmp|section|python|chapter)[\s.:=\"']*|[\d.]|\bv)$",
        left[-16:].lower(),
        re.ASCII,
    )
    data = left.encode() + b"192.0.2.1"
    assert checks.ipv4(Candidate(data, len(left), len(data))) is (is_version is None)


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
