"""One private step: clipped gradients of the units of a batch, noise on their sum, the sum over the expected size as the gradient.

Invariants:

- What an optimizer sees is `(sum of clipped gradients + noise) / expected units`: the divisor does not depend on who was drawn.
- An empty batch is a step like any other: noise alone.
- Noise has `noise_multiplier` times the clipping norm as its deviation; units are clipped a thousandth below that norm (`noise.MARGIN`).
- Before the first step gradients of examples alone are compared with those of the batch, and the clip and the noise are tried: where
  something is not as it should be, nothing is trained.
- Buffers that are saved with the model stay as they were: statistics that a layer takes of its inputs would carry data past the noise.
- A model whose gradients cannot be told apart in one pass gets one pass for each unit, and a line says so.

Source: Abadi et al. 2016 (arXiv:1607.00133), algorithm 1.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from privet.errors import BadInput, Unprotected
from privet.train.each_unit import EachUnit
from privet.train.layers import Mixes, Unsupported
from privet.train.noise import MARGIN, Noise
from privet.train.per_unit import PerUnit
from privet.train.self_checks import OF_EACH, noise_is, some_of, sum_is_clipped

Inputs = Any
"""A collated batch: a tensor, or mappings and sequences of such; every tensor has one row for each example."""
LossOf = Callable[[Inputs], Tensor]
"""The loss of a batch: a sum over examples of what each would have alone."""
_CHECKED: Final = 3
_LOOKED_AT: Final = 1 << 16
"""numbers of noise that a self-check looks at"""
_TOLERANCE: Final = 2e-3
_ROUGH_TOLERANCE: Final = 5e-2
_LOG: Final = logging.getLogger("privet.train")


class PrivateSteps:
    """Takes batches, gives noisy gradients.

    Raises:
        BadInput: no parameter is trainable, or a number is none.
        Mixes: a layer mixes the examples of a batch.

    """

    def __init__(self, model: nn.Module, *, noise_multiplier: float, clip_norm: float, expected_units: float) -> None:
        if not clip_norm > 0:
            raise BadInput("expected a clipping norm above 0", hint="max_grad_norm=1.0 is the usual one")
        if not any(each.requires_grad for each in model.parameters()):
            raise BadInput("no parameter of the model is trainable", hint="set requires_grad, or take method='lora'")
        self._model = model
        self._gradients: PerUnit | EachUnit
        try:
            self._gradients = PerUnit(model)
        except Mixes:
            raise
        except Unsupported as error:
            self._gradients = EachUnit(model)
            _LOG.warning("%s: each unit gets a backward pass of its own, which is slower", error.message)
        self._buffers = {name: each.detach().clone() for name, each in _saved_buffers(model).items()}
        self._noise = Noise()
        self._clip_norm = clip_norm
        self._expected = expected_units
        self._units = 0
        self.noise_multiplier = noise_multiplier
        self.taken = 0
        self.has_learned = False
        """whether any unit has had a gradient"""
        if noise_multiplier:
            noise_is(self._noise.added(torch.zeros(_LOOKED_AT), self._deviation).double().numpy(), self._deviation)

    @property
    def _deviation(self) -> float:
        return self.noise_multiplier * self._clip_norm

    @property
    def parameters(self) -> list[Tensor]:
        """The trainable parameters, each once."""
        return self._gradients.parameters

    def add(self, loss_of: LossOf, batch: Inputs, units: int, per_unit: int, scale: Tensor | None = None) -> Tensor:
        """Add a part of a batch: `units * per_unit` examples, those of a unit together. Returns its loss.

        `scale`, (units,): factors of the units' losses, such as one over the number of their tokens.

        Raises:
            Mixes: the model or the loss mixes examples.
            BadInput: a loss or a gradient is not finite.

        """
        loss, norms = self._added(loss_of, batch, units, per_unit, scale, self._clip_norm * (1 - MARGIN))
        if not torch.isfinite(norms).all():
            raise BadInput(
                "the loss or a gradient is not finite", hint="lower the learning rate, or look for empty examples"
            )
        self._units += units
        self.has_learned = self.has_learned or bool((norms > 0).any())
        return loss

    def _added(
        self, loss_of: LossOf, batch: Inputs, units: int, per_unit: int, scale: Tensor | None, clip_norm: float
    ) -> tuple[Tensor, Tensor]:
        """Add a part to the sums; return its loss and the norms of its units."""
        if isinstance(self._gradients, PerUnit):
            try:
                with self._gradients.capture(units * per_unit):
                    loss = loss_of(batch)
                    loss.backward()
                return loss.detach(), self._gradients.add(units, per_unit, clip_norm, scale)
            except Mixes:
                raise
            except Unsupported as error:
                self._gradients = EachUnit(self._model, self._gradients.sums)
                _LOG.warning("%s: each unit gets a backward pass of its own, which is slower", error.message)
        losses, norms = [], []
        for unit in range(units):
            loss = loss_of(rows_of(batch, unit * per_unit, (unit + 1) * per_unit))
            loss.backward()
            losses.append(loss.detach())
            norms.append(self._gradients.add(clip_norm, 1.0 if scale is None else scale[unit]))
        return torch.stack(losses).sum(), torch.stack(norms)

    def finish(self) -> None:
        """Put the noisy gradient of the whole batch into the parameters' `grad`.

        Raises:
            Unprotected: the sum was not clipped, the noise is not there, or a buffer has changed.

        """
        self._check_buffers()
        sums = self._gradients.sums
        square = sum((float(each.double().square().sum()) for each in sums.values()), 0.0)
        sum_is_clipped(square**0.5, self._units, self._clip_norm)
        seen = []
        for parameter in self._gradients.parameters:
            total = sums.get(parameter)
            known = torch.zeros(parameter.shape, device=parameter.device) if total is None else total
            noised = self._noise.added(known, self._deviation) if self._deviation else known
            seen.append((_first(known), _first(noised)))
            parameter.grad = (noised / self._expected).to(parameter.dtype)
        if self._deviation:
            noise_is(some_of(seen), self._deviation)
        self._gradients.clear()
        self._units = 0
        self.taken += 1

    def _check_buffers(self) -> None:
        for name, now in _saved_buffers(self._model).items():
            before = self._buffers.get(name)
            if before is None or not torch.equal(now, before):
                raise Unprotected(
                    f"{name}: this buffer has changed in training, and would carry the data into the saved model without noise",
                    hint="set track_running_stats=False, or put a layer there that keeps no statistics",
                )

    def check(self, loss_of: LossOf, batch: Inputs, examples: int) -> None:
        """Compare the gradients of a few examples alone with those of the same examples in one batch, and try the clip.

        Raises:
            Mixes: they differ: something in the model or the loss mixes examples.
            Unprotected: a unit is longer than the clipping norm after the clip.

        """
        examples = min(examples, _CHECKED)
        was_training = self._model.training
        # Dropout draws other zeros each time; what mixes examples does so without it too.
        self._model.eval()
        try:
            first = self._sums(loss_of, rows_of(batch, 0, 1), 1)  # what may fall back to single passes does so here
            together = self._sums(loss_of, rows_of(batch, 0, examples), examples)
            alone = [self._sums(loss_of, rows_of(batch, at, at + 1), 1) for at in range(examples)]
            norm = _norm(first)
            clipped = _norm(self._sums(loss_of, rows_of(batch, 0, 1), 1, norm / 2)) if 0 < norm < float("inf") else 0.0
        finally:
            self._model.train(was_training)
        tolerance = _ROUGH_TOLERANCE if self._gradients.is_rough else _TOLERANCE
        for parameter, total in together.items():
            apart = sum((each[parameter] for each in alone if parameter in each), torch.zeros_like(total))
            if (total - apart).norm() > tolerance * max(float(total.norm()), float(apart.norm()), 1e-6):
                raise Mixes(
                    "gradients of examples alone are not those of the same examples in a batch",
                    hint="the model or the loss mixes examples, or the loss is a mean: take batch norm, packing and contrastive "
                    "losses out, and sum over examples",
                )
        if clipped > norm / 2 * (1 + (1e-2 if self._gradients.is_rough else 1e-4)):
            raise Unprotected("a unit is longer than the clipping norm after the clip", hint="report this")

    def _sums(
        self, loss_of: LossOf, batch: Inputs, examples: int, clip_norm: float = float("inf")
    ) -> dict[Tensor, Tensor]:
        if isinstance(self._gradients, EachUnit) and examples > 1:
            # The gradient of the batch as the model gives it: there is only one to add.
            loss_of(batch).backward()
            self._gradients.add(clip_norm)
        else:
            self._added(loss_of, batch, examples, 1, None, clip_norm)
        sums = self._gradients.sums
        self._gradients.clear()
        return sums


def _saved_buffers(model: nn.Module) -> dict[str, Tensor]:
    """Return the buffers that are part of a model's state, by name."""
    saved = model.state_dict(keep_vars=True)
    return {name: each for name, each in model.named_buffers() if name in saved}


def _norm(sums: Mapping[Tensor, Tensor]) -> float:
    return sum((float(each.double().square().sum()) for each in sums.values()), 0.0) ** 0.5


def rows_of(batch: Inputs, start: int, end: int) -> Inputs:
    """Return some rows of a batch.

    >>> rows_of({"ids": torch.arange(4), "name": "x", "more": (torch.arange(4),)}, 1, 3)
    {'ids': tensor([1, 2]), 'name': 'x', 'more': (tensor([1, 2]),)}
    """
    if isinstance(batch, Tensor):
        return batch[start:end] if batch.dim() else batch
    if isinstance(batch, Mapping):
        return {name: rows_of(value, start, end) for name, value in batch.items()}
    if isinstance(batch, Sequence) and not isinstance(batch, str):
        if any(isinstance(each, (Tensor, Mapping)) for each in batch):
            return type(batch)(rows_of(each, start, end) for each in batch)  # type: ignore[call-arg]
        return batch[start:end]
    return batch


def _first(values: Tensor) -> NDArray[np.float32]:
    return values.detach().reshape(-1)[:OF_EACH].cpu().numpy()
