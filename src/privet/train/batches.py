"""Poisson batches for a `DataLoader`: a sampler, the dataset that knows units, and the collation of units of the same size.

Invariants:

- What is collated together is units with the same number of examples, those of a unit together.
- A batch that is larger than memory likes comes in parts of about as many examples as were asked for; the parts are one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch.utils.data import Dataset

from privet.train.plan import Plan
from privet.train.sampling import PoissonBatches


class Batches:
    """A batch sampler: (number of the unit in the batch, position of the example) each."""

    def __init__(self, plan: Plan, steps: int) -> None:
        self.source = PoissonBatches(plan.units, plan.expected, plan.per_unit)
        self._steps = steps

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for batch in self.source.batches(self._steps):
            yield [(unit, at) for unit, held in enumerate(batch) for at in held]


class Rows(Dataset[Any]):
    """The dataset, asked with the number of the unit too, which comes back with the row."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, asked: tuple[int, int]) -> tuple[int, Any]:
        return asked[0], self._rows[asked[1]]


@dataclass(frozen=True, slots=True)
class Part:
    """Part of a batch: `units` with `per_unit` examples each, those of a unit together."""

    inputs: Any
    units: int
    per_unit: int

    @property
    def examples(self) -> int:
        """How many rows it has."""
        return self.units * self.per_unit

    def with_inputs(self, inputs: Any) -> Part:
        """Return it with other inputs: the same on a device."""
        return replace(self, inputs=inputs)


class Collate:
    """Puts units with the same number of examples together, in parts of about `most` examples."""

    def __init__(self, collate: Callable[[list[Any]], Any], most: int) -> None:
        self._collate = collate
        self._most = most

    def __call__(self, rows: Sequence[tuple[int, Any]]) -> dict[str, list[Part]]:
        """Return the parts of a batch."""
        held: dict[int, list[Any]] = {}
        for unit, row in rows:
            held.setdefault(unit, []).append(row)
        alike: dict[int, list[list[Any]]] = {}
        for each in held.values():
            alike.setdefault(len(each), []).append(each)
        parts = []
        for per_unit, units in alike.items():
            step = max(1, self._most // per_unit)
            for start in range(0, len(units), step):
                some = units[start : start + step]
                parts.append(Part(self._collate([row for each in some for row in each]), len(some), per_unit))
        return {"parts": parts}
