"""Placeholders: what counts as one, and that nothing in one is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.detect.engine import Detector
from privet.detect.placeholders import MAX_PLACEHOLDER_CHARS, PLACEHOLDER, closed_end, outside, placeholder_pattern
from privet.records import KINDS, Span
from privet.surrogates import writing

KEY = bytes(range(32))
PATTERNS = Detector(tier="patterns")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("surrogate", ["label", "pseudonym", "token"])
def test_what_is_written_is_a_placeholder(kind: str, surrogate: str) -> None:
    for value in ("x", "jane@example.com", "y" * 256):
        written = writing(surrogate, KEY, "").surrogate(Span(0, len(value), kind, 1.0, "r"), value)
        assert PLACEHOLDER.fullmatch(written)
        assert len(written) <= MAX_PLACEHOLDER_CHARS


@pytest.mark.parametrize(
    "text",
    [
        "[MERKEL]",
        "[PERSON",
        "PERSON]",
        "[person]",
        "[PERSON_]",
        "[PERSON_1234567]",
        "[PERSON:1abc]",
        "[PERSON_hunter2]",
    ],
)
def test_anything_else_in_brackets_is_not(text: str) -> None:
    assert not PLACEHOLDER.search(text)


def test_kinds_of_own_rules_count_where_they_are_known() -> None:
    assert not PLACEHOLDER.search("[STAFF_NUMBER]")
    assert placeholder_pattern(frozenset(("STAFF_NUMBER",))).fullmatch("[STAFF_NUMBER_12]")


@pytest.mark.parametrize(
    "written", ["[URL]", "[PERSON_1]", "[PERSON_k7f3q2mabc]", "[EMAIL_ADDRESS:1" + "a2" * 20 + "]"]
)
def test_an_identifier_around_a_placeholder_is_found_without_it(written: str) -> None:
    text = f"see https://example.com/{written}?mail=jane@example.com now"
    spans = PATTERNS.find(text)
    place = text.index(written)
    assert not any(span.start < place + len(written) and span.end > place for span in spans)
    assert any(span.start <= text.index("jane") and span.end >= text.index(" now") for span in spans)


@given(st.integers(0, 30), st.integers(1, 12), st.lists(st.integers(0, 40), max_size=6, unique=True))
def test_outside_keeps_every_letter_that_is_in_no_region(start: int, size: int, bounds: list[int]) -> None:
    bounds.sort()
    regions = list(zip(bounds[::2], bounds[1::2], strict=False))
    parts = outside("x" * 50, [Span(start, start + size, "URL", 1.0, "r")], regions)
    kept = {place for part in parts for place in range(part.start, part.end)}
    assert kept == {place for place in range(start, start + size) if not any(a <= place < b for a, b in regions)}


def test_an_open_placeholder_is_known() -> None:
    for written in ("[PERSON]", "[PERSON_12]", "[PERSON_k7f3q2mabc]", "[EMAIL_ADDRESS:1" + "a2" * 20 + "]"):
        for end in range(1, len(written)):
            assert closed_end("so " + written[:end]) == 3
        assert closed_end("so " + written) == 3 + len(written)
    assert closed_end("a [b] c") == 7
