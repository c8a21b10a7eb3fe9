"""The layers of a model whose gradients are told apart by example, and what each saw and gave in a pass.

Invariants:

- A layer that is captured leaves the gradients of its parameters out; what is not captured, autograd computes, so it is noticed.
- A layer that mixes the examples of a batch is refused by name (`Mixes`): nobody could say whose its gradients are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from privet.errors import PrivetError


class Unsupported(PrivetError):
    """A layer whose gradient cannot be told apart by unit in one pass over a batch."""


class Mixes(Unsupported):
    """Something mixes the examples of a batch: no pass of any kind tells their gradients apart."""


LINEAR: Final = "linear"
TRANSPOSED: Final = "transposed"
EMBEDDING: Final = "embedding"
OTHER: Final = "other"
_MIXING: Final = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class Use(NamedTuple):
    """One use of a layer: what came in, and the gradient of what went out; examples first in both."""

    given: Tensor
    gradient: Tensor


@dataclass(slots=True, eq=False)
class Layer:
    """A module with trainable parameters of its own, and how it was used in this pass."""

    name: str
    module: nn.Module
    kind: str
    uses: list[Use] = field(default_factory=list)

    def plain(self, given: Tensor) -> Tensor:
        """Return what the layer gives, as its own `forward` does."""
        weight, bias = self.module.weight, getattr(self.module, "bias", None)
        if self.kind == LINEAR:
            return nn.functional.linear(given, weight, bias)
        if self.kind == EMBEDDING:
            return nn.functional.embedding(given, weight)
        shaped = given @ weight
        return shaped if bias is None else shaped + bias


class _Captured(torch.autograd.Function):
    """A layer that hands its input and the gradient of its output on, and leaves the gradients of its parameters out."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, layer: Layer, *parameters: Tensor) -> Tensor:
        # The parameters are arguments so that the output has a gradient even where the input has none.
        ctx.save_for_backward(given, parameters[0])
        ctx.layer = layer
        return layer.plain(given)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        given, weight = ctx.saved_tensors
        layer = ctx.layer
        layer.uses.append(Use(given.detach(), gradient.detach()))
        inner = None
        if ctx.needs_input_grad[0]:
            # Under autocast the output has another type than the weight.
            weight = weight.to(gradient.dtype)
            inner = gradient @ (weight if layer.kind == LINEAR else weight.t())
        return inner, None, *(None for _ in ctx.needs_input_grad[2:])


@contextmanager
def captured(layers: Sequence[Layer], examples: int) -> Iterator[None]:
    """Within it, forward and backward passes over a batch of so many examples are recorded in the layers."""
    with ExitStack() as stack:
        for layer in layers:
            layer.uses.clear()
            if layer.kind == OTHER:
                handle = layer.module.register_forward_hook(partial(_record, layer), with_kwargs=True)
                stack.callback(handle.remove)
            else:
                parameters = list(layer.module.parameters(recurse=False))
                layer.module.forward = partial(_forward, layer, parameters, examples)
                stack.callback(delattr, layer.module, "forward")
        yield


def _forward(layer: Layer, parameters: Sequence[Tensor], examples: int, given: Tensor) -> Tensor:
    if layer.kind == EMBEDDING and given.shape[0] == 1 < examples:
        # Positions are looked up once for all examples: the gradients of each are told apart only where each looks them up.
        given = given.expand(examples, *given.shape[1:])
    return _Captured.apply(given, layer, *parameters)


def _record(layer: Layer, _module: nn.Module, given: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
    if len(given) != 1 or named or not isinstance(given[0], Tensor) or not isinstance(output, Tensor):
        raise Unsupported(
            f"{layer.name}: a layer of the kind {type(layer.module).__name__} takes or gives more than one tensor",
            hint="freeze it, or train with method='lora'",
        )
    if output.requires_grad:
        kept = given[0].detach()
        output.register_hook(lambda gradient: layer.uses.append(Use(kept, gradient.detach())))


def refuse_mixing(model: nn.Module) -> None:
    """Refuse batch norm.

    Raises:
        Mixes: the model has a layer that mixes the examples of a batch.

    """
    for name, module in model.named_modules():
        if isinstance(module, _MIXING) and (
            any(each.requires_grad for each in module.parameters(recurse=False))
            or (module.training and module.track_running_stats)
        ):
            raise Mixes(
                f"{name or 'the model'}: {type(module).__name__} mixes the examples of a batch",
                hint="replace it by GroupNorm or LayerNorm",
            )


def layers_of(model: nn.Module) -> Iterator[Layer]:
    """Yield the layers with trainable parameters of their own."""
    for name, module in model.named_modules():
        if not any(each.requires_grad for each in module.parameters(recurse=False)):
            continue
        kind = _kind(module)
        if kind is not None:
            yield Layer(name or type(module).__name__, module, kind)


def _kind(module: nn.Module) -> str | None:
    given = type(module).forward
    every = all(each.requires_grad for each in module.parameters(recurse=False))
    if given is nn.Linear.forward and every:
        return LINEAR
    if type(module).__name__ == "Conv1D" and type(module).__module__ == "transformers.pytorch_utils" and every:
        return TRANSPOSED
    if (
        given is nn.Embedding.forward
        and module.max_norm is None
        and not module.scale_grad_by_freq
        and not module.sparse
    ):
        return EMBEDDING
    # What has layers inside is no layer: its own parameters are left over, and named.
    return None if any(True for _ in module.children()) else OTHER
