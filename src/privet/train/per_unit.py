"""Sums of clipped gradients, one clip for each unit of privacy, in one backward pass.

A unit is an example, or all examples of a subject in a batch: `per_unit` consecutive examples. For a layer `y = x Wᵀ` the gradient of
unit i is `Gᵢᵀ Aᵢ` with inputs `Aᵢ: (positions, in)` and gradients of outputs `Gᵢ: (positions, out)`. Its norm follows from these without
being written down (`sum(AᵢAᵢᵀ * GᵢGᵢᵀ)`), and so does the clipped sum: one product of the weighted `G` with `A`, as large as the one that
plain training does. Nothing is done twice; per-unit gradients are written down only where that is smaller.

Invariants:

- What `sums` holds of each parameter is the sum over units of `min(1, C / norm) * gradient`: removing a unit changes it
  by at most C in the Euclidean norm over all parameters together.
- A parameter that gets its gradient in any way that is not captured here stops the run (`Unsupported`), it is never left out.
- The norm is taken over all trainable parameters, also where one is used in several places (tied embeddings): cross terms count.

Sources: Goodfellow 2015 (arXiv:1510.01799), norms of per-example gradients; Li et al. 2022 (arXiv:2110.05679), the product of Gram matrices
over positions; Bu et al. 2023 (arXiv:2210.00038), one backward pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from privet.train.gradients import Gradient, compare
from privet.train.layers import OTHER, Layer, Unsupported, captured, layers_of, refuse_mixing


class PerUnit:
    """Captures what per-unit gradients are made of, for the trainable parameters of a model.

    Raises:
        Mixes: a layer mixes examples (batch norm).
        Unsupported: parameters stand where no layer of their own uses them.

    """

    def __init__(self, model: nn.Module) -> None:
        refuse_mixing(model)
        self._layers = list(layers_of(model))
        self._users: dict[Tensor, list[tuple[Layer, str]]] = {}
        for layer in self._layers:
            for name, parameter in layer.module.named_parameters(recurse=False):
                if parameter.requires_grad:
                    self._users.setdefault(parameter, []).append((layer, name))
        left = [name for name, each in model.named_parameters() if each.requires_grad and each not in self._users]
        if left:
            raise Unsupported(
                f"{_listed(left)}: gradients of parameters outside of layers cannot be told apart by example",
                hint="freeze them (requires_grad = False), or train with method='lora'",
            )
        self.is_rough = False
        """whether a layer computed in 16 bits, so that sums of the same gradients differ by more than float32 rounds"""
        self.sums: dict[Tensor, Tensor] = {}
        """the sum of clipped gradients of each parameter, float32"""

    @property
    def parameters(self) -> list[Tensor]:
        """The trainable parameters, each once, in the order of the model."""
        return list(self._users)

    def clear(self) -> None:
        """Begin a new batch."""
        self.sums = {}

    @contextmanager
    def capture(self, examples: int) -> Iterator[None]:
        """Within it, forward and backward passes of the model over a batch of so many examples are recorded."""
        with captured(self._layers, examples):
            yield

    def add(self, units: int, per_unit: int, clip_norm: float, scale: Tensor | None = None) -> Tensor:
        """Add the clipped gradients of what was captured to `sums`; return the norms before clipping, (units,) float32.

        The batch is `units * per_unit` examples, those of a unit together, and the loss that was differentiated a sum over them.
        `scale`, (units,): factors of the units' gradients, before the clip.

        Raises:
            Unsupported: something was captured that does not belong to one example each.

        """
        with _exact():
            return self._add(units, per_unit, clip_norm, scale)

    def _add(self, units: int, per_unit: int, clip_norm: float, scale: Tensor | None) -> Tensor:
        grads = {parameter: self._gradient(parameter, units, per_unit) for parameter in self._users}
        squares = [each.squares() for each in grads.values() if each is not None]
        norms = torch.stack(squares).sum(0).sqrt() if squares else torch.zeros(units)
        factors = torch.ones_like(norms) if scale is None else scale.to(norms)
        norms = norms * factors
        weights = factors * (clip_norm / norms.clamp(min=1e-12)).clamp(max=1.0)
        for parameter, each in grads.items():
            parameter.grad = None
            if each is None:
                continue
            total = each.weighted(weights)
            known = self.sums.get(parameter)
            self.sums[parameter] = total if known is None else known.add_(total)
        for layer in self._layers:
            layer.uses.clear()
        return norms

    def _gradient(self, parameter: Tensor, units: int, per_unit: int) -> Gradient | None:
        """Return the gradients of a parameter, or None where it was not used."""
        found = Gradient(units, parameter.shape)
        for layer, name in self._users[parameter]:
            if layer.kind != OTHER and parameter.grad is not None:
                raise Unsupported(
                    f"{layer.name}: its {name} is used outside of the layer too",
                    hint="freeze it, or train with method='lora'",
                )
            for use in layer.uses:
                if use.given.shape[0] != units * per_unit or use.gradient.shape[0] != units * per_unit:
                    raise Unsupported(
                        f"{layer.name}: its input does not have one row for each example",
                        hint="freeze it, or train with method='lora'",
                    )
                found.add(layer, name, use)
                self.is_rough |= use.gradient.dtype in (torch.bfloat16, torch.float16)
        if parameter.grad is not None:
            ours = torch.zeros_like(parameter.grad) if found.whole is None else found.whole.sum(0)
            compare(ours, parameter.grad, self._users[parameter][0][0].name, rough=self.is_rough)
        return found if found.is_used else None


@contextmanager
def _exact() -> Iterator[None]:
    """Multiply in full float32 within it: TF32 and bfloat16 lose more than the clipping norm has to spare."""
    backends = [torch.backends.cuda.matmul, torch.backends.mkldnn.matmul]
    if not all(hasattr(each, "fp32_precision") for each in backends):  # before torch 2.9
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)
        return
    held = [each.fp32_precision for each in backends]
    try:
        for each in backends:
            each.fp32_precision = "ieee"
        yield
    finally:
        for each, precision in zip(backends, held, strict=True):
            each.fp32_precision = precision


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
