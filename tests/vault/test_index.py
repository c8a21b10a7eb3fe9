from __future__ import annotations

import numpy as np
import pytest

from privet.vault.index import Index

RANDOM = np.random.default_rng(3)
VECTORS = RANDOM.normal(size=(6000, 32)).astype(np.float32)
QUERIES = VECTORS[:50] + 0.1 * RANDOM.normal(size=(50, 32)).astype(np.float32)


def nearest(wanted: np.ndarray, k: int) -> list[set[int]]:
    """Return the true neighbours among rows."""
    unit = VECTORS[wanted] / np.linalg.norm(VECTORS[wanted], axis=1, keepdims=True)
    return [set(wanted[np.argsort(-(unit @ query))[:k]].tolist()) for query in QUERIES]


def recall(found: list[np.ndarray], truth: list[set[int]]) -> float:
    return float(
        np.mean([len(set(rows.tolist()) & wanted) / len(wanted) for rows, wanted in zip(found, truth, strict=True)])
    )


@pytest.fixture
def index() -> Index:
    made = Index(32)
    made.add(VECTORS)
    return made


@pytest.mark.parametrize("exact", [True, False])
def test_the_nearest_are_found(index: Index, exact: bool) -> None:
    scores, rows = index.search(QUERIES, 10, exact=exact)
    assert recall(rows, nearest(np.arange(6000), 10)) >= 0.99
    assert all((np.diff(each) <= 0).all() for each in scores)


@pytest.mark.parametrize("exact", [True, False])
def test_only_those_that_are_wanted_are_found(index: Index, exact: bool) -> None:
    wanted = RANDOM.random(6000) < 0.1
    _, rows = index.search(QUERIES, 10, wanted, exact=exact)
    assert wanted[np.concatenate(rows)].all()
    assert recall(rows, nearest(np.flatnonzero(wanted), 10)) >= 0.99


def test_what_was_taken_out_is_gone_and_the_rest_is_found(index: Index) -> None:
    index.search(QUERIES, 10)
    alive = np.ones(6000, np.bool_)
    for gone in (RANDOM.choice(6000, 2000, replace=False), np.arange(5990, 6000)):
        index.take_out(gone[alive[gone]].tolist())
        alive[gone] = False
        _, rows = index.search(QUERIES, 10, alive)
        assert alive[np.concatenate(rows)].all()
        assert recall(rows, nearest(np.flatnonzero(alive), 10)) >= 0.99
    index.add(VECTORS[:10])
    _, rows = index.search(VECTORS[:10], 1, np.concatenate((alive, np.ones(10, np.bool_))))
    assert {int(row) % 6000 for row in np.concatenate(rows)} == set(range(10))


def test_a_vector_of_length_0_is_like_nothing() -> None:
    made = Index(4)
    made.add(np.zeros((1, 4), np.float32))
    scores, rows = made.search(np.ones((1, 4), np.float32), 1)
    assert scores[0].tolist() == [0]
    assert rows[0].tolist() == [0]


@pytest.mark.parametrize("size", [1e-45, 1e-30, 1e-22, 1e-15, 1e-7, 1e15, 3e38])
def test_a_cosine_does_not_depend_on_a_length(size: float) -> None:
    made = Index(3)
    made.add(np.array([[1, 1, 0], [0, 1, 0]], np.float32))
    assert made.search(np.array([[size, size, 0]], np.float32), 2)[0][0].tolist() == pytest.approx(
        [1, 0.5**0.5], abs=1e-3
    )
    if size < 1e38:  # what is added has a length
        made = Index(3)
        made.add(np.array([[size, size, 0]], np.float32))
        assert made.search(np.array([[1, 1, 0]], np.float32), 1)[0][0].tolist() == pytest.approx([1], abs=1e-3)


def test_lengths_beyond_float32_are_no_warning_and_close_to_1_are_told_apart() -> None:
    made = Index(4)
    made.add(np.array([[1, 0, 0, 0], [2, 0, 0, 0], [0.6, 0.8, 0, 0]], np.float32))
    scores, _ = made.search(np.array([[1, 0, 0, 0]], np.float32), 3)
    assert scores[0].tolist() == pytest.approx([1, 1, 0.6], abs=1e-4)
    assert made.search(np.full((1, 4), 3e38, np.float32), 1)[0][0].tolist() == pytest.approx([0.7], abs=1e-3)
