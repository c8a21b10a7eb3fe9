"""Mutations: clipping, noise, sampling and accounting broken one at a time; each has to stop the run.

Draws are new in each run. Each check is wrong by chance in one of 500 million runs (six standard errors), as the module says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from privet.errors import Unprotected
from privet.train import accountant, per_unit, private, steps
from privet.train.each_unit import EachUnit
from privet.train.noise import Noise
from privet.train.sampling import PoissonBatches
from privet.train.self_checks import batches_are_poisson, noise_is, sum_is_clipped


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return tmp_path / "state" / "privet"


def trained(model: Any = None) -> Any:
    """Train 20 steps on 400 examples, 40 in a batch."""
    model = nn.Linear(40, 40) if model is None else model
    loss_of = nn.CrossEntropyLoss(reduction="sum")
    given = torch.randn(400, 40)
    rows = TensorDataset(given, (given[:, 0] > 0).long())
    run = private(
        model,
        torch.optim.SGD(model.parameters(), lr=1.0),
        DataLoader(rows, batch_size=40),
        epochs=2,
        dataset_id="points",
    )
    for batch in run.batches():
        run.step(batch, lambda rows: 9 * loss_of(model(rows[0]), rows[1]))
    return run


def test_what_is_not_broken_trains() -> None:
    assert 7.9 < trained().privacy.epsilon <= 8


def test_clipping_that_does_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    real = per_unit.PerUnit.add
    monkeypatch.setattr(
        per_unit.PerUnit, "add", lambda self, units, each, _clip, scale=None: real(self, units, each, 1e9, scale)
    )
    with pytest.raises(Unprotected, match="longer than the clipping norm"):
        trained()
    # And were the first check not there, by the sum of a step.
    monkeypatch.setattr(steps.PrivateSteps, "check", lambda *_: None)
    (state / "ledger.json").unlink()
    for path in state.glob("*.digest"):
        path.unlink()
    with pytest.raises(Unprotected, match="was not clipped"):
        trained()


def test_clipping_that_does_nothing_in_single_passes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Parameter(torch.randn(40))
            self.layer = nn.Linear(40, 40)

        def forward(self, given: Any) -> Any:
            return self.layer(given * self.token)

    real = EachUnit.add
    monkeypatch.setattr(EachUnit, "add", lambda self, _clip, scale=1.0: real(self, 1e9, scale))
    with pytest.raises(Unprotected, match="longer than the clipping norm"):
        trained(Odd())


@pytest.mark.parametrize("factor", [0.0, 0.9, 1.1])
def test_noise_of_another_size_is_noticed(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    real = Noise.normal
    monkeypatch.setattr(Noise, "normal", lambda self, *asked: real(self, *asked) * factor)
    with pytest.raises(Unprotected, match="noise of a step"):
        trained()


def test_noise_that_stops_in_the_middle_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = Noise.normal, iter(range(1000))

    def normal(self: Noise, *asked: Any) -> Any:
        return real(self, *asked) * (next(calls) < 10)

    monkeypatch.setattr(Noise, "normal", normal)
    with pytest.raises(Unprotected, match="noise of a step"):
        trained()


def shuffled(self: PoissonBatches, count: int) -> Iterator[list[list[int]]]:
    """Batches of one size, in turn: what an ordinary loader gives."""
    size = round(self._expected)
    order = np.random.default_rng(0).permutation(len(self._units))
    for at in range(count):
        yield [self._units[unit].tolist() for unit in np.roll(order, -at * size)[:size]]


def test_shuffling_in_the_place_of_sampling_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PoissonBatches, "batches", shuffled)
    with pytest.raises(Unprotected, match="not those of Poisson sampling"):
        trained()


def test_another_rate_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = PoissonBatches.batches

    def larger(self: PoissonBatches, count: int) -> Iterator[list[list[int]]]:
        self._expected *= 1.2
        yield from real(self, count)
        self._expected /= 1.2

    monkeypatch.setattr(PoissonBatches, "batches", larger)
    with pytest.raises(Unprotected, match="not those of Poisson sampling"):
        trained()


def test_sizes_are_looked_at_once_more_when_a_run_ends() -> None:
    batches_are_poisson(np.random.default_rng(0).binomial(400, 0.1, 500).tolist(), 400, 0.1)
    batches_are_poisson([], 400, 0.1)
    batches_are_poisson([400, 400], 400, 1.0)
    for sizes in ([40] * 200, [60] * 20, [0] * 20):
        with pytest.raises(Unprotected):
            batches_are_poisson(sizes, 400, 0.1)


@pytest.mark.parametrize("which", ["_pld", "_prv"])
@pytest.mark.parametrize("factor", [0.5, 0.95])
def test_an_accountant_that_says_too_little_is_noticed(
    monkeypatch: pytest.MonkeyPatch, state: Path, which: str, factor: float
) -> None:
    real = getattr(accountant, which)
    monkeypatch.setattr(accountant, which, lambda taken, delta: real(taken, delta) * factor)
    with pytest.raises(Unprotected, match="do not agree"):
        trained()
    assert not (state / "ledger.json").exists()


def test_checks_by_themselves() -> None:
    noise_is(Noise().normal(1 << 16).numpy() * 0.3, 0.3)
    noise_is(np.zeros(10), 1.0)  # too few to tell
    sum_is_clipped(3.0, 3, 1.0)
    with pytest.raises(Unprotected):
        sum_is_clipped(3.01, 3, 1.0)
    with pytest.raises(Unprotected):
        sum_is_clipped(float("nan"), 3, 1.0)
