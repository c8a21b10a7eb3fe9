"""Poisson batches: how many, who, and how many of a unit."""

from __future__ import annotations

import numpy as np
import pytest

from privet.errors import BadInput
from privet.train.sampling import PoissonBatches


def test_sizes_are_binomial() -> None:
    batches = list(PoissonBatches([[at] for at in range(500)], 50).batches(2000))
    sizes = np.array([len(batch) for batch in batches])
    # Mean 50, variance 45; five standard errors.
    assert abs(sizes.mean() - 50) < 5 * np.sqrt(45 / 2000)
    assert abs(sizes.var() - 45) < 5 * 45 * np.sqrt(2 / 2000)


def test_everybody_is_as_likely() -> None:
    counts = np.zeros(100)
    for batch in PoissonBatches([[at] for at in range(100)], 20).batches(4000):
        for unit in batch:
            counts[unit] += 1
    assert np.all(np.abs(counts - 800) < 6 * np.sqrt(640))


def test_units_are_drawn_by_themselves() -> None:
    together = sum([0] in batch and [1] in batch for batch in PoissonBatches([[0], [1]], 1.0).batches(8000))
    assert abs(together - 2000) < 6 * np.sqrt(1500)


def test_an_empty_batch_may_come() -> None:
    assert any(not batch for batch in PoissonBatches([[0]], 0.2).batches(200))


def test_of_a_unit_no_more_examples_are_taken_than_allowed() -> None:
    seen = set()
    for batch in PoissonBatches([[0, 1, 2, 3], [4]], 2, per_unit=2).batches(200):
        first, second = batch
        assert len(set(first)) == 2
        assert second == [4]
        seen.update(first)
    assert seen == {0, 1, 2, 3}


def test_two_runs_differ() -> None:
    source = PoissonBatches([[at] for at in range(200)], 100)
    assert list(source.batches(1)) != list(source.batches(1))


@pytest.mark.parametrize(("units", "expected"), [([], 1), ([[0]], 2), ([[0]], 0)])
def test_impossible_batches_are_refused(units: list[list[int]], expected: float) -> None:
    with pytest.raises(BadInput):
        PoissonBatches(units, expected)
