"""A lower limit of epsilon from one training run: Steinke, Nasr and Jagielski 2023, "Privacy auditing with one (1) training run".

Each of m canaries was put into the training by a fair coin of its own. The auditor guesses r of the coins and leaves the others out; v
guesses are right. Under (epsilon, delta) so many right ones have at most the probability of theorem 5.2, and the epsilon at which that is
the allowed error is the limit.

Invariant: guesses depend on the model and the canaries, never on the coins.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

_MOST: Final = 64.0
_STEPS: Final = 60


def chance_of_guesses(canaries: int, guesses: int, right: int, epsilon: float, delta: float) -> float:
    """Return an upper limit of the probability of so many right guesses or more, whatever an (epsilon, delta) training did.

    >>> round(chance_of_guesses(10, 10, 10, 0.0, 0.0) * 2**10, 9)
    1.0
    """
    from scipy.stats import binom

    # A guess against pure epsilon is right with at most this probability: randomized response.
    share = 1 / (1 + math.exp(-epsilon))
    pure = float(binom.sf(right - 1, guesses, share))
    if not delta or not right:
        return min(1.0, pure)
    steps = np.arange(1, right + 1)
    below = np.cumsum(binom.pmf(right - steps, guesses, share))
    return min(1.0, pure + float((below / steps).max()) * delta * 2 * canaries)


def least_epsilon(canaries: int, guesses: int, right: int, delta: float, error: float) -> float:
    """Return the lower limit of epsilon that is wrong with a probability of at most `error`.

    >>> round(least_epsilon(100, 100, 100, 0.0, 0.05), 3)
    3.493
    """
    low, high = 0.0, _MOST
    if chance_of_guesses(canaries, guesses, right, low, delta) > error:
        return 0.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if chance_of_guesses(canaries, guesses, right, middle, delta) > error:
            high = middle
        else:
            low = middle
    return low
