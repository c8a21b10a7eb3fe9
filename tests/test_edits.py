"""Edits of texts, one list after the other, in whole texts and in pieces."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from privet.edits import Edit, across, combined, edited


@given(st.text("ab ", max_size=30), st.data())
def test_two_lists_of_edits_become_one(text: str, data: st.DataObject) -> None:
    def drawn(whole: str) -> list[Edit]:
        edges = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=8)))
        pairs = zip(edges[::2], edges[1::2], strict=False)
        return [Edit(low, high, data.draw(st.text("XY", max_size=5))) for low, high in pairs]

    first = drawn(text)
    between = edited(text, first)
    second = drawn(between)
    both = combined(first, between, second)
    assert edited(text, both) == edited(between, second)
    assert all(left.end <= right.start for left, right in pairwise(both))


@given(st.lists(st.text("abc", max_size=6), max_size=6), st.data())
def test_pieces_become_what_the_whole_becomes(runs: list[str], data: st.DataObject) -> None:
    whole = "".join(runs)
    edges = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=8)))
    edits = [
        Edit(low, high, data.draw(st.text("XY", max_size=3)))
        for low, high in zip(edges[::2], edges[1::2], strict=False)
    ]
    made = across(runs, edits)
    assert len(made) == len(runs)
    assert "".join(made) == edited(whole, edits)
