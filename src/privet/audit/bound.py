"""Exact bounds on shares, from what a sample and planted canaries show.

Invariants:

- Every bound is one-sided and holds with at least the confidence it is asked for; none relies on a normal approximation.
- Detection is chance too: of M records that hold an identifier, the number that would be flagged is Binomial(M, recall). So even a
  full count without any hit leaves a bound above zero.

Sources: Clopper and Pearson 1934 (exact binomial limits); Mills 1972 (seeded defects: what was planted and found tells what was
not planted and missed); Rogan and Gladen 1978 (a prevalence from a test of known sensitivity); Hoeffding 1956 (a sum of
independent indicators is not more spread than a binomial of the same mean, so strata only help); Bonferroni (the error is split).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

SHARE_ERROR: Final = 0.04
RECALL_ERROR: Final = 0.01
"""The 5 % that a bound may be wrong, split between the share and the recall of the worst kind (Bonferroni). The share gets more: its
limit moves by a sixth where that of a recall out of hundreds moves by less than a hundredth."""
_MAX_NEEDED: Final = 1 << 40


def lower_limit(hits: int, tries: int, error: float) -> float:
    """Return the Clopper-Pearson lower limit of a probability.

    >>> round(lower_limit(95, 100, 0.025), 4)
    0.8872
    """
    from scipy.special import betaincinv

    return 0.0 if hits == 0 else float(betaincinv(hits, tries - hits + 1, error))


def upper_limit(hits: int, tries: int, error: float) -> float:
    """Return the Clopper-Pearson upper limit of a probability.

    >>> round(upper_limit(0, 3000, 0.05), 6)
    0.000998
    """
    from scipy.special import betaincinv

    return 1.0 if hits >= tries else float(betaincinv(hits + 1, tries - hits, 1 - error))


def residual_limit(
    flagged: int, drawn: int, records: int, recall: float, error: float, *, least: float | None = None
) -> int:
    """Return the largest number of records that may hold an identifier, of `records` of which `drawn` were looked at.

    It is the largest M for which P(X <= flagged) > error, where X is how many of M records are both drawn and detected: detected,
    F ~ Binomial(M, recall), and drawn, X ~ Hypergeometric(records, F, drawn). `least` is given where strata were drawn: the lowest
    probability with which any record was drawn. Then X is a sum of independent indicators of a mean of at least `recall * least * M`,
    and no more spread than a binomial of that mean (Hoeffding; Vatutin and Mikhailov 1982 for the hypergeometric parts).

    >>> residual_limit(0, 1000, 1000, 0.8, 0.05), residual_limit(0, 1000, 1000, 1.0, 0.05)
    (1, 0)
    >>> residual_limit(0, 300, 100_000, 1.0, 0.05)
    992
    """
    if recall <= 0:
        return records
    low, high = min(flagged, records), records
    while low < high:
        middle = (low + high + 1) // 2
        if at_most(flagged, middle, drawn, records, recall, least) > error:
            low = middle
        else:
            high = middle - 1
    return low


def at_most(flagged: int, holding: int, drawn: int, records: int, recall: float, least: float | None) -> float:
    """Return P(X <= flagged) where `holding` records hold an identifier, as `residual_limit` has it."""
    import numpy as np
    from scipy.special import bdtr, gammaln

    if drawn >= records:
        return float(bdtr(flagged, holding, recall)) if flagged < holding else 1.0
    if least is not None:
        return float(bdtr(flagged, drawn, min(1.0, recall * least * holding / drawn))) if flagged < drawn else 1.0
    # How many holding records are drawn: all but 1e-12 of it lies within eight standard deviations; the rest counts as "at most".
    mean = drawn * holding / records
    reach = 8 * math.sqrt(mean + 1) + 8
    low, high = max(0, holding + drawn - records, int(mean - reach)), min(drawn, holding, int(mean + reach))
    met = np.arange(low, high + 1)
    # The logarithm of the hypergeometric probabilities.
    weights = np.exp(
        sum(
            sign * gammaln(np.asarray(count, dtype=float) + 1)
            for sign, count in (
                *((1, count) for count in (holding, records - holding, drawn, records - drawn)),
                *((-1, count) for count in (met, holding - met, drawn - met, records - holding - drawn + met, records)),
            )
        )
    )
    inside = float(
        weights @ np.where(met <= flagged, 1.0, bdtr(min(flagged, drawn), np.maximum(met, flagged + 1), recall))
    )
    return min(1.0, inside + max(0.0, 1.0 - float(weights.sum())))


@lru_cache(maxsize=64)
def needed_records(share: float, recall: float, limit: float, error: float = SHARE_ERROR) -> int | None:
    """Return how many records must be drawn for the bound to come under `limit`, where `share` of them are flagged; None: no number.

    >>> needed_records(0.0, 0.9, 0.01)
    357
    """
    if recall <= 0 or share / recall >= limit:
        return None
    low, high = 1, 2
    while upper_limit(round(share * high), high, error) / recall > limit:
        low, high = high, high * 2
        if high > _MAX_NEEDED:
            return None
    while low + 1 < high:
        middle = (low + high) // 2
        if upper_limit(math.ceil(share * middle), middle, error) / recall > limit:
            low = middle
        else:
            high = middle
    return high
