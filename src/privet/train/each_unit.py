"""Sums of clipped gradients with one backward pass for each unit: slower, and right for any model.

Invariants:

- A unit's gradient is computed from its own examples alone, so nothing in the model can mix in those of others.
- What is added to `sums` of one unit has at most the clipping norm, over all parameters together.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from privet.train.layers import refuse_mixing


class EachUnit:
    """Takes the gradients of one unit after the other, from the parameters' `grad`.

    Raises:
        Mixes: a layer mixes examples (batch norm).

    """

    def __init__(self, model: nn.Module, sums: dict[Tensor, Tensor] | None = None) -> None:
        refuse_mixing(model)
        self.parameters: list[Tensor] = [each for each in model.parameters() if each.requires_grad]
        self.sums: dict[Tensor, Tensor] = {} if sums is None else sums
        """the sum of clipped gradients of each parameter, float32"""
        for parameter in self.parameters:
            parameter.grad = None

    @property
    def is_rough(self) -> bool:
        """Whether the model computes in 16 bits."""
        return torch.is_autocast_enabled() or any(each.dtype != torch.float32 for each in self.parameters)

    def clear(self) -> None:
        """Begin a new batch."""
        self.sums = {}

    def add(self, clip_norm: float, scale: Tensor | float = 1.0) -> Tensor:
        """Add the clipped gradient of one unit, times `scale` before the clip; return its norm before clipping."""
        held = {each: each.grad.float() for each in self.parameters if each.grad is not None}
        squares = [each.square().sum() for each in held.values()]
        norm = torch.stack(squares).sum().sqrt() * scale if squares else torch.zeros(())
        weight = scale * (clip_norm / norm.clamp(min=1e-12)).clamp(max=1.0)
        for parameter, gradient in held.items():
            parameter.grad = None
            total = gradient * weight
            known = self.sums.get(parameter)
            self.sums[parameter] = total if known is None else known.add_(total)
        return norm
