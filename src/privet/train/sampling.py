"""Poisson batches: each unit is in each batch by itself, with the same probability.

Invariants:

- Which units are drawn comes from the operating system's randomness, not from the run's seed: amplification by sampling holds only where
  nobody can tell who was drawn.
- A batch may be empty or several times as large as expected; nobody is added or left out for that.
- Of a unit with more examples than `per_unit`, so many are drawn anew in each batch; one with fewer gets all of them.

Source: Abadi et al. 2016; Ponomareva et al. 2023 ("How to DP-fy ML"), section 4.3, on what shuffling does not give.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence

import numpy as np

from privet.errors import BadInput


class PoissonBatches:
    """Batches of positions in a dataset: of each unit that was drawn, the positions of at most `per_unit` of its examples.

    `units`: the positions of each unit's examples. `expected`: units a batch on average.
    """

    def __init__(self, units: Sequence[Sequence[int]], expected: float, per_unit: int = 1) -> None:
        if not units:
            raise BadInput("the dataset is empty", hint="there is nothing to train on")
        if not 0 < expected <= len(units):
            raise BadInput(
                f"expected batches of more than 0 and at most {len(units)} units, found {expected:g}",
                hint="make the batch smaller: batch size times accumulation steps is the expected number of units",
            )
        self._units = [np.asarray(each, dtype=np.int64) for each in units]
        self._expected = expected
        self._per_unit = per_unit

    @property
    def rate(self) -> float:
        """The probability with which a unit is in a batch."""
        return self._expected / len(self._units)

    def batches(self, count: int) -> Iterator[list[list[int]]]:
        """Yield so many batches."""
        # Philox under 128 bits of the operating system; its state never leaves this generator.
        chance = np.random.Generator(np.random.Philox(key=secrets.randbits(128)))
        most = self._per_unit
        for _ in range(count):
            drawn = np.flatnonzero(chance.random(len(self._units)) < self.rate)
            held = [self._units[unit] for unit in drawn]
            yield [(each if len(each) <= most else chance.choice(each, most, replace=False)).tolist() for each in held]
