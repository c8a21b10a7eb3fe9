"""Invented words and codes: nobody is called so, and what is made up is known as such."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.detect.names import network
from privet.detect.words import key_of
from privet.realistic import code_for, drawing, invented_words, is_made_up, made_up, word_for
from privet.records import KINDS

DRAW = drawing(bytes(range(32)), "")


def test_no_invented_word_is_a_name_or_a_word_that_the_model_knows() -> None:
    lexicon = network()._lexicon
    held = {*lexicon._name_keys.tolist(), *lexicon._word_keys.tolist()}
    assert [word for word in invented_words().known if key_of(word) in held] == []


@given(st.text("abcXYZ0123456789-/ ", min_size=1, max_size=40))
def test_codes_keep_their_shape_and_are_known(value: str) -> None:
    code = code_for(value, DRAW)
    assert len(code) == len(value)
    assert [(a.isdigit(), a.isupper(), a.islower()) for a in code] == [
        (a.isdigit(), a.isupper(), a.islower()) for a in value
    ]
    assert code_for(code, DRAW) == code


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "DATE" not in kind])
@pytest.mark.parametrize(
    "value",
    [
        "Anna Weber",
        "jane@example.com",
        "+49 30 123456",
        "+81 3 1234 5678",
        "(415) 555-0100",
        "192.0.2.1",
        "ab12-CD34",
        "42",
        "https://example.com",
    ],
)
def test_what_is_made_up_stays(kind: str, value: str) -> None:
    once = made_up(kind, value, DRAW)
    assert once != value
    assert made_up(kind, once, DRAW) == once


@pytest.mark.parametrize("word", ["Anna", "ANNA", "anna", "Анна", "Ἄννα", "太郎", "ア", "김", "A", "שרה"])
def test_words_keep_their_case(word: str) -> None:
    new = word_for(word, DRAW)
    assert new != word
    assert (new.isupper(), new.islower()) == (word.isupper(), word.islower()) or not word.isascii()
    assert word_for(new, DRAW) == new


@pytest.mark.parametrize(
    "value", ["Anna Weber", "jane@example.com", "192.0.2.1", "+1 415 555 0100", "4111 1111 1111 1111", "", "-"]
)
def test_other_values_are_not_taken_for_ours(value: str) -> None:
    assert not is_made_up(value)
