"""Whether one group of numbers lies above another, by ranks: nothing is assumed about how they are spread.

Sources: Mann and Whitney 1947 (the test, its exact distribution); Hodges and Lehmann 1963 (the shift); Hanley and McNeil 1982 (the area
under the curve is U / (m n)); DeLong, DeLong and Clarke-Pearson 1988 (its variance).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np

_EXACT: Final = 40
"""Up to so many on each side the distribution is counted out; beyond, the normal one is within a few percent."""
_NORMAL: Final = NormalDist()


def auc(high: Sequence[float], low: Sequence[float]) -> float:
    """Return how likely one of `high` lies above one of `low`; ties count half.

    >>> auc([3, 4], [1, 2]), auc([1], [1])
    (1.0, 0.5)
    """
    return float(_wins(high, low).mean())


def chance_of(high: Sequence[float], low: Sequence[float]) -> float:
    """Return how likely `high` would lie so far above `low` if both were alike (one side).

    >>> round(chance_of([5, 6, 7, 8], [1, 2, 3, 4]), 6) == round(1 / 70, 6)
    True
    """
    many, few = len(high), len(low)
    if not many or not few:
        return 1.0
    wins = float(_wins(high, low).sum())
    values, counts = np.unique(np.concatenate((high, low)), return_counts=True)
    if len(values) == many + few and max(many, few) <= _EXACT:
        ways = _ways(many, few)
        return sum(ways[round(wins) :]) / math.comb(many + few, few)
    total = many + few
    ties = float((counts.astype(float) ** 3 - counts).sum())
    spread = math.sqrt(many * few / 12 * (total + 1 - ties / (total * (total - 1))))
    return 1 - _NORMAL.cdf((wins - many * few / 2 - 0.5) / spread) if spread else 1.0


def shift(high: Sequence[float], low: Sequence[float]) -> float:
    """Return by how much `high` lies above `low`.

    >>> shift([3, 5], [1, 2])
    2.5
    """
    return float(np.median(np.subtract.outer(np.asarray(high, dtype=float), np.asarray(low, dtype=float))))


def auc_limits(high: Sequence[float], low: Sequence[float], error: float) -> tuple[float, float]:
    """Return limits of the area, each wrong with a probability of `error`, by DeLong's variance on the logit scale.

    Where nothing overlaps that variance is none; half a pair counts as out of order then.
    """
    wins = _wins(high, low)
    many, few = wins.shape
    area = float(np.clip(wins.mean(), 0.5 / (many * few), 1 - 0.5 / (many * few)))
    rows, columns = wins.mean(axis=1), wins.mean(axis=0)
    variance = float(rows.var(ddof=1) / many + columns.var(ddof=1) / few) if min(many, few) > 1 else 0.25
    # Never less than what half a pair out of order would give (Hanley and McNeil's variance at such an area, leading term).
    variance = max(variance, area * (1 - area) / (many * few))
    reach = _NORMAL.inv_cdf(1 - error) * math.sqrt(variance) / (area * (1 - area))
    middle = math.log(area / (1 - area))
    return _expit(middle - reach), _expit(middle + reach)


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


def _wins(high: Sequence[float], low: Sequence[float]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    difference = np.subtract.outer(np.asarray(high, dtype=float), np.asarray(low, dtype=float))
    wins: np.ndarray[tuple[int, int], np.dtype[np.float64]] = (np.sign(difference) + 1) / 2
    return wins


@lru_cache(maxsize=64)
def _ways(many: int, few: int) -> tuple[int, ...]:
    """Return in how many orders of two groups the first wins 0, 1, ... many * few times."""
    # The Gaussian binomial: a product of (1 - q^(many + i)) / (1 - q^i).
    ways = [1] + [0] * (many * few)
    for step in range(1, few + 1):
        for place in range(many * few, many + step - 1, -1):
            ways[place] -= ways[place - many - step]
        for place in range(step, many * few + 1):
            ways[place] += ways[place - step]
    return tuple(ways)


def fisher(hits: int, tries: int, other_hits: int, other_tries: int) -> float:
    """Return how likely so many or more of all hits would be among the first group if both were alike.

    >>> round(fisher(3, 3, 0, 3), 4)
    0.05
    """
    together, whole = hits + other_hits, tries + other_tries
    ways = sum(
        math.comb(tries, many) * math.comb(other_tries, together - many)
        for many in range(hits, min(together, tries) + 1)
        if together - many <= other_tries
    )
    return ways / math.comb(whole, together)
