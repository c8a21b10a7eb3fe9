"""Words of a picture: which of them give way, and what misreading does not save."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.edits import Edit
from privet.metadata.picture_text import Corners, Line, Word, to_cover

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\+?\d[\d ]{7,}\d|Jane Doe")


def edits(texts: Sequence[str]) -> list[list[Edit]]:
    return [[Edit(found.start(), found.end(), "X") for found in ADDRESS.finditer(text)] for text in texts]


def place(number: int) -> Corners:
    return ((number, 0), (number + 1, 0), (number + 1, 1), (number, 1))


def lines(*texts: str, certainty: float = 1.0) -> list[Line]:
    """Return lines of words; a word's place is its number. An underscore alone stands for a gap with ink in it."""
    out: list[Line] = []
    number = 0
    for text in texts:
        line = []
        before = " "
        for part in text.split(" "):
            if part == "_":
                before = "_"
                continue
            line.append(Word(part, place(number), certainty, before))
            number += 1
            before = " "
        out.append(tuple(line))
    return out


def covered(*texts: str, certainty: float = 1.0) -> list[str]:
    found = lines(*texts, certainty=certainty)
    words = {word.corners: word.text for line in found for word in line}
    return [words[corners] for corners in to_cover(found, edits)]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["write to jane@example.com today"], ["jane@example.com"]),
        (["ask", "Jane Doe", "again"], ["Jane", "Doe"]),
        (["nothing at all", "in 3 lines"], []),
        (["call +1 202 555 0143 now"], ["+1", "202", "555", "0143"]),
        (["(jane@example.com),"], ["(jane@example.com),"]),
    ],
)
def test_words_of_which_something_gives_way(texts: list[str], expected: list[str]) -> None:
    assert covered(*texts) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("call 2O2 555 Ol43 now", ["2O2", "555", "Ol43"]),
        ("mail jane. doe@example.com now", ["jane.", "doe@example.com"]),
        ("mail jane@ example.com now", ["jane@", "example.com"]),
        ("mail jane _ doe@example.com now", ["jane", "doe@example.com"]),
        ("card 4111 1111 1111 1112 ends", ["4111", "1111", "1111", "1112"]),
        ("to DE89 3704 0O44 0532 0130 00 today", ["DE89", "3704", "0O44", "0532", "0130", "00"]),
        ("number 078-05-1121 is hers", ["078-05-1121"]),
    ],
)
def test_misread_identifiers_go_too(text: str, expected: list[str]) -> None:
    assert covered(text) == expected


def test_long_numbers_that_were_read_with_doubt_are_covered() -> None:
    assert covered("ref 12.345.678.901 end", certainty=0.99) == []
    assert covered("ref 12.345.678.901 end", certainty=0.5) == ["12.345.678.901"]
    assert covered("ref 12 34 end", certainty=0.5) == []


def test_a_name_is_looked_for_over_all_lines_in_one_go() -> None:
    asked: list[str] = []

    def spy(texts: Sequence[str]) -> list[list[Edit]]:
        asked.extend(texts)
        return [[] for _ in texts]

    assert to_cover(lines("one two", "three"), spy) == []
    assert asked == ["one two\nthree"]


def test_no_words_are_no_question() -> None:
    def never(_texts: Sequence[str]) -> list[list[Edit]]:
        raise AssertionError

    assert to_cover([], never) == []


def test_a_word_does_not_show_its_text() -> None:
    assert "jane" not in repr(lines("jane@example.com")[0])


@given(st.lists(st.lists(st.text("ab1@.", min_size=1, max_size=4), min_size=1, max_size=5), max_size=5), st.data())
def test_exactly_the_words_that_an_edit_touches(texts: list[list[str]], data: st.DataObject) -> None:
    whole = "\n".join(" ".join(line) for line in texts)
    start = data.draw(st.integers(0, max(0, len(whole) - 1)))
    end = data.draw(st.integers(start + 1, len(whole) + 1))

    def one(asked: Sequence[str]) -> list[list[Edit]]:
        return [[Edit(start, end, "")] if text == whole and at == 0 else [] for at, text in enumerate(asked)]

    expected = []
    at = number = 0
    for line in texts:
        for word in line:
            if max(at, start) < min(at + len(word), end):
                expected.append(place(number))
            at += len(word) + 1
            number += 1
    assert to_cover(lines(*(" ".join(line) for line in texts)), one) == expected
