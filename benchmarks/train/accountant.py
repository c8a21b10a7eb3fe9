"""Epsilon as Privet states it, beside dp-accounting's own default on 100 settings: `.venv/bin/python benchmarks/train/accountant.py`.

Settings are drawn with seed 0: noise 0.6 to 4, sampling rate 0.001 to 0.5, 10 to 5,000 steps, delta 1e-5 to 1e-8; those that spend
more than epsilon 20 are drawn again, since nobody would use them.
"""

from __future__ import annotations

import math
import random
import statistics
import time

from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent
from dp_accounting.pld import PLDAccountant

from privet.train.accountant import Steps, epsilon_of, noise_for

SETTINGS = 100
MOST_EPSILON = 20.0


def theirs(steps: Steps, delta: float) -> float:
    accountant = PLDAccountant()
    event = PoissonSampledDpEvent(steps.sampling_rate, GaussianDpEvent(steps.noise_multiplier))
    accountant.compose(event, steps.count)
    return float(accountant.get_epsilon(delta))


def drawn(chance: random.Random) -> tuple[Steps, float]:
    """Return a setting that one might use: rate * sqrt(steps) / noise below 2.5."""
    while True:
        noise = chance.uniform(0.6, 4)
        rate = math.exp(chance.uniform(math.log(0.001), math.log(0.5)))
        count = round(math.exp(chance.uniform(math.log(10), math.log(5000))))
        if rate * count**0.5 / noise < 2.5:
            return Steps(noise, rate, count), 10 ** chance.uniform(-8, -5)


def main() -> None:
    chance = random.Random(0)  # noqa: S311 - settings, not secrets
    apart, spent, back = [], [], []
    begun = time.process_time()
    while len(apart) < SETTINGS:
        steps, delta = drawn(chance)
        known = theirs(steps, delta)
        if not 0.05 < known < MOST_EPSILON:
            continue
        ours = epsilon_of((steps,), delta)  # raises where opacus' PRV accountant does not agree
        apart.append(abs(ours / known - 1))
        spent.append(known)
        if len(apart) % 10 == 0:
            back.append(noise_for(known, delta, steps.sampling_rate, steps.count) / steps.noise_multiplier - 1)
    print(
        f"{SETTINGS} settings, epsilon {min(spent):.2f} to {max(spent):.2f}, {time.process_time() - begun:.0f} s of CPU"
    )
    print(f"apart from dp-accounting: largest {max(apart):.4%}, median {statistics.median(apart):.4%}")
    print(f"noise found again from its epsilon: {min(back):+.4%} to {max(back):+.4%}")
    assert max(apart) < 0.01


if __name__ == "__main__":
    main()
