"""How much privacy a run spends: epsilon for Poisson-sampled Gaussian steps, by two accountants that must agree.

Invariants:

- Every step takes each unit with the same probability, by itself, and adds noise of `noise_multiplier` times the clipping norm to the sum.
  Neighbouring datasets differ by one unit that is there or not.
- The epsilon that is stated is the upper bound of privacy loss distributions (dp-accounting); where that of the privacy random variable
  (opacus) differs by more than `MAX_APART` and its own error, the run stops: one of them is wrong.

Sources: Abadi et al. 2016 (DP-SGD); Sommer et al. 2019 and Doroshenko et al. 2022 (privacy loss distributions); Gopi et al. 2021 (privacy
random variables).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from privet.errors import BadInput, Unprotected

NAME: Final = "PLD (dp-accounting), checked by PRV (opacus)"
MAX_APART: Final = 0.01
_PRV_ERROR: Final = 0.01
_MOST_NOISE: Final = 1e4
_LEAST_NOISE: Final = 0.2
_CLOSE: Final = 2e-3
_APART: Final = 1e-4
_BUCKET: Final = 1e-4
"""how finely privacy losses are counted at most"""
_WIDE_BUCKET: Final = 1e-3
_BUCKET_OF_EPSILON: Final = 5e-4


@dataclass(frozen=True, slots=True)
class Steps:
    """So many steps of a run, alike."""

    noise_multiplier: float
    sampling_rate: float
    count: int


def epsilon_of(steps: tuple[Steps, ...], delta: float) -> float:
    """Return the epsilon that steps have spent at a delta; 0 for none.

    Raises:
        Unprotected: the two accountants do not agree.

    """
    taken = tuple(each for each in steps if each.count)
    if not taken:
        return 0.0
    epsilon, checked = _pld(taken, delta), _prv(taken, delta)
    if abs(epsilon - checked) > MAX_APART * max(epsilon, checked) + 2 * _PRV_ERROR:
        raise Unprotected(
            "the two privacy accountants do not agree on epsilon",
            hint="report it with noise multiplier, sampling rate and number of steps; nothing was trained further",
        )
    return epsilon


def noise_for(epsilon: float, delta: float, sampling_rate: float, steps: int) -> float:
    """Return the least noise multiplier with which so many steps stay within an epsilon, and spend 99.8 % of it or more.

    Raises:
        BadInput: no noise is enough, or the numbers are none.

    """
    if not (epsilon > 0 and 0 < delta < 1 and 0 < sampling_rate <= 1 and steps > 0):
        raise BadInput(
            "expected epsilon above 0, delta between 0 and 1, a sampling rate up to 1, and steps",
            hint="see docs/train.md",
        )
    low: tuple[float, float] | None = None
    high: tuple[float, float] | None = None
    noise = 1.0
    while high is None or (high[1] < epsilon * (1 - _CLOSE) and high[0] > _LEAST_NOISE):
        if noise > _MOST_NOISE:
            raise BadInput("no noise gives this epsilon", hint="take fewer steps, smaller batches or more data")
        spent = _pld((Steps(noise, sampling_rate, steps),), delta)
        if spent > epsilon:
            low = (noise, spent)
        else:
            high = (noise, spent)
        if low is not None and high is not None and high[0] < low[0] * (1 + _APART):
            break
        noise = _next(low, high, epsilon)
    return high[0]


def _next(low: tuple[float, float] | None, high: tuple[float, float] | None, epsilon: float) -> float:
    """Return the noise to try after a pair (noise, epsilon) with too little of it, and one with enough."""
    if low is None or high is None:
        noise, spent = low or high or (1.0, epsilon)
        # Epsilon falls with the noise about like its power of -1.2; both sides are needed, so a little further.
        factor = (spent / epsilon) ** 0.8
        return max(noise * (min(factor * 1.03, 8) if high is None else max(factor * 0.97, 0.25)), _LEAST_NOISE)
    share = math.log(low[1] / (epsilon * (1 - _CLOSE / 2))) / math.log(low[1] / max(high[1], epsilon * 1e-3))
    return float(low[0] * (high[0] / low[0]) ** min(max(share, 0.02), 0.98))


@lru_cache(maxsize=256)
def _pld(steps: tuple[Steps, ...], delta: float) -> float:
    # Every width of bucket gives an upper bound. Wide ones are hardly looser where epsilon is large, and much quicker.
    epsilon = _pld_in(steps, delta, _WIDE_BUCKET)
    narrow = max(epsilon * _BUCKET_OF_EPSILON, _BUCKET)
    return epsilon if narrow >= _WIDE_BUCKET else min(epsilon, _pld_in(steps, delta, narrow))


def _pld_in(steps: tuple[Steps, ...], delta: float, bucket: float) -> float:
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent
    from dp_accounting.pld import PLDAccountant

    accountant = PLDAccountant(value_discretization_interval=bucket)
    for each in steps:
        event = PoissonSampledDpEvent(each.sampling_rate, GaussianDpEvent(each.noise_multiplier))
        accountant.compose(event, each.count)
    return float(accountant.get_epsilon(delta))


@lru_cache(maxsize=256)
def _prv(steps: tuple[Steps, ...], delta: float) -> float:
    from opacus.accountants import PRVAccountant

    accountant = PRVAccountant()
    accountant.history = [(each.noise_multiplier, each.sampling_rate, each.count) for each in steps]
    # It takes logarithms of nought, and looks for a first guess among orders that do not reach far enough, both on purpose.
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(accountant.get_epsilon(delta, eps_error=_PRV_ERROR, delta_error=delta / 1000))
