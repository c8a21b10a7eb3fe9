"""Private steps: what the optimizer sees, the way back to one pass a unit, and what is refused before anything is trained."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from torch import nn

from privet.errors import BadInput, Unprotected
from privet.train.layers import Mixes
from privet.train.steps import PrivateSteps, rows_of


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


class Token(nn.Module):
    """A layer, and a parameter that stands outside of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(4))
        self.layer = nn.Linear(4, 2)

    def forward(self, given: Any) -> Any:
        return self.layer(torch.tanh(given * self.token))


def summed(model: Any) -> Any:
    return lambda rows: nn.functional.cross_entropy(model(rows[0]), rows[1], reduction="sum")


def batch(count: int = 6) -> tuple[Any, Any]:
    return torch.randn(count, 4), torch.randint(0, 2, (count,))


def steps_of(model: Any, noise: float = 0.0, clip: float = 0.5) -> PrivateSteps:
    return PrivateSteps(model, noise_multiplier=noise, clip_norm=clip, expected_units=4)


def by_hand(model: Any, rows: Any, per_unit: int, clip: float, scale: Any) -> list[Any]:
    totals = [torch.zeros_like(each) for each in model.parameters()]
    for unit in range(len(rows[0]) // per_unit):
        some = rows_of(rows, unit * per_unit, (unit + 1) * per_unit)
        grads = [each * scale[unit] for each in torch.autograd.grad(summed(model)(some), list(model.parameters()))]
        norm = torch.sqrt(sum(each.square().sum() for each in grads))
        for total, each in zip(totals, grads, strict=True):
            total.add_(each * min(1.0, clip * (1 - 2**-10) / float(norm)))
    return totals


@pytest.mark.parametrize("make", [Token, lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))])
@pytest.mark.parametrize("per_unit", [1, 3])
def test_the_gradient_is_the_clipped_sum_over_the_expected_size(make: Any, per_unit: int) -> None:
    model, rows = make(), batch()
    scale = torch.rand(6 // per_unit) + 0.5
    steps = steps_of(model)
    for start in (0, 3):
        steps.add(
            summed(model),
            rows_of(rows, start, start + 3),
            3 // per_unit,
            per_unit,
            scale[start // per_unit :][: 3 // per_unit],
        )
    steps.finish()
    for parameter, total in zip(model.parameters(), by_hand(model, rows, per_unit, 0.5, scale), strict=True):
        assert torch.allclose(parameter.grad, total / 4, atol=1e-6)


def test_one_pass_a_unit_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    model = Token()
    with caplog.at_level(logging.WARNING):
        steps = steps_of(model)
        steps.check(summed(model), batch(), 6)
        steps.add(summed(model), batch(), 6, 1)
    (record,) = caplog.records
    assert record.getMessage().startswith("token: gradients of parameters outside of layers")
    assert record.getMessage().endswith("a backward pass of its own, which is slower")


def test_it_falls_back_in_the_middle_of_a_batch(caplog: pytest.LogCaptureFixture) -> None:
    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, given: Any) -> Any:
            out = self.layer(given)
            return out if len(given) == 2 else out + given @ self.layer.weight.T

    model, rows = Late(), batch()
    first, last = rows_of(rows, 0, 2), rows_of(rows, 2, 5)
    found = []
    for parts in ((first, last), (first,), (last,)):
        steps = steps_of(model)
        for part in parts:
            steps.add(summed(model), part, len(part[0]), 1)
        found.append({each: total.clone() for each, total in steps._gradients.sums.items()})
        assert len(caplog.records) == (1 if parts[-1] is last else 0)
        caplog.clear()
    whole, one, other = found
    assert all(torch.allclose(total, one[each] + other[each], atol=1e-6) for each, total in whole.items())


def test_an_empty_batch_is_noise_alone() -> None:
    model = nn.Linear(100, 100)
    steps = steps_of(model, noise=2.0)
    steps.finish()
    # Deviation 2 * 0.5 / 4; of 10,000 draws within six standard errors.
    assert float(model.weight.grad.std()) == pytest.approx(0.25, rel=6 / (2 * 10_000) ** 0.5)


class Normed(nn.Module):
    """Mixes the batch without a layer that could be named."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, given: Any) -> Any:
        return self.model(given - given.mean(0))


@pytest.mark.parametrize("inner", [Token, lambda: nn.Linear(4, 2)])
def test_what_mixes_examples_is_refused(inner: Any) -> None:
    model = Normed(inner())
    with pytest.raises(Mixes, match="in a batch"):
        steps_of(model).check(summed(model), batch(), 6)


class Average(nn.Module):
    """Keeps a running mean of what it sees, past autograd and its version counters."""

    def __init__(self, *, is_saved: bool) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 2)
        self.register_buffer("mean", torch.zeros(4), persistent=is_saved)

    def forward(self, given: Any) -> Any:
        if self.training:
            self.mean.data = 0.9 * self.mean.data + 0.1 * given.mean(0).detach()
        return self.inner(given)


def stepped(model: Any, rows: Any) -> None:
    steps = steps_of(model, noise=1.0)
    steps.check(summed(model), rows, 6)
    steps.add(summed(model), rows, 6, 1)
    steps.finish()


def instance_norm(*, keeps: bool) -> nn.Module:
    norm = nn.InstanceNorm1d(2, track_running_stats=keeps)
    return nn.Sequential(nn.Linear(4, 8), nn.Unflatten(1, (2, 4)), norm, nn.Flatten())


def test_a_buffer_that_would_carry_data_into_the_saved_model_stops_the_run() -> None:
    stepped(Average(is_saved=False), batch())
    stepped(instance_norm(keeps=False), batch())
    for model, name in (
        (Average(is_saved=True), "mean"),
        (instance_norm(keeps=True), "2.running_mean"),
    ):
        with pytest.raises(Unprotected, match=f"^{name}: this buffer has changed"):
            stepped(model, batch())


def test_numbers_that_are_none_are_refused() -> None:
    model = nn.Linear(4, 2)
    with pytest.raises(BadInput, match="clipping norm"):
        steps_of(model, clip=0.0)
    with pytest.raises(BadInput, match="not finite"):
        steps_of(model).add(summed(model), (torch.full((2, 4), float("nan")), torch.zeros(2, dtype=torch.long)), 2, 1)
    with pytest.raises(BadInput, match="no parameter"):
        steps_of(model.requires_grad_(requires_grad=False))
