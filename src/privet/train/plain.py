"""Private training in a loop of one's own, in plain PyTorch.

>>> import os, tempfile
>>> state = tempfile.TemporaryDirectory()
>>> before = os.environ.get("XDG_STATE_HOME", "")
>>> os.environ["XDG_STATE_HOME"] = state.name  # this example's ledger is not yours
>>> from torch import nn
>>> from torch.utils.data import DataLoader, TensorDataset
>>> from privet.train import private
>>> data = TensorDataset(torch.randn(300, 4), torch.randint(0, 2, (300,)))
>>> model = nn.Linear(4, 2)
>>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
>>> run = private(model, optimizer, DataLoader(data, batch_size=30), epochs=2, epsilon=3.0)
>>> for batch in run.batches():
...     loss = run.step(batch, lambda rows: nn.functional.cross_entropy(model(rows[0]), rows[1], reduction="sum"))
>>> run.privacy.epsilon <= 3, run.privacy.unit, run.privacy.steps
(True, 'example', 20)
>>> os.environ["XDG_STATE_HOME"] = before
>>> state.cleanup()

Invariants:

- Batches are drawn by Poisson sampling from the loader's dataset; its batch size is how many units they have on average. Its sampler is not
  used.
- `step` is the only way to a gradient: it clips, adds noise and lets the optimizer step.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from privet.errors import BadInput
from privet.policy import Policy
from privet.train.batches import Batches, Collate, Part, Rows
from privet.train.layers import refuse_mixing
from privet.train.mean_loss import MeanLoss
from privet.train.plan import Privacy, plan_of, units_of
from privet.train.run import Run, check_optimizer, policy_in_force
from privet.train.steps import LossOf

Batch = Sequence[Part]


def private(  # noqa: PLR0913 - what a run promises
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loader: DataLoader[Any],
    policy: Policy | None = None,
    *,
    epochs: float = 1,
    epsilon: float = 8.0,
    delta: float | None = None,
    max_grad_norm: float = 1.0,
    subjects: Sequence[Any] | None = None,
    examples_per_subject: int = 2,
    largest_part: int | None = None,
    ledger: str | os.PathLike[str] | None = None,
    dataset_id: str | None = None,
) -> PrivateLoop:
    """Return a loop that trains in private.

    Args:
        model: with the parameters to train; those that are frozen stay.
        optimizer: over all trainable parameters.
        loader: with a dataset that has a length; its batch size is the expected number of units, its collation is used.
        policy: the limits; None: those of privet.toml.
        epochs: how often each unit is drawn on average.
        epsilon: what the run may spend.
        delta: at most 1e-5, and 1/n² for n examples, which is what None takes.
        max_grad_norm: the Euclidean norm to which a unit's gradient is clipped.
        subjects: whose each example is; then a subject is the unit of privacy.
        examples_per_subject: how many of a subject's a batch takes at most.
        largest_part: examples in memory at once; None: the batch size.
        ledger: where epsilon is kept by `dataset_id`; Privet's own where it is None.
        dataset_id: what the ledger calls the data; None: a keyed digest of the rows.

    Raises:
        BadInput: more epsilon than the policy lets, or the data is too small for it.
        Mixes: the model has batch norm.

    """
    if loader.batch_size is None or not hasattr(loader.dataset, "__len__"):
        raise BadInput(
            "expected a loader with a batch size over a dataset with a length", hint="a stream cannot be sampled"
        )
    refuse_mixing(model)
    trainable = [each for each in model.parameters() if each.requires_grad]
    if not trainable:
        raise BadInput("no parameter of the model is trainable", hint="set requires_grad where it should learn")
    check_optimizer(optimizer, trainable)
    rows: Any = loader.dataset
    units = units_of(subjects, len(rows))
    policy = policy_in_force() if policy is None else policy
    plan = plan_of(
        units,
        expected=float(loader.batch_size),
        steps=max(1, round(epochs * len(units[0]) / loader.batch_size)),
        epsilon=epsilon,
        delta=delta,
        max_grad_norm=max_grad_norm,
        per_unit=examples_per_subject if subjects is not None else 1,
        policy=policy.train,
    )
    run = Run(
        plan, dataset_id or (rows[at] for at in range(len(rows))), budget=policy.train.dataset_epsilon, ledger=ledger
    )
    return PrivateLoop(run, model, optimizer, loader, largest_part or loader.batch_size)


class PrivateLoop:
    """A private run in a loop of one's own; `private` makes it."""

    def __init__(
        self, run: Run, model: nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader[Any], largest_part: int
    ) -> None:
        self._run, self._model, self._optimizer = run, model, optimizer
        self._loss = MeanLoss()
        sampler = Batches(run.plan, run.plan.steps)
        self._source = sampler.source
        self._loader = DataLoader(
            Rows(loader.dataset),
            batch_sampler=sampler,
            collate_fn=Collate(loader.collate_fn, largest_part),
            num_workers=loader.num_workers,
        )

    def __len__(self) -> int:
        return self._run.plan.steps

    @property
    def privacy(self) -> Privacy:
        """What was spent so far."""
        return self._run.privacy

    @property
    def noise_multiplier(self) -> float:
        """The deviation of the noise, in clipping norms."""
        return self._run.plan.noise_multiplier

    def batches(self) -> Iterator[Batch]:
        """Yield the batches of the run, in parts; the ledger holds the plan before the first, and what was taken after the last.

        Raises:
            BadInput: the dataset has spent its budget, or the run has ended.
            Unprotected: a self-check failed.

        """
        self._run.begin(self._source)
        try:
            for batch in self._loader:
                before = self._run.taken
                yield batch["parts"]
                if self._run.taken != before + 1:
                    raise BadInput(
                        "expected one step for each batch", hint="call step(batch, loss_of) in the loop, once"
                    )
        finally:
            self._run.end()
        self._run.check()

    def step(self, batch: Batch, loss_of: LossOf) -> float:
        """Take one step, and the optimizer's; return the mean loss of the last examples, at least 16, and 0 before there are so many.

        `loss_of` is given rows as the loader collates them, and returns the sum over them of what each would have alone.

        Raises:
            Mixes: it does not, or the model mixes examples.
            BadInput: a loss is not finite, or memory was not enough.

        """
        self._model.train()
        for part in batch:
            self._loss.add(self._run.add(self._model, loss_of, part), part.examples)
        self._run.finish(self._model)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return float(self._loss.value())
