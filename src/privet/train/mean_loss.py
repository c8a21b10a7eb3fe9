"""The loss that is shown: a mean over many, never that of one example."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

_LEAST_EXAMPLES: Final = 16


class MeanLoss:
    """The mean over the last parts of batches that have at least 16 examples together.

    >>> mean = MeanLoss()
    >>> mean.add(torch.tensor(30.0), 10)
    >>> float(mean.value())
    0.0
    >>> mean.add(torch.tensor(34.0), 10)
    >>> round(float(mean.value()), 6)
    3.2
    """

    def __init__(self) -> None:
        self._held: list[tuple[Tensor, int]] = []

    def add(self, loss: Tensor, examples: int) -> None:
        """Add a sum of losses of so many examples."""
        self._held.append((loss, examples))
        while sum(count for _, count in self._held[1:]) >= _LEAST_EXAMPLES:
            self._held.pop(0)

    def value(self) -> Tensor:
        """Return the mean; 0 before there are enough."""
        count = sum(count for _, count in self._held)
        if count < _LEAST_EXAMPLES:
            return torch.zeros(())
        return torch.stack([loss for loss, _ in self._held]).sum() / count
