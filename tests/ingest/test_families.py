"""Families of rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.ingest.families import Families


def firsts(rows: int, pairs: list[tuple[int, int]]) -> list[int]:
    """Return the first row of the family of each, told one pair at a time."""
    out = list(range(rows))
    for one, two in pairs:
        low, high = sorted((out[one], out[two]))
        out = [low if first == high else first for first in out]
    return out


@settings(deadline=None)
@given(
    st.integers(1, 60).flatmap(
        lambda rows: st.tuples(
            st.just(rows),
            st.lists(st.lists(st.tuples(*[st.integers(0, rows - 1)] * 2), min_size=1, max_size=30), max_size=6),
        )
    )
)
def test_families_are_those_of_the_pairs(given_pairs: tuple[int, list[list[tuple[int, int]]]]) -> None:
    rows, batches = given_pairs
    expected = firsts(rows, [pair for batch in batches for pair in batch])
    with Families(None, rows) as families:
        for batch in batches:
            left, right = np.array(batch).T
            families.unite(families.roots(left), families.roots(right))
        assert families.roots(np.arange(rows)).tolist() == expected
        assert families.is_later(0, rows).tolist() == [first != row for row, first in enumerate(expected)]


def test_a_long_chain_is_one_family() -> None:
    rows = 20_000
    with Families(None, rows) as families:
        at = np.arange(rows - 1)[::-1]
        for start in range(0, rows - 1, 100):
            some = at[start : start + 100]
            families.unite(families.roots(some), families.roots(some + 1))
        assert not families.roots(np.arange(rows)).any()
        assert families.is_later(0, rows).sum() == rows - 1
