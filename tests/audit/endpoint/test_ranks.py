"""Ranks, against scipy's."""

from __future__ import annotations

from random import Random

import pytest
from scipy.stats import mannwhitneyu

from privet.audit.endpoint.ranks import auc, auc_limits, chance_of, shift


@pytest.mark.parametrize(("many", "few"), [(3, 4), (8, 8), (20, 12), (40, 40)])
def test_the_chance_is_the_exact_one(many: int, few: int) -> None:
    chance = Random(many)
    high, low = [chance.gauss(0.5, 1) for _ in range(many)], [chance.gauss(0, 1) for _ in range(few)]
    expected = mannwhitneyu(high, low, alternative="greater", method="exact").pvalue
    assert chance_of(high, low) == pytest.approx(expected, rel=1e-9)


def test_with_ties_it_is_the_normal_one() -> None:
    chance = Random(5)
    high, low = [float(chance.randrange(6)) for _ in range(30)], [float(chance.randrange(5)) for _ in range(25)]
    expected = mannwhitneyu(high, low, alternative="greater", method="asymptotic").pvalue
    assert chance_of(high, low) == pytest.approx(expected, rel=1e-6)
    assert chance_of([1.0] * 9, [1.0] * 9) == 1.0
    assert chance_of([], [1.0]) == 1.0


def test_limits_hold_the_area_as_often_as_they_say() -> None:
    # d' = 1: the area is 0.760. 400 samples of 40 and 40; each limit may be wrong in 5 %: 4 to 36 of them at 1e-4.
    chance, wrong = Random(11), [0, 0]
    for _ in range(400):
        low, high = auc_limits([chance.gauss(1, 1) for _ in range(40)], [chance.gauss(0, 1) for _ in range(40)], 0.05)
        wrong[0] += low > 0.7602
        wrong[1] += high < 0.7602
    assert min(wrong) >= 4
    assert max(wrong) <= 36


def test_perfect_separation_is_not_certain() -> None:
    low, high = auc_limits([2.0, 3.0, 4.0, 5.0], [0.0, 1.0], 0.05)
    assert auc([2.0, 3.0], [0.0, 1.0]) == 1.0
    assert low < 0.99 < high <= 1.0
    assert shift([2.0, 3.0], [0.0, 1.0]) == 2.0
