"""What times tell, over many made-up series: no false alarm, and hits are seen. 8 trials a series, as in the quick size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from privet.audit.endpoint.timing_decision import Times

Noise = Callable[[Random], float]
NOISES: dict[str, Noise] = {
    "quiet": lambda chance: chance.gauss(0, 0.0005),
    "jitter": lambda chance: chance.expovariate(500),
    "stalls": lambda chance: chance.expovariate(333) + (chance.expovariate(20) if chance.random() < 0.1 else 0),
    "pareto": lambda chance: 0.001 * chance.paretovariate(1.3),
}
RUNS = 50
"""With `SURE` = 1e-4 at each of at most 8 looks, 400 clean runs give a false alarm with a probability under 0.3; the seeds are fixed."""


def verdicts(noise: Noise, own: float, cross: float, runs: int = RUNS) -> Counter[str]:
    found: Counter[str] = Counter()
    for run in range(runs):
        chance, times, load = Random(f"{own}{cross}{run}"), Times(), 1.0
        for _ in range(8):
            for _ in range(8):
                # A machine that is now busy, now not.
                load = max(0.5, min(4.0, load * chance.choice((0.8, 1, 1.25))))
                times.brief.append(0.01 + noise(chance) * load)
                times.cold.append(0.03 + noise(chance) * load)
                times.warm.append(0.03 - own + noise(chance) * load)
                times.cross.append(0.03 - cross + noise(chance) * load)
                times.control.append(0.03 + noise(chance) * load)
            if times.verdict in ("tells", "not"):
                break
        found[times.verdict] += 1
    return found


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("own", [0.0, 0.02])
def test_nothing_is_told_where_nothing_is_shared(noise: str, own: float) -> None:
    found = verdicts(NOISES[noise], own, 0.0)
    assert found["tells"] == 0
    assert found["not"] >= 0.95 * RUNS


@pytest.mark.parametrize("noise", NOISES)
def test_a_shared_cache_is_told(noise: str) -> None:
    assert verdicts(NOISES[noise], 0.02, 0.02)["tells"] == RUNS
    assert verdicts(NOISES[noise], 0.005, 0.005)["tells"] >= 0.8 * RUNS


def test_too_much_noise_tells_nothing() -> None:
    found = verdicts(lambda chance: chance.expovariate(2), 0.0, 0.0, runs=10)
    assert found["not"] <= 2
    assert found["tells"] == 0
