"""Rows with equal keys come together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.errors import BadInput
from privet.ingest import same_keys
from privet.ingest.same_keys import SameKeys

KEYS = st.one_of(st.sampled_from([0, 1, 2**39, 2**40 - 1]), st.integers(0, 2**40 - 1), st.integers(2**20, 2**20 + 3))


def together(folder: Path | None, keys: list[int], numbers: int, step: int) -> tuple[list[list[int]], int]:
    """Return the numbers of the rows of each key, and of how many pieces the largest bunch was."""
    found: list[list[int]] = []
    most = 0
    high = numbers - len(keys)
    with SameKeys(folder, len(keys), numbers) as same:
        for at in range(0, len(keys), step):
            some = np.array(keys[at : at + step], np.uint64)
            same.add(some, np.arange(at, at + len(some), dtype=np.uint64) + np.uint64(high))
        for bunch in same.bunches():
            groups: dict[int, list[int]] = {}
            for each in (list(bunch), list(bunch)):
                groups.clear()
                for told, rows in each:
                    for key, row in zip(told.tolist(), rows.tolist(), strict=True):
                        groups.setdefault(key, []).append(row - high)
                most = max(most, len(each))
                assert len(each) <= 1 or len(groups) == 1
            found += groups.values()
    return sorted(found), most


@settings(deadline=None)
@given(st.lists(KEYS, max_size=300), st.sampled_from([300, 2**24 + 9, 2**32]), st.integers(1, 60))
def test_rows_of_a_key_come_together_in_their_order(keys: list[int], numbers: int, step: int) -> None:
    expected: dict[int, list[int]] = {}
    for row, key in enumerate(keys):
        expected.setdefault(key, []).append(row)
    with pytest.MonkeyPatch.context() as patched:
        # With the most rows the first eight bits of a key are said by its bunch alone, as they are of millions.
        patched.setattr(same_keys, "AT_ONCE", 1 if numbers > 2**24 else 8)
        if len(keys) < 128 < numbers:
            numbers = 300
        found, _ = together(None, keys, numbers, step)
    assert found == sorted(expected.values())


def test_a_key_of_more_rows_than_fit_comes_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_keys, "AT_ONCE", 16)
    keys = [7, 8] * 500 + list(range(1000, 1200))
    found, most = together(tmp_path, keys, len(keys), 40)
    assert found[:2] == [list(range(0, 1000, 2)), list(range(1, 1000, 2))]
    assert len(found) == 202
    assert most > 10
    assert not list(tmp_path.iterdir())


def test_more_rows_than_can_be_numbered_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="more than 4294967296 rows"):
        SameKeys(tmp_path, 1, 2**32 + 1)
