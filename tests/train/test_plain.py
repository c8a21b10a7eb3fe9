"""The entry for loops of one's own: that it learns, what it spends, what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from privet.errors import BadInput
from privet.policy import DEFAULT, with_value
from privet.train import private
from privet.train.layers import Mixes
from privet.train.ledger import Ledger


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return tmp_path / "state" / "privet"


def data(count: int = 400) -> TensorDataset:
    given = torch.randn(count, 6)
    return TensorDataset(given, (given[:, 0] > 0).long())


def loop(model: Any = None, rows: Any = None, optimizer: Any = None, batch: int = 40, **more: Any) -> Any:
    model = nn.Linear(6, 2) if model is None else model
    optimizer = optimizer or torch.optim.SGD([each for each in model.parameters() if each.requires_grad], lr=1.0)
    more = {"dataset_id": "points"} | more
    return private(model, optimizer, DataLoader(data() if rows is None else rows, batch_size=batch), **more)


def loss_of(model: Any) -> Any:
    return lambda rows: nn.functional.cross_entropy(model(rows[0]), rows[1], reduction="sum")


def test_it_learns_in_private(tmp_path: Path, state: Path) -> None:
    model, rows = nn.Linear(6, 2), data()
    run = loop(model, rows, epochs=4, epsilon=4.0, ledger=tmp_path / "ledger.json", largest_part=16)
    for batch in run.batches():
        assert all(part.examples <= 16 for part in batch)
        run.step(batch, loss_of(model))
    assert len(run) == run.privacy.steps == 40
    assert 3.9 < run.privacy.epsilon <= 4.0
    with torch.no_grad():
        right = float((model(rows.tensors[0]).argmax(1) == rows.tensors[1]).float().mean())
    assert right > 0.8
    spent = Ledger(tmp_path / "ledger.json", state).epsilon("points", "example", run.privacy.delta)
    assert spent == pytest.approx(run.privacy.epsilon)
    with pytest.raises(BadInput, match="taken all its steps"):
        next(run.batches())


def test_subjects_are_the_unit() -> None:
    model = nn.Linear(6, 2)
    run = loop(model, batch=10, subjects=[f"person {at % 50}" for at in range(400)], examples_per_subject=3)
    for batch in run.batches():
        assert all(part.per_unit == 3 for part in batch)
        run.step(batch, loss_of(model))
    assert (run.privacy.unit, run.privacy.sampling_rate, run.privacy.delta) == ("subject", 0.2, 1e-5)


def walk(run: Any, times: int, loss: Any) -> None:
    for batch in run.batches():
        for _ in range(times):
            run.step(batch, loss)


@pytest.mark.parametrize("times", [0, 2])
def test_steps_that_are_left_out_or_taken_twice_stop_the_run(times: int) -> None:
    model = nn.Linear(6, 2)
    with pytest.raises(BadInput, match="one step for each batch"):
        walk(loop(model), times, loss_of(model))


def test_a_mean_is_not_a_sum() -> None:
    model = nn.Linear(6, 2)
    with pytest.raises(Mixes, match="the loss is a mean"):
        walk(loop(model), 1, lambda rows: nn.functional.cross_entropy(model(rows[0]), rows[1]))


def test_what_is_refused_before_anything_is_spent(state: Path) -> None:
    with pytest.raises(Mixes, match="1: BatchNorm1d"):
        loop(nn.Sequential(nn.Linear(6, 2), nn.BatchNorm1d(2)))
    model = nn.Linear(6, 2)
    with pytest.raises(BadInput, match="does not hold 2 of 2"):
        loop(model, optimizer=torch.optim.SGD(nn.Linear(6, 2).parameters(), lr=1.0))
    with pytest.raises(BadInput, match="no parameter"):
        loop(model.requires_grad_(requires_grad=False), optimizer=torch.optim.SGD([torch.zeros(1, requires_grad=True)]))
    with pytest.raises(BadInput, match="above 2"):
        loop(policy=with_value(DEFAULT, "train.max_epsilon", 2.0))
    with pytest.raises(BadInput, match="one subject for each example"):
        loop(subjects=["a"])
    with pytest.raises(BadInput, match="batch size"):
        private(nn.Linear(1, 1), torch.optim.SGD([torch.zeros(1)]), DataLoader(data(), batch_size=None))
    assert not (state / "ledger.json").exists()
