"""What is judged anew after an edit: the same as if everything were, and little of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.detect.engine import detector
from privet.detect.names import NamesTier
from privet.detect.reread import near_edits
from privet.policy import DEFAULT

TIER = detector(DEFAULT.detect).names
WORDS = [
    "Ana",
    "Ruiz",
    "met",
    "in",
    "Berlin",
    "on",
    "12",
    "March",
    "@",
    "[PERSON]",
    "a" * 70,
    "\n",
    ",",
    "Smith",
    "é",
    "3.5",
]
GAPS = ["", " ", "\n", " " * 80]
texts = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(GAPS)), max_size=60).map(
    lambda pieces: "".join(word + gap for word, gap in pieces)
)


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, list[tuple[int, int, str]]]:
    text = draw(texts)
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8).filter(lambda found: len(found) % 2 == 0)))
    new = st.sampled_from(["", "[PERSON]", "Tom", " ", "[DATE_TIME] of", "x" * 70])
    return text, [(start, end, draw(new)) for start, end in zip(places[::2], places[1::2], strict=True)]


def after(text: str, edits: list[tuple[int, int, str]]) -> str:
    out, last = "", 0
    for start, end, new in edits:
        out += text[last:start] + new
        last = end
    return out + text[last:]


@settings(max_examples=150, deadline=None)
@given(st.lists(edited(), min_size=1, max_size=4))
def test_words_near_edits_and_the_others_together_are_what_a_whole_look_says(
    pairs: list[tuple[str, list[tuple[int, int, str]]]],
) -> None:
    tier = _tier()
    before = tier.read_all([text for text, _ in pairs])
    made = [after(*pair) for pair in pairs]
    again = tier.reread_all(made, [edits for _, edits in pairs], before)
    for one, whole in zip(again, tier.read_all(made), strict=True):
        assert one.found == whole.found
        assert one.kinds.tolist() == whole.kinds.tolist()
        assert one.certain.tolist() == whole.certain.tolist()
        assert one.begins.tolist() == whole.begins.tolist()


def _tier() -> NamesTier:
    assert TIER is not None
    return TIER


def test_a_text_is_read_as_it_is_looked_at() -> None:
    text = "Then Angela Merkel met Emmanuel Macron in Berlin, " * 40
    tier = _tier()
    (read,) = tier.read_all([text])
    assert tier.spans_read(text, read) == tier.candidates(text, 0, len(text))


@pytest.mark.parametrize(
    ("edits", "fresh"),
    [
        ([], []),
        ([(20, 21, "yy")], range(3, 18)),
        ([(0, 1, "yy")], range(8)),
        ([(98, 99, "yy")], range(42, 50)),
    ],
)
def test_only_words_in_reach_are_judged_anew(edits: list[tuple[int, int, str]], fresh: range) -> None:
    text = "x " * 50
    tier = _tier()
    (old,), (new,) = tier.read_all([text]), tier.read_all([after(text, edits)])
    near = near_edits(old.found.places, new.found.places, edits, tier.reach_words)
    assert near.fresh.nonzero()[0].tolist() == list(fresh)


def test_little_is_judged_anew() -> None:
    text = "the plan was good and we went on with it " * 40
    tier = _tier()
    edits = [(820, 823, "[PERSON]")]
    (old,), (new,) = tier.read_all([text]), tier.read_all([after(text, edits)])
    near = near_edits(old.found.places, new.found.places, edits, tier.reach_words)
    assert sum(end - start for start, end in near.pieces) <= 4 * tier.reach_words + 3
