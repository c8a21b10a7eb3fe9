"""Epsilon: what is stated is an upper bound, two accountants agree, and noise follows from it."""

from __future__ import annotations

import math
from random import Random

import pytest
from scipy.stats import norm

from privet.errors import BadInput
from privet.train import accountant
from privet.train.accountant import Steps, epsilon_of, noise_for


def gaussian_delta(noise: float, epsilon: float) -> float:
    """Return delta of one Gaussian step that takes everybody (Balle and Wang 2018, theorem 8)."""
    return float(norm.cdf(0.5 / noise - epsilon * noise) - math.exp(epsilon) * norm.cdf(-0.5 / noise - epsilon * noise))


@pytest.mark.parametrize("noise", [0.7, 1.0, 3.0])
@pytest.mark.parametrize("steps", [1, 16])
def test_without_sampling_it_is_the_exact_gaussian(noise: float, steps: int) -> None:
    epsilon = epsilon_of((Steps(noise, 1.0, steps),), 1e-5)
    delta = gaussian_delta(noise / math.sqrt(steps), epsilon)
    assert delta <= 1e-5
    assert delta == pytest.approx(1e-5, rel=0.05)


def test_nothing_costs_nothing() -> None:
    assert epsilon_of((), 1e-5) == 0
    assert epsilon_of((Steps(1.0, 0.1, 0),), 1e-5) == 0


def test_runs_in_pieces_cost_what_one_costs() -> None:
    one = epsilon_of((Steps(1.1, 0.02, 300),), 1e-5)
    assert epsilon_of((Steps(1.1, 0.02, 100), Steps(1.1, 0.02, 200)), 1e-5) == pytest.approx(one, rel=1e-3)


@pytest.mark.parametrize("epsilon", [0.5, 3.0, 8.0])
def test_noise_keeps_within_the_budget_and_no_more(epsilon: float) -> None:
    noise = noise_for(epsilon, 1e-5, 0.02, 400)
    assert epsilon * 0.99 < epsilon_of((Steps(noise, 0.02, 400),), 1e-5) <= epsilon


@pytest.mark.parametrize(
    ("epsilon", "delta", "rate", "steps"), [(0, 1e-5, 0.1, 9), (1, 0, 0.1, 9), (1, 1e-5, 2, 9), (1, 1e-5, 0.1, 0)]
)
def test_impossible_numbers_are_refused(epsilon: float, delta: float, rate: float, steps: int) -> None:
    with pytest.raises(BadInput):
        noise_for(epsilon, delta, rate, steps)


def test_both_accountants_agree_where_neither_is_exact() -> None:
    chance = Random(0)
    for _ in range(6):
        steps = (Steps(chance.uniform(0.6, 3), chance.uniform(0.005, 0.3), chance.randrange(20, 500)),)
        first, second = accountant._pld(steps, 1e-5), accountant._prv(steps, 1e-5)
        assert first == pytest.approx(second, rel=accountant.MAX_APART, abs=0.02)
