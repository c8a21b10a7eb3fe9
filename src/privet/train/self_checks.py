"""What a run checks of itself while it goes: that units are clipped, that noise is there, that batches are drawn by chance.

Each check says how often it is wrong by chance. None sees data: it sees sums, draws and sizes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from privet.errors import Unprotected
from privet.train.sampling import PoissonBatches

_DRAWS: Final = 1 << 16
_LEAST_DRAWS: Final = 1000
_FAR: Final = 6.0
"""Standard errors: by chance in one of 500 million checks."""
_TRIED: Final = 256
"""batches drawn before a run to look at their sizes"""
_MOST_TRIED: Final = 1 << 26
"""chances drawn for them"""
_ROUNDING: Final = 1e-4
OF_EACH: Final = 4096
"""numbers of one parameter that are looked at"""


def noise_is(added: NDArray[np.float64], deviation: float) -> None:
    """Refuse noise of another standard deviation. By chance one of 500 million draws is refused; fewer than 1,000 are not judged.

    Raises:
        Unprotected: the deviation is another one.

    """
    count = added.size
    if count < _LEAST_DRAWS:
        return
    found = math.sqrt(float(np.square(added).mean()))
    if not abs(found / deviation - 1) <= _FAR / math.sqrt(2 * count):
        raise Unprotected(
            "the noise of a step is not as large as planned", hint="nothing was trained with it; report this"
        )


def some_of(parts: Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> NDArray[np.float64]:
    """Return the differences of pairs, a few of each, at most 65,536 in all."""
    held: list[NDArray[np.float64]] = []
    left = _DRAWS
    for before, after in parts:
        if left <= 0:
            break
        some = min(left, OF_EACH)
        held.append(after.ravel()[:some].astype(np.float64) - before.ravel()[:some])
        left -= held[-1].size
    return np.concatenate(held) if held else np.empty(0)


def sum_is_clipped(norm: float, units: int, clip_norm: float) -> None:
    """Refuse a sum that is longer than its units can make it. Never by chance.

    Raises:
        Unprotected: it is.

    """
    if not norm <= units * clip_norm * (1 + _ROUNDING):
        raise Unprotected("a sum of gradients was not clipped", hint="nothing was trained with it; report this")


def batches_are_poisson(sizes: Sequence[int], units: int, rate: float) -> None:
    """Refuse sizes of batches that Poisson sampling does not give. By chance one of 500 million runs is refused.

    Sees another rate, and batches that are of more even size than chance makes them, as shuffling does.

    Raises:
        Unprotected: they are not binomial with `units` draws of probability `rate`.

    """
    from scipy.stats import binomtest

    draws, total = len(sizes) * units, sum(sizes)
    if not draws or rate >= 1:
        fits = total == draws
    else:
        fits = bool(binomtest(total, draws, rate).pvalue > 1e-9)
        variance = units * rate * (1 - rate)
        spread = sum((size - units * rate) ** 2 for size in sizes) / variance
        # Of a binomial number, (size - mean)² / variance has the mean 1 and a variance of about 2 + 1 / variance.
        fits = fits and spread > len(sizes) - _FAR * math.sqrt(len(sizes) * (2 + 1 / variance))
    if not fits:
        raise Unprotected(
            "the sizes of batches are not those of Poisson sampling", hint="nobody may sample but Privet; report this"
        )


def sampling_is_poisson(source: PoissonBatches, units: int) -> None:
    """Draw batches and look at their sizes, before any is used. By chance one of 500 million runs is refused.

    Raises:
        Unprotected: they are not binomial.

    """
    count = max(1, min(_TRIED, _MOST_TRIED // units))
    batches_are_poisson([len(batch) for batch in source.batches(count)], units, source.rate)
