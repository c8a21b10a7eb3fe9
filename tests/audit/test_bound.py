"""Bounds against their definitions and against chance."""

from __future__ import annotations

from random import Random

import pytest
from scipy.stats import binom, hypergeom

from privet.audit.bound import at_most, lower_limit, needed_records, residual_limit, upper_limit


@pytest.mark.parametrize(("hits", "tries"), [(0, 50), (1, 50), (25, 50), (49, 50), (50, 50), (3, 5000)])
def test_limits_are_those_of_clopper_and_pearson(hits: int, tries: int) -> None:
    low, high = lower_limit(hits, tries, 0.025), upper_limit(hits, tries, 0.025)
    if hits:
        assert binom.sf(hits - 1, tries, low) == pytest.approx(0.025)
    else:
        assert low == 0.0
    if hits < tries:
        assert binom.cdf(hits, tries, high) == pytest.approx(0.025)
    else:
        assert high == 1.0


@pytest.mark.parametrize(("records", "drawn", "holding"), [(200, 60, 9), (1000, 999, 4), (50, 50, 6), (400, 20, 200)])
@pytest.mark.parametrize("recall", [1.0, 0.8, 0.3])
def test_chance_of_few_hits_is_a_thinned_hypergeometric(records: int, drawn: int, holding: int, recall: float) -> None:
    for flagged in range(4):
        expected = sum(
            hypergeom.pmf(met, records, holding, drawn) * binom.cdf(flagged, met, recall)
            for met in range(min(drawn, holding) + 1)
        )
        assert at_most(flagged, holding, drawn, records, recall, None) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("least", [None, 0.25])
def test_the_limit_is_the_largest_that_chance_does_not_exclude(least: float | None) -> None:
    for flagged in (0, 1, 7):
        held = residual_limit(flagged, 250, 1000, 0.85, 0.05, least=least)
        assert at_most(flagged, held, 250, 1000, 0.85, least) > 0.05
        assert at_most(flagged, held + 1, 250, 1000, 0.85, least) <= 0.05


def test_a_full_count_without_a_hit_leaves_a_bound_above_zero() -> None:
    assert residual_limit(0, 10_000, 10_000, 0.9, 0.04) == 1
    assert residual_limit(0, 10_000, 10_000, 0.5, 0.04) == 4


def test_without_recall_nothing_is_known() -> None:
    assert residual_limit(0, 100, 100, 0.0, 0.05) == 100


@pytest.mark.parametrize("records", [10_000_000, 300])
def test_large_numbers_stay_finite(records: int) -> None:
    held = residual_limit(3, min(5000, records), records, 0.9, 0.04)
    assert 3 <= held < records


def test_the_bound_covers_in_simulation() -> None:
    # 400 draws at an error of 0.1; fewer than 340 covered has a chance below 1 in 1,000.
    chance = Random(7)
    covered = 0
    for _ in range(400):
        flagged = sum(chance.random() < 0.8 for one in chance.sample(range(2000), 500) if one < 40)
        covered += residual_limit(flagged, 500, 2000, 0.8, 0.1) >= 40
    assert covered >= 340


def test_the_sample_that_is_named_suffices() -> None:
    for share, recall, limit in ((0.0, 0.8, 0.01), (0.002, 0.8, 0.01), (0.0, 0.99, 0.0001)):
        needed = needed_records(share, recall, limit)
        assert needed is not None
        assert upper_limit(round(share * needed), needed, 0.04) / recall <= limit
    assert needed_records(0.009, 0.8, 0.01) is None
    assert needed_records(0.0, 0.0, 0.01) is None
