"""The limit of epsilon: against the closed form, the theorem written out, and runs of randomized response."""

from __future__ import annotations

import math
from random import Random

import pytest

from privet.audit.model_one_run import chance_of_guesses, least_epsilon


def binomial(many: int, share: float) -> list[float]:
    return [math.comb(many, hits) * share**hits * (1 - share) ** (many - hits) for hits in range(many + 1)]


@pytest.mark.parametrize(("guesses", "error"), [(10, 0.05), (100, 0.05), (100, 0.01), (1000, 0.05)])
def test_all_right_without_delta(guesses: int, error: float) -> None:
    """All of r guesses are right with (e^epsilon / (1 + e^epsilon))^r at most (theorem 5.2 with delta 0)."""
    share = error ** (1 / guesses)
    assert least_epsilon(guesses, guesses, guesses, 0.0, error) == pytest.approx(
        math.log(share / (1 - share)), abs=1e-6
    )


@pytest.mark.parametrize(
    ("canaries", "guesses", "right", "epsilon", "delta"),
    [(200, 100, 80, 0.7, 1e-5), (1000, 50, 50, 2.0, 1e-5), (100, 100, 60, 0.0, 1e-3), (60, 20, 1, 1.0, 1e-2)],
)
def test_the_theorem_written_out(canaries: int, guesses: int, right: int, epsilon: float, delta: float) -> None:
    """P[W >= v] <= beta + 2 m delta max_i (P[v - i <= W' < v]) / i, W' binomial (theorem 5.2, appendix D)."""
    chances = binomial(guesses, math.exp(epsilon) / (1 + math.exp(epsilon)))
    beta = sum(chances[right:])
    alpha = max(sum(chances[right - step : right]) / step for step in range(1, right + 1))
    expected = min(1.0, beta + 2 * canaries * delta * alpha)
    assert chance_of_guesses(canaries, guesses, right, epsilon, delta) == pytest.approx(expected, rel=1e-9)


def test_delta_and_fewer_guesses_right_lower_the_limit() -> None:
    limits = [least_epsilon(100, 100, 100, delta, 0.05) for delta in (0.0, 1e-5, 1e-3)]
    assert limits == sorted(limits, reverse=True)
    assert limits[0] > limits[2]
    by_right = [least_epsilon(100, 100, right, 1e-5, 0.05) for right in (50, 60, 75, 90, 100)]
    assert by_right == sorted(by_right)
    assert by_right[0] == 0.0


def test_it_is_rarely_above_what_was_spent() -> None:
    """Randomized response is what a training of this epsilon may do at most: the limit is wrong in 5 % of runs at most.

    Of 400 runs more than 36 have a probability below 1e-3.
    """
    chance = Random(5)
    share = math.exp(1.0) / (1 + math.exp(1.0))
    runs = [sum(chance.random() < share for _ in range(200)) for _ in range(400)]
    assert 0 < sum(chance_of_guesses(200, 200, right, 1.0, 0.0) < 0.05 for right in runs) <= 36
