"""`PrivateTrainer` and `PrivateSFTTrainer`: transformers' and TRL's trainers, private by default.

    from privet.integrations.transformers import PrivateTrainer

    trainer = PrivateTrainer(model=model, args=arguments, train_dataset=data, epsilon=8.0, dataset_id="tickets")
    trainer.train()
    trainer.privacy.epsilon
    trainer.save_model("tickets-model")

Invariants:

- Every gradient that the optimizer sees is clipped by unit and noised; nothing else of the training data reaches the weights.
- A batch is drawn by Poisson sampling; batch size times accumulation steps is how many units it has on average.
- The ledger holds the whole plan before the first step: the one that is named, else that of Privet's state folder.
- Nothing is reported, pushed or pickled: `report_to` is none, pushing to a hub is refused, weights are safetensors, and `training_args.bin`
  is not written. Folders are for their owner only.
- A loss that is logged is the mean over at least 16 examples.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NoReturn

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments

from privet.errors import BadInput
from privet.evidence import digest
from privet.integrations.transformers_arguments import (
    checkpoint_of,
    private_arguments,
    refuse_remote_code,
    subjects_of,
    tokens_of,
    with_adapters,
)
from privet.policy import Policy
from privet.policy_plain import plain_policy
from privet.train import evidence, weights
from privet.train.batches import Batches, Collate, Rows
from privet.train.mean_loss import MeanLoss
from privet.train.plan import Privacy, epsilon_for, plan_of, units_of
from privet.train.run import Run, check_optimizer, enough_memory, policy_in_force

Method = Literal["lora", "full"]


class PrivateTrainer(Trainer):
    """transformers' `Trainer`, private by default.

    Args:
        model: a model that is loaded.
        args: as transformers has them; batch size times accumulation steps is the expected number of units of a batch.
        train_dataset: with a length; a stream cannot be sampled.
        epsilon: what the run may spend; delta: at most 1e-5, and 1/n² for n examples, which is what None takes.
        max_grad_norm: the Euclidean norm to which a unit's gradient is clipped.
        method: "lora" puts adapters in where the model has none; "full" trains what is trainable.
        subject_column: whose an example is; then a subject is the unit of privacy, with `examples_per_subject` in a batch at most.
        ledger: where epsilon is kept by `dataset_id`; Privet's own where it is None.
        dataset_id: what the ledger calls the data; None: a keyed digest of the rows, which is another for other rows.
        policy: the limits; None: those of privet.toml.
        data: what was done to the data before, for the evidence.

    Raises:
        BadInput: more epsilon than the policy lets, no such column, an argument that would tell of the data.

    """

    def __init__(  # noqa: PLR0913 - the interface
        self,
        model: Any = None,
        args: TrainingArguments | None = None,
        train_dataset: Any = None,
        *more: Any,
        epsilon: float = 8.0,
        delta: float | None = None,
        max_grad_norm: float = 1.0,
        method: Method = "lora",
        subject_column: str | None = None,
        examples_per_subject: int = 2,
        ledger: str | os.PathLike[str] | None = None,
        dataset_id: str | None = None,
        policy: Policy | None = None,
        data: Mapping[str, Any] | None = None,
        callbacks: Sequence[Any] | None = None,
        **rest: Any,
    ) -> None:
        if more:
            raise BadInput("expected model, args and train_dataset by place, and the rest by name")
        if train_dataset is None or not hasattr(train_dataset, "__len__"):
            raise BadInput("expected a train_dataset with a length", hint="a stream cannot be sampled by Poisson")
        if method not in ("lora", "full"):
            raise BadInput('expected method "lora" or "full"')
        if model is None or isinstance(model, str):
            raise BadInput("expected a model that is loaded", hint="load it first, from files you trust")
        refuse_remote_code(model, rest.get("processing_class"))
        self._policy = policy_in_force() if policy is None else policy
        self._asked: dict[str, Any] = {
            "epsilon": epsilon_for(self._policy.train, epsilon),
            "delta": delta,
            "max_grad_norm": max_grad_norm,
        }
        self._expected, args = private_arguments(args)
        self._most = args.per_device_train_batch_size
        self._units = units_of(subjects_of(train_dataset, subject_column), len(train_dataset))
        if not self._units[0]:
            raise BadInput("the dataset is empty", hint="there is nothing to train on")
        self._per_unit = examples_per_subject if self._units[1] == "subject" else 1
        self._dataset: Any = dataset_id or (train_dataset[at] for at in range(len(train_dataset)))
        self._ledger, self._method, self._data = ledger, method, dict(data or {})
        self._run: Run | None = None
        self._honours: bool | None = None
        self._loss = MeanLoss()
        Path(args.output_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
        if method == "lora":
            model = with_adapters(model, rest.get("peft_config") is not None)
        super().__init__(
            model=model, args=args, train_dataset=train_dataset, callbacks=[*(callbacks or ()), _Keep(self)], **rest
        )
        if len(self.train_dataset) != len(train_dataset):
            raise BadInput(
                "the trainer has made other examples of the dataset, so nobody knows whose they are",
                hint="switch packing off, and filter before",
            )

    # --- what transformers' loop asks for

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the Poisson batches."""
        rows, collate = self.train_dataset, self.data_collator
        if hasattr(rows, "column_names"):
            rows = self._remove_unused_columns(rows, description="training")
        else:
            collate = self._get_collator_with_removed_columns(collate, description="training")
        return DataLoader(
            Rows(rows),
            batch_sampler=Batches(self._begun().plan, self._steps_an_epoch),
            collate_fn=Collate(collate, self._most),
            num_workers=self.args.dataloader_num_workers,
        )

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """Put the noisy gradient of a batch into the parameters; return the mean loss of at least 16 examples."""
        del num_items_in_batch
        model.train()
        run = self._begun()
        if not run.taken or self._honours is None:
            check_optimizer(self.optimizer, [each for each in model.parameters() if each.requires_grad])
        for part in inputs["parts"]:
            batch = dict(self._prepare_inputs(part.inputs))
            if self._honours is None:
                with enough_memory(part.examples):
                    self._honours = self._honours_count(model, batch)
            tokens = tokens_of(batch, part.examples).reshape(part.units, part.per_unit).sum(1).clamp(min=1)
            loss = run.add(model, partial(self._summed, model), part.with_inputs(batch), 1 / tokens)
            self._loss.add(loss / tokens.sum() * part.examples, part.examples)
        run.finish(model)
        return self._loss.value().to(self.args.device)

    def _summed(self, model: Any, batch: Mapping[str, Any]) -> Tensor:
        """Return the loss as a sum over the tokens, or the examples, of a batch."""
        with self.compute_loss_context_manager():
            if self._honours:
                return self.compute_loss(model, dict(batch), num_items_in_batch=torch.ones(()))
            held = next(len(value) for value in batch.values() if isinstance(value, Tensor) and value.dim())
            return self.compute_loss(model, dict(batch)) * tokens_of(batch, held).sum()

    def _honours_count(self, model: Any, batch: Mapping[str, Any]) -> bool:
        """Tell whether the loss is divided by the count it is given, which most of transformers' models do."""
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad(), self.compute_loss_context_manager():
                one, two = (
                    float(self.compute_loss(model, dict(batch), num_items_in_batch=torch.full((), count)))
                    for count in (1.0, 2.0)
                )
        except TypeError:
            return False
        finally:
            model.train(was_training)
        return abs(one - 2 * two) <= 1e-3 * abs(one) and one != 0

    def train(self, resume_from_checkpoint: Any = None, **more: Any) -> Any:
        """Train; enter the plan in the ledger before the first step, and what was taken after the last.

        Raises:
            BadInput: the dataset is too small for the budget, or has spent it; a checkpoint is of another plan.
            Unsupported: gradients of the model cannot be told apart by example.

        """
        run = self._begun()
        folder = checkpoint_of(resume_from_checkpoint, self.args.output_dir)
        if folder is not None:
            run.go_on(folder)
        run.begin(Batches(run.plan, 1).source)
        try:
            result = super().train(resume_from_checkpoint=folder and str(folder), **more)
        finally:
            run.end()
        run.check()
        return result

    @property
    def privacy(self) -> Privacy:
        """What was spent so far."""
        return self._begun().privacy

    @property
    def _steps_an_epoch(self) -> int:
        return max(1, round(len(self._units[0]) / self._expected))

    def _begun(self) -> Run:
        if self._run is None:
            steps = self.args.max_steps
            if steps <= 0:
                steps = math.ceil(self.args.num_train_epochs * self._steps_an_epoch)
            limits = self._policy.train
            plan = plan_of(
                self._units, expected=self._expected, steps=steps, per_unit=self._per_unit, policy=limits, **self._asked
            )
            self._run = Run(plan, self._dataset, budget=limits.dataset_epsilon, ledger=self._ledger)
        return self._run

    def floating_point_ops(self, _inputs: Any) -> int:
        """Return 0: batches are of all sizes."""
        return 0

    # --- what is written

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:  # noqa: FBT002 - transformers'
        """Write weights as safetensors, the tokenizer, and the signed evidence of what was spent.

        Raises:
            Unprotected: what was saved is not what was trained, or a file cannot be cleaned.

        """
        folder = Path(output_dir or self.args.output_dir)
        self._save(str(folder))
        if _internal_call:
            return
        run = self._begun()
        document = evidence.statement(
            run.privacy,
            method=self._method,
            dataset=run.dataset,
            units=len(run.plan.units),
            policy=digest(plain_policy(self._policy)),
            data=self._data,
            weights=weights.digests(folder),
        )
        evidence.write(folder, document, run.signer)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        del state_dict
        tokens = getattr(self, "processing_class", None) or getattr(self.data_collator, "tokenizer", None)
        model = self.accelerator.unwrap_model(self.model)
        weights.save(model, Path(output_dir or self.args.output_dir), tokens, whole=self._method == "full")

    def push_to_hub(self, *_args: Any, **_more: Any) -> NoReturn:
        """Refuse: a model is published once it was audited.

        Raises:
            BadInput: always.

        """
        raise BadInput(
            "pushing to a hub from training is off",
            hint="save_model, `privet audit model`, `privet card`, and then publish the folder",
        )

    def create_model_card(self, *_args: Any, **_more: Any) -> None:
        """Write none: a card's privacy section comes from evidence, by `privet card`."""


class _Keep(TrainerCallback):
    """Puts the accountant's state into each checkpoint, for its owner only."""

    def __init__(self, trainer: PrivateTrainer) -> None:
        self._trainer = trainer

    def on_save(self, args: TrainingArguments, state: Any, _control: Any, **_more: Any) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        folder.chmod(0o700)
        self._trainer._begun().save(folder)  # noqa: SLF001 - one piece


def __getattr__(name: str) -> Any:
    # TRL is imported where it is asked for.
    if name == "PrivateSFTTrainer":
        from privet.integrations.trl import PrivateSFTTrainer

        return PrivateSFTTrainer
    raise AttributeError(name)
