"""The gradients of one parameter, a unit each, in the form that is smallest: products, rows, or written down.

Invariants:

- `squares` is no smaller than the squared norm of what `weighted` adds: what rounding may have taken from a product of Gram matrices is
  put on top.
- All sums are in float32, whatever the layers computed in.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.func import functional_call, vjp, vmap

from privet.train.layers import EMBEDDING, LINEAR, OTHER, Layer, Unsupported, Use

_MOST_WRITTEN: Final = 1 << 28
"""Numbers of one parameter's gradients that are written down at once: 1 GiB."""
_ROUNDING: Final = 2.0**-20
"""Of the sum of all products' sizes: what float32 loses where products of positions cancel."""


class Gradient:
    """The gradients of one parameter, a unit each, in the form that is smallest.

    `left`, `right`: (units, positions, p) and (units, positions, q), the gradient of unit i is `left_iᵀ right_i`; `ids`, `rows`: row
    `ids[i, t]` of it gets `rows[i, t]`; `whole`: it is written down. Their sum is meant.
    """

    def __init__(self, units: int, shape: torch.Size) -> None:
        self._units, self._shape = units, shape
        self.left: Tensor | None = None
        self.right: Tensor | None = None
        self.ids: Tensor | None = None
        self.rows: Tensor | None = None
        self.whole: Tensor | None = None

    @property
    def is_used(self) -> bool:
        """Whether the parameter had a part in the loss."""
        return any(each is not None for each in (self.left, self.ids, self.whole))

    def add(self, layer: Layer, name: str, use: Use) -> None:
        """Add one use."""
        if layer.kind == OTHER:
            self._add_whole(_by_example(layer, name, use))
            return
        gradient = self._by_unit(use.gradient.float())
        if layer.kind == EMBEDDING:
            ids = use.given.reshape(self._units, -1)
            padding = layer.module.padding_idx
            rows = gradient if padding is None else gradient * (ids != padding).unsqueeze(-1)
            self.ids, self.rows = _after(self.ids, ids), _after(self.rows, rows)
        elif name == "bias":
            self._add_whole(gradient.sum(1))
        else:
            given = self._by_unit(use.given.float())
            left, right = (gradient, given) if layer.kind == LINEAR else (given, gradient)
            self.left, self.right = _after(self.left, left), _after(self.right, right)

    def _by_unit(self, values: Tensor) -> Tensor:
        return values.reshape(self._units, -1, values.shape[-1])

    def _add_whole(self, grads: Tensor) -> None:
        # An example's part each: those of a unit add up.
        grads = grads.float().reshape(self._units, -1, *self._shape).sum(1)
        self.whole = grads if self.whole is None else self.whole + grads

    def squares(self) -> Tensor:
        """Return the squared norms, (units,)."""
        if self.whole is not None or (self.left is not None and self._is_small()):
            self._write_down()
            assert self.whole is not None  # noqa: S101 - for the type checker
            return self.whole.flatten(1).square().sum(1)
        total = torch.zeros(self._units, device=self._device())
        if self.left is not None and self.right is not None:
            total = total + ((self.left @ self.left.mT) * (self.right @ self.right.mT)).sum((1, 2))
            total = total + _ROUNDING * (self.left.norm(dim=2) * self.right.norm(dim=2)).sum(1).square()
        if self.ids is not None and self.rows is not None:
            same = self.ids.unsqueeze(2) == self.ids.unsqueeze(1)
            total = total + ((self.rows @ self.rows.mT) * same).sum((1, 2))
            if self.left is not None and self.right is not None:
                total = total + 2 * self._cross(self.left, self.right, self.ids, self.rows)
        return total.clamp(min=0)

    @staticmethod
    def _cross(left: Tensor, right: Tensor, ids: Tensor, rows: Tensor) -> Tensor:
        """Return the inner products of both forms: of a token embedding and the head that shares its weight (vocabulary first)."""
        at = left.gather(2, ids.unsqueeze(1).expand(-1, left.shape[1], -1))
        return (at * (right @ rows.mT)).sum((1, 2))

    def _device(self) -> torch.device:
        return next(each.device for each in (self.left, self.ids, self.whole) if each is not None)

    def _is_small(self) -> bool:
        """Tell whether writing the gradients down costs less than the products of positions."""
        assert self.left is not None  # noqa: S101 - for the type checker
        assert self.right is not None  # noqa: S101
        positions, high, wide = self.left.shape[1], self.left.shape[2], self.right.shape[2]
        return high * wide <= positions * (high + wide) and self._units * high * wide <= _MOST_WRITTEN

    def _write_down(self) -> None:
        dense: list[Tensor] = [] if self.whole is None else [self.whole]
        if self.left is not None and self.right is not None:
            dense.append(self.left.mT @ self.right)
        if self.ids is not None and self.rows is not None:
            spread = torch.zeros(self._units, *self._shape, device=self.rows.device)
            dense.append(spread.scatter_add_(1, self.ids.unsqueeze(2).expand_as(self.rows), self.rows))
        self.whole = dense[0] if len(dense) == 1 else torch.stack(dense).sum(0)
        self.left = self.right = self.ids = self.rows = None

    def weighted(self, weights: Tensor) -> Tensor:
        """Return the sum of the units' gradients, each times its weight."""
        if self.whole is not None:
            return torch.tensordot(weights, self.whole, dims=1)
        total = torch.zeros(self._shape, device=weights.device)
        if self.left is not None and self.right is not None:
            total = (self.left * weights[:, None, None]).flatten(0, 1).mT @ self.right.flatten(0, 1)
        if self.ids is not None and self.rows is not None:
            total.index_add_(0, self.ids.flatten(), (self.rows * weights[:, None, None]).flatten(0, 1))
        return total


def _after(known: Tensor | None, new: Tensor) -> Tensor:
    return new if known is None else torch.cat((known, new), 1)


def _by_example(layer: Layer, name: str, use: Use) -> Tensor:
    """Return the gradients of a parameter of any layer that treats examples alone, (examples, *shape)."""
    module = layer.module
    fixed = {key: each.detach() for key, each in (*module.named_parameters(), *module.named_buffers()) if key != name}

    def one(given: Tensor, gradient: Tensor) -> Tensor:
        def out(parameter: Tensor) -> Tensor:
            return functional_call(module, {**fixed, name: parameter}, (given.unsqueeze(0),))

        _, pull = vjp(out, module.get_parameter(name).detach())
        return pull(gradient.unsqueeze(0))[0]

    # Under autocast a layer may have seen and given other types than its parameters have.
    of = module.get_parameter(name).dtype
    given = use.given.to(of) if use.given.is_floating_point() else use.given
    return vmap(one)(given, use.gradient.to(of))


def compare(ours: Tensor, autograd: Tensor, name: str, *, rough: bool) -> None:
    """Refuse where our sum is not what autograd found; `rough`: the layer computed in 16 bits.

    Raises:
        Unsupported: it is not.

    """
    close = 16.0 if rough else 1.0
    most = float(autograd.abs().max())
    if not torch.allclose(ours, autograd.float(), rtol=1e-2 * close, atol=1e-3 * close * most + 1e-12):
        raise Unsupported(
            f"{name}: its gradient is not the sum of what each example adds",
            hint="freeze it: it mixes examples, or is random inside",
        )
